"""The methods paragraph says what the world says."""

import shutil
from typing import get_args

import pytest
import yaml

from evolora.config.world import LearningConfig
from evolora.record.run_data import RunData
from evolora.viz.methods import LEARNING, methods


@pytest.fixture
def living(pretend_folder, tmp_path):
    """A function that changes settings of a copy of the run, and returns what is said of the organisms' lives."""
    folder = shutil.copytree(pretend_folder, tmp_path / "run")

    def change(**settings: object) -> str:
        world = yaml.safe_load((folder / "world.yaml").read_text()) | settings
        (folder / "world.yaml").write_text(yaml.safe_dump(world))
        return methods(RunData.open(folder))[1]

    return change


@pytest.mark.parametrize("method", get_args(LearningConfig.model_fields["method"].annotation))
def test_how_organisms_learn_is_said_of_every_method(living, method):
    said = living(learning={"method": method, "inheritance": "darwinian"})
    assert ("did not learn" in said) == (method == "none")
    assert method == "none" or f"learnt {LEARNING[method]}; what is learnt is not inherited" in said


@pytest.mark.parametrize("method", ["<b>", ["imitate"], {"a": 1}, None, 3])
def test_a_method_of_a_damaged_world_is_passed_over(living, method):
    assert "learn" not in living(learning={"method": method})


def test_neutral_selection_is_said_to_deal_out_all_that_is_owned_and_owed(living):
    assert "all that they own and owe" in living(selection="neutral")
    assert "own and owe" not in living(selection="energy")

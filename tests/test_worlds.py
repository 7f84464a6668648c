"""Every shipped world parses, builds on a tiny host and lives a generation."""

from pathlib import Path

import pytest

from evolora.build import open_run, plan
from evolora.config.load import load_world

WORLDS = sorted(Path(__file__).parents[1].joinpath("worlds").glob("*.yaml"))
SMALL = [
    "host.name=tiny-llama", "host.device=cpu", "host.dtype=float32", "generations=1", "population.founders=1",
    "encounters.visits=2", "traits.rank.founders=[4,4]",
]  # fmt: skip


@pytest.mark.parametrize("path", WORLDS, ids=lambda path: path.stem)
def test_a_shipped_world_lives_a_generation_on_a_tiny_host(path, tmp_path):
    simulation = open_run(load_world(str(path), SMALL), tmp_path)
    assert simulation.run().generation == 1


@pytest.mark.parametrize("path", WORLDS, ids=lambda path: path.stem)
def test_a_shipped_world_opens_with_its_command_and_its_cost(path):
    head = path.read_text().split("name:")[0]
    assert f"evolora simulate {path.stem}" in head
    assert "Override:" in head and "Cost:" in head and "Shows" in head


def test_there_are_the_worlds_the_readme_names():
    names = {path.stem for path in WORLDS}
    assert names == {"tidepool", "drift", "learning_only", "solo", "pulse"}


def test_a_dry_run_measures_a_generation_and_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = dict(plan(load_world(str(WORLDS[-1]), SMALL)).rows)
    assert rows["host"].startswith("tiny-llama")
    assert {"tokens", "memory", "time"} <= set(rows)
    assert not list(tmp_path.iterdir())

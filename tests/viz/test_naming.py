"""Runs beside each other are called by what differs between their worlds."""

from pathlib import Path

import pytest
import yaml
from synthetic import write_run

from evolora.record.run_data import RunData
from evolora.viz.naming import differences, run_names


def run_of(folder: Path, seed: int = 1, name: str = "pond", **changes: object) -> RunData:
    """A run of three generations whose world has `changes`."""
    path = write_run(folder, generations=3, capacity=6, seed=seed, name=name)
    world = yaml.safe_load((path / "world.yaml").read_text())
    (path / "world.yaml").write_text(yaml.safe_dump({**world, **changes}))
    return RunData.open(path)


def test_a_setting_or_two_that_differ_are_the_name(tmp_path):
    one = run_of(tmp_path / "one", learning={"method": "reinforce"})
    other = run_of(tmp_path / "other", learning={"method": "none"})
    assert run_names([one, other]) == ["learning method reinforce", "learning method none"]
    assert differences([one, other]) == [{"learning.method": "reinforce"}, {"learning.method": "none"}]


def test_many_differences_leave_the_worlds_name_and_the_seed(tmp_path):
    one = run_of(tmp_path / "one", seed=1, name="petri", selection="energy", energy={"upkeep": 0.9})
    other = run_of(tmp_path / "other", seed=2, name="drift", selection="neutral", energy={"upkeep": 0.3})
    assert run_names([one, other]) == ["petri, seed 1", "drift, seed 2"]
    assert differences([one, other])[1] == {"seed": "2", "selection": "neutral", "energy.upkeep": "0.3"}


def test_runs_of_the_same_world_are_called_by_their_folders(tmp_path):
    same = [run_of(tmp_path / folder / "run") for folder in ("a", "b")]
    assert run_names(same) == ["run (1)", "run (2)"]
    assert run_names([run_of(tmp_path / "first"), run_of(tmp_path / "second")]) == ["first", "second"]


def test_how_long_and_with_what_a_run_was_lived_is_no_difference(tmp_path):
    one, other = (run_of(tmp_path / str(n), generations=n, record={"elites": n}, workers=n) for n in (1, 2))
    assert differences([one, other]) == [{}, {}]


@pytest.mark.parametrize("text", ["", "[1, 2]", "niches: [[1], {name: null}]", "a: {b: {c: {d: {e: {f: {g: 1}}}}}}"])
def test_a_damaged_world_has_a_name_too(tmp_path, text):
    one, other = run_of(tmp_path / "one"), run_of(tmp_path / "other")
    (other.path / "world.yaml").write_text(text)
    names = run_names([one, RunData.open(other.path)])
    assert len(set(names)) == 2 and all(names)

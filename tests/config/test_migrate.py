"""Older world files are brought to the newest format; newer ones are refused in one line."""

from pathlib import Path

import pytest
from world_files import SMALL, problems_of, write

from evolora.config import migrate as migrate_module
from evolora.config.document import Document, parse_yaml
from evolora.config.load import load_world
from evolora.config.migrate import FORMAT, MIGRATIONS, NEWEST, migrate
from evolora.config.world import WorldConfig


def rent_becomes_upkeep(document: Document) -> None:
    """An example of a migration: version 0 called `energy.upkeep` `rent`, and kept it outside its section."""
    document.move(("rent",), ("energy", "upkeep"))


@pytest.fixture
def version_0(monkeypatch: pytest.MonkeyPatch) -> None:
    """A past in which there was a version 0."""
    monkeypatch.setattr(migrate_module, "MIGRATIONS", {0: rent_becomes_upkeep})


OLD = f"format: 0\nrent: 2.5\nenergy: {{remains: sink}}\n{SMALL}"


@pytest.mark.usefixtures("version_0")
def test_an_old_file_means_what_it_meant(tmp_path: Path) -> None:
    world = load_world(write(tmp_path, OLD))
    assert (world.energy.upkeep, world.energy.remains, world.format) == (2.5, "sink", NEWEST)


@pytest.mark.usefixtures("version_0")
def test_a_mistake_in_a_migrated_setting_is_shown_where_it_was_written(tmp_path: Path) -> None:
    (problem,) = problems_of(write(tmp_path, OLD.replace("2.5", "-2.5")))
    assert problem.startswith("small.yaml:2:1: energy.upkeep: expected a number >= 0, got -2.5")


@pytest.mark.usefixtures("version_0")
def test_a_new_file_may_extend_an_old_one(tmp_path: Path) -> None:
    write(tmp_path, OLD, "old.yaml")
    world = load_world(write(tmp_path, f"format: {NEWEST}\nextends: old.yaml\nseed: 9\n"))
    assert (world.energy.upkeep, world.seed) == (2.5, 9)


@pytest.mark.usefixtures("version_0")
def test_a_file_of_the_newest_format_is_not_migrated(tmp_path: Path) -> None:
    (problem,) = problems_of(write(tmp_path, f"rent: 2.5\n{SMALL}"))
    assert problem.startswith("small.yaml:1:1: rent: unknown key")


def test_migrations_follow_one_another() -> None:
    document = Document()
    document.values = {FORMAT: 0, "a": 1}
    steps = {0: lambda d: d.move(("a",), ("b",)), 1: lambda d: d.move(("b",), ("c",))}
    migrate(document, newest=2, migrations=steps)
    assert document.values == {FORMAT: 2, "c": 1}


def test_a_file_from_the_future_is_one_line_whatever_it_holds(tmp_path: Path) -> None:
    problems = problems_of(write(tmp_path, "name: later\nformat: 99\nmoons: [1]\n"))
    assert problems == [
        "small.yaml:2:1: format: expected at most 1, the newest this Evolora reads, got 99; "
        "install a newer Evolora (pip install --upgrade evolora)"
    ]


@pytest.mark.parametrize("version", ["0", "-1", "one", "[1]"])
def test_a_version_there_never_was_is_a_mistake(tmp_path: Path, version: str) -> None:
    (problem,) = problems_of(write(tmp_path, f"format: {version}\n{SMALL}"))
    assert problem.startswith("small.yaml:1:1: format: expected 1, got ")


def test_the_newest_format_is_the_model_s_and_every_older_one_is_migrated() -> None:
    assert WorldConfig.model_fields[FORMAT].default == NEWEST
    assert sorted(MIGRATIONS) == list(range(NEWEST - len(MIGRATIONS), NEWEST))


def test_moving_keeps_the_places_of_all_that_moves() -> None:
    document = Document()
    value = parse_yaml("a:\n  b: {c: [1, 2]}\nd: {}\n", "f", document)
    assert isinstance(value, dict)
    document.values = value
    document.move(("a", "b"), ("d", "e"))
    assert document.values == {"a": {}, "d": {"e": {"c": [1, 2]}}}
    assert document.place(("d", "e", "c", 1)) == "f:2:14"
    document.move(("a", "zzz"), ("d", "y"))
    document.move(("a",), ("d",))  # taken
    assert document.values == {"a": {}, "d": {"e": {"c": [1, 2]}}}

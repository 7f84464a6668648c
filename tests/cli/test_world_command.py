"""`evolora world` as a shell meets it."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from evolora.cli.app import app
from evolora.config.json_schema import SCHEMA_FILE, world_schema
from evolora.config.load import load_world
from evolora.errors import ConfigError


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def output(*arguments: str) -> str:
    done = CliRunner().invoke(app, ["world", *arguments], catch_exceptions=False)
    assert done.exit_code == 0
    return done.output


def problems(*arguments: str) -> list[str]:
    """What `main` prints, a line each, before it leaves with exit code 2."""
    with pytest.raises(ConfigError) as caught:
        CliRunner().invoke(app, ["world", *arguments], catch_exceptions=False)
    return caught.value.problems


def test_list_shows_shipped_worlds_and_those_here(tmp_path: Path) -> None:
    (tmp_path / "worlds").mkdir()
    output("new", "worlds/pond.yaml", "--from", "solo")
    shown = output("list")
    assert "tidepool" in shown and "shipped" in shown and "worlds/pond.yaml" in shown


def test_new_writes_a_world_that_validates_and_a_schema_beside_it(tmp_path: Path) -> None:
    shown = output("new", "pond")
    assert "evolora simulate pond.yaml" in shown
    assert load_world("pond").name == "pond"
    assert json.loads((tmp_path / SCHEMA_FILE).read_text(encoding="utf-8")) == world_schema()
    assert "no mistakes" in output("validate", "pond.yaml")


def test_new_from_a_world_copies_it(tmp_path: Path) -> None:
    output("new", "reef", "--from", "pulse")
    assert load_world("reef").shocks == load_world("pulse").shocks
    assert "Who lives well" in (tmp_path / "reef.yaml").read_text(encoding="utf-8")


def test_new_never_overwrites_and_writes_nothing_when_it_refuses(tmp_path: Path) -> None:
    (tmp_path / "pond.yaml").write_text("mine")
    (tmp_path / "broken.yaml").write_text("name: [")
    assert "expected a name that is free" in problems("new", "pond")[0]
    assert "expected an existing folder" in problems("new", "deep/pond")[0]
    assert "expected a name of letters" in problems("new", "my pond")[0]
    assert "not valid YAML" in problems("new", "reef", "--from", "broken.yaml")[0]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken.yaml", "pond.yaml"]
    assert (tmp_path / "pond.yaml").read_text() == "mine"


def test_show_resolves_with_overrides_and_can_say_what_each_setting_means() -> None:
    assert "upkeep: 0.2" in output("show", "drift", "--set", "energy.upkeep=0.2")
    assert "# Energy each organism pays to live one generation." in output("show", "drift", "--comments")


def test_diff_speaks_in_sentences() -> None:
    shown = output("diff", "tidepool", "drift")
    assert shown.startswith("from tidepool to drift, 6 settings:\n")
    assert "energy.upkeep falls from 1.5 to 0.1. Energy each organism pays to live one generation." in shown
    assert "1 setting:" in output("diff", "tidepool", "--set", "energy.upkeep=1")
    assert output("diff", "tidepool", "tidepool") == "the same world: no setting differs\n"
    assert "expected a second world, or --set" in problems("diff", "tidepool")[0]


def test_schema_prints_or_writes(tmp_path: Path) -> None:
    assert json.loads(output("schema")) == world_schema()
    output("schema", "--out", "s.json")
    assert json.loads((tmp_path / "s.json").read_text(encoding="utf-8")) == world_schema()


MISTAKEN = """\
name: a b
generations: many
niches:
  - {family: swop_words}
  - {family: rhyme, setings: {}}
  - {family: letter_at, settings: {place: middle}}
  - {family: "no_such_module:Family"}
reproduction:
  mutation: {gausian: 1}
  merging: {ties: 0}
"""


def test_validate_reports_all_mistakes_of_all_files_at_once_with_their_places(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(MISTAKEN)
    (tmp_path / "b.yaml").write_text("name: b\n")
    found = problems("validate", "a.yaml", "tidepool", "b.yaml", "zzz")
    places = [problem.split(": ")[0] for problem in found]
    assert places == [
        "a.yaml:1:1", "a.yaml:2:1", "a.yaml:4:6", "a.yaml:5:21", "a.yaml:6:25", "a.yaml:9:3", "a.yaml:10:3",
        "b.yaml", "zzz",
    ]  # fmt: skip
    assert "Did you mean swap_words" in found[2] and "gausian" in found[5] and "above 0" in found[6]


def test_validating_a_strangers_file_imports_none_of_its_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "evil.py").write_text("open('mark', 'w')\nclass Family: pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "a.yaml").write_text("name: a\nniches: [{family: 'evil:Family'}]\n")
    assert "no mistakes" in output("validate", "a.yaml")
    assert not (tmp_path / "mark").exists()

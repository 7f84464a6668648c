"""New world files keep the comments of what they copy, and say what their settings mean."""

from pathlib import Path

import pytest
from world_files import SMALL, write

from evolora.config.comments import commented
from evolora.config.load import dump_world, load_world
from evolora.config.new import copied_world, small_world
from evolora.config.shipped import shipped_files
from evolora.config.world import WorldConfig

WORLDS = shipped_files("worlds")


def comments(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("# ") and "evolora simulate" not in line]


@pytest.mark.parametrize("name", WORLDS)
def test_a_copy_is_the_same_world_under_its_own_name_with_all_comments(name: str, tmp_path: Path) -> None:
    file = tmp_path / "pond.yaml"
    text = copied_world("pond", WORLDS[name], file)
    world = load_world(write(tmp_path, text, "pond.yaml"))
    assert world == load_world(name).model_copy(update={"name": "pond"})
    assert set(comments(WORLDS[name].read_text(encoding="utf-8"))) <= set(comments(text))
    assert f"evolora simulate {name}" not in text and f"evolora simulate {file}" in text


@pytest.mark.parametrize("name", ["null", "true", "007", "1e3", "on", "pond"])
def test_a_name_that_yaml_would_take_for_something_else_is_quoted(name: str, tmp_path: Path) -> None:
    for text in (small_world(name, Path("a.yaml")), copied_world(name, WORLDS["solo"], tmp_path / "a.yaml")):
        assert load_world(write(tmp_path, text, "a.yaml")).name == name


def test_a_copy_into_another_folder_still_finds_what_it_extends(tmp_path: Path) -> None:
    write(tmp_path, SMALL, "bases/it's: 1.yaml")
    source = Path(write(tmp_path, '# mine\nextends: "bases/it\'s: 1.yaml"  # kept\nseed: 4\n', "top.yaml"))
    text = copied_world("pond", source, tmp_path / "deep" / "pond.yaml")
    world = load_world(write(tmp_path, text, "deep/pond.yaml"))
    assert (world.name, world.seed) == ("pond", 4)
    assert "# mine" in text and "# kept" in text


def test_a_copy_of_a_run_s_world_says_what_its_settings_mean(tmp_path: Path) -> None:
    source = Path(write(tmp_path, dump_world(load_world("pulse")), "run/world.yaml"))
    text = copied_world("pond", source, tmp_path / "pond.yaml")
    assert "# A copy of pulse:" in text and "# Energy each organism pays to live one generation." in text
    assert load_world(write(tmp_path, text)) == load_world("pulse").model_copy(update={"name": "pond"})


def test_a_copy_of_a_copy_has_one_schema_line(tmp_path: Path) -> None:
    first = Path(write(tmp_path, copied_world("one", WORLDS["solo"], tmp_path / "one.yaml"), "one.yaml"))
    assert copied_world("two", first, tmp_path / "two.yaml").count("yaml-language-server") == 1


def test_the_small_world_is_a_world_whose_comments_are_the_meanings(tmp_path: Path) -> None:
    text = small_world("pond", Path("pond.yaml"))
    world = load_world(write(tmp_path, text))
    assert world.name == "pond" and world.niches
    assert "  # Energy each organism pays to live one generation.\n  upkeep:" in text


@pytest.mark.parametrize("name", WORLDS)
def test_a_commented_world_reads_back_the_same_and_says_each_meaning_once(name: str, tmp_path: Path) -> None:
    world = load_world(name)
    text = commented(WorldConfig, world.model_dump(mode="json"))
    assert load_world(write(tmp_path, text)) == world
    assert text.count("# Energy for a full-score answer.") == 1
    assert all(len(line) <= 120 for line in text.splitlines() if line.lstrip().startswith("#"))

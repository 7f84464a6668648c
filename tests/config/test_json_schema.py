"""The JSON schema that editors complete by agrees with the loader."""

from pathlib import Path

import jsonschema
import pytest
import yaml

from evolora.config.json_schema import world_schema
from evolora.config.load import dump_world, load_world
from evolora.config.shipped import shipped_files

VALIDATOR = jsonschema.Draft202012Validator(world_schema())
WORLDS = shipped_files("worlds")


def test_it_is_a_schema() -> None:
    VALIDATOR.check_schema(world_schema())


@pytest.mark.parametrize("name", WORLDS)
def test_a_shipped_world_fits_as_written_and_as_resolved(name: str) -> None:
    for text in (WORLDS[name].read_text(encoding="utf-8"), dump_world(load_world(name))):
        assert list(VALIDATOR.iter_errors(yaml.safe_load(text))) == []


@pytest.mark.parametrize(
    "text",
    [
        "name: a",  # no niches, and nothing to extend
        "extends: tidepool\nzzz: 1",
        "extends: tidepool\nenergy: {upkep: 1}",
        "extends: tidepool\nenergy: {upkeep: -1}",
        "extends: tidepool\nniches: [{price: 1}]",
        "extends: tidepool\nformat: 2",
        "extends: tidepool\ntraits: {rank: {founders: [1]}}",
    ],
)
def test_a_mistake_is_one_for_the_editor_too(text: str) -> None:
    assert not VALIDATOR.is_valid(yaml.safe_load(text))


def test_part_of_a_section_is_enough_where_the_rest_has_a_default() -> None:
    assert VALIDATOR.is_valid({"extends": "tidepool", "traits": {"rank": {"founders": [4, 4]}}})


def test_every_setting_says_what_it_means() -> None:
    def silent(schema: dict, path: str) -> list[str]:
        found = []
        for key, field in schema.get("properties", {}).items():
            reference = field.get("$ref") or field.get("items", {}).get("$ref", "")
            section = world_schema()["$defs"].get(reference.rpartition("/")[2], {})
            if not (field.get("description") or section.get("description")):
                found.append(path + key)
            found += silent(section, f"{path}{key}.")
        return found

    assert silent(world_schema(), "") == []


def test_the_schema_is_found_through_the_header_of_a_new_world(tmp_path: Path) -> None:
    from evolora.config.json_schema import HEADER, SCHEMA_FILE
    from evolora.config.new import small_world

    assert small_world("pond", tmp_path / "pond.yaml").startswith(f"{HEADER}{SCHEMA_FILE}\n")

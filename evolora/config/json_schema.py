"""The world file as a JSON schema, for editors that complete and check while one types."""

from typing import Any

from pydantic import BaseModel

from evolora.config.extend import EXTENDS
from evolora.config.world import WorldConfig

DIALECT = "https://json-schema.org/draft/2020-12/schema"
SCHEMA_FILE = "evolora-world.schema.json"
HEADER = "# yaml-language-server: $schema="  # the first line of a world file, read by editors' YAML extensions


def world_schema() -> dict[str, Any]:
    """The schema of one file as it is written: any section may be partial, and a base may bring what is missing."""
    schema = WorldConfig.model_json_schema()
    _relax(WorldConfig, schema["$defs"])
    needed = schema.pop("required")
    extends = {
        "type": "string",
        "description": "A world file beside this one, or the name of a shipped world: its settings lie under these.",
    }
    return {
        "$schema": DIALECT,
        **schema,
        "title": "Evolora world",
        "properties": {EXTENDS: extends, **schema["properties"]},
        "anyOf": [{"required": [EXTENDS]}, {"required": needed}],
    }


def _relax(model: type[BaseModel], definitions: dict[str, Any]) -> None:
    """Drop `required` where a section has a default: what a file leaves out of it is filled in."""
    for field in model.model_fields.values():
        if isinstance(field.default, BaseModel):
            section = type(field.default)
            definitions[section.__name__].pop("required", None)
            _relax(section, definitions)

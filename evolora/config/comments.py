"""World files with their meanings: every setting under a comment, taken from the field's description."""

import textwrap
from collections.abc import Mapping
from inspect import getdoc
from typing import Any, get_args

from pydantic import BaseModel

from evolora.config.document import Value, to_yaml

WIDTH = 110


def meaning(model: type[BaseModel], key: str) -> str:
    """What a field means: its description, else its section's; empty where there is neither."""
    field = model.model_fields[key]
    section = section_of(model, key)
    if field.description or section is None:
        return field.description or ""
    return (getdoc(section) or "").split("\n\n")[0].replace("\n", " ")


def section_of(model: type[BaseModel], key: str) -> type[BaseModel] | None:
    """The model of a field that is a section or a list of sections; None for plain values."""
    annotation: Any = model.model_fields[key].annotation
    for part in (annotation, *get_args(annotation)):  # the argument of list[NicheConfig]
        if isinstance(part, type) and issubclass(part, BaseModel):
            return part
    return None


def commented(model: type[BaseModel], values: Mapping[str, Any]) -> str:
    """YAML of plain `values`, in the model's order; a setting's meaning is said where it comes first."""
    return "\n".join(_lines(model, values, 0, set())) + "\n"


def _lines(model: type[BaseModel], values: Mapping[str, Any], indent: int, said: set[tuple[str, str]]) -> list[str]:
    lines: list[str] = []
    for key in [key for key in model.model_fields if key in values]:
        value, section = values[key], section_of(model, key)
        if indent == 0 and lines:
            lines.append("")
        if (model.__name__, key) not in said:
            said.add((model.__name__, key))
            lines += _comment(meaning(model, key), indent)
        if isinstance(value, Mapping) and section is not None:
            lines += [f"{' ' * indent}{key}:", *_lines(section, value, indent + 2, said)]
        elif isinstance(value, list) and value and section is not None:
            lines.append(f"{' ' * indent}{key}:")
            for item in value:
                lines += _item(_lines(section, item, indent + 4, said), indent + 2)
        else:
            lines += _plain(key, value, indent)
    return lines


def _comment(text: str, indent: int) -> list[str]:
    lines = textwrap.wrap(text, WIDTH - indent - 2)
    return [f"{' ' * indent}# {line}" for line in lines]


def _plain(key: str, value: Value, indent: int) -> list[str]:
    return textwrap.indent(to_yaml({key: value}).rstrip("\n"), " " * indent).split("\n")


def _item(lines: list[str], indent: int) -> list[str]:
    """The lines of one section as an item of a list: its dash stands before the first that is no comment."""
    first = next(number for number, line in enumerate(lines) if not line.lstrip().startswith("#"))
    dashed = f"{' ' * indent}- {lines[first].lstrip()}"
    return [*(f"{' ' * indent}{line.lstrip()}" for line in lines[:first]), dashed, *lines[first + 1 :]]

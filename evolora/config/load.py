"""Settings files: found by name, extended, overridden, checked; every mistake reported at once."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import to_jsonable_python

from evolora.config.document import (
    Document,
    KeyPath,
    Value,
    described,
    dotted,
    parse_yaml,
    suggestion,
    to_yaml,
)
from evolora.config.extend import EXTENDS, read_document, read_text
from evolora.config.schema import explain
from evolora.config.shipped import shipped_files
from evolora.config.world import WorldConfig
from evolora.errors import ConfigError

WORLDS = "worlds"
_DOTTED = "expected KEY=VALUE with a dotted key, like energy.upkeep=0.2"
MOST_DIGITS = 9  # of a place in a list
ModelT = TypeVar("ModelT", bound=BaseModel)


class Setting(NamedTuple):
    """An override that is a value already: its dotted key, and where it was written."""

    key: str
    value: Value
    shown: str


def load_world(path_or_name: str, overrides: Sequence[str] = (), **direct: Value) -> WorldConfig:
    """The world in a file, in `worlds/NAME.yaml`, or shipped, with overrides such as `niches.count_bits.price=2`.

    `direct` sets top-level keys, e.g. `seed=3`; None leaves a key as it is. They win over `overrides`.

    Raises:
        ConfigError: with one line for every mistake in the file, the files it extends and the overrides.
    """
    return load_config(WorldConfig, find_file(path_or_name, WORLDS), overrides, direct)


def load_config(
    model: type[ModelT], path: Path, overrides: Sequence[str] = (), direct: Mapping[str, Value] | None = None
) -> ModelT:
    """Any settings file, checked against `model`. Raises `ConfigError` with every mistake."""
    config, document = check_config(model, path, overrides, direct)
    if config is None or document.problems:
        raise ConfigError(document.problems)
    return config


def check_config(
    model: type[ModelT], path: Path, overrides: Sequence[str | Setting] = (), direct: Mapping[str, Value] | None = None
) -> tuple[ModelT | None, Document]:
    """The settings of a file, or None where they are no `model`, and the document with its places and all mistakes."""
    return _check(model, read_document(path), overrides, direct or {})


def load_world_text(text: str, shown: str) -> WorldConfig:
    """A world that is one whole text, such as a stranger's: nothing else is opened, so it must extend nothing.

    Raises:
        ConfigError: with every mistake; `shown` is called the file.
    """
    document = read_text(text, shown)
    if EXTENDS in document.values:
        raise ConfigError(f"{document.place((EXTENDS,))}: {EXTENDS}: expected a resolved world, got one that extends")
    config, document = _check(WorldConfig, document, (), {})
    if config is None or document.problems:
        raise ConfigError(document.problems)
    return config


def _check(
    model: type[ModelT], document: Document, overrides: Sequence[str | Setting], direct: Mapping[str, Value]
) -> tuple[ModelT | None, Document]:
    if not document.values and document.problems:
        return None, document
    # Defaults go in first: `traits.rank.founders` alone keeps the default bounds, any list can be indexed.
    fields = {name: field for name, field in model.model_fields.items() if not field.is_required()}
    _fill_in(document.values, {name: field.get_default() for name, field in fields.items()})
    for override in overrides:
        setting = override if isinstance(override, Setting) else _parse_override(document, override)
        if setting is not None:
            _apply(document, setting)
    for key, value in direct.items():
        if value is not None:
            document.forget_places((key,))
            document.values[key], document.places[(key,)] = value, f"--{key}"
    try:
        # Strict JSON: `true` is no 1 and '30' no 30, while a list still makes a tuple.
        return model.model_validate_json(json.dumps(document.values), strict=True), document
    except ValidationError as error:
        document.problems += explain(model, error, document)
        return None, document


def dump_world(config: WorldConfig) -> str:
    """YAML of the resolved world: `load_world` reads the same world back."""
    return to_yaml(config.model_dump(mode="json"))


def find_file(path_or_name: str, folder: str) -> Path:
    """The file at a path, in a run's folder, `folder/NAME.yaml`, or the shipped one of that name.

    Raises:
        ConfigError: there is none; with the nearest name there is.
    """
    names = [path_or_name, f"{path_or_name}.yaml"]
    in_run = os.path.join(path_or_name, "world.yaml")
    for candidate in [*names, *(os.path.join(folder, name) for name in names), in_run]:
        if os.path.isfile(candidate):
            return Path(candidate)
    shipped = shipped_files(folder)
    name = path_or_name.removeprefix(f"{folder}/").removesuffix(".yaml")
    if name in shipped:
        return shipped[name]
    known = sorted({*shipped, *(path.stem for path in Path(folder).glob("*.yaml"))})
    what = "a directory" if os.path.isdir(path_or_name) else "no such file"
    near = suggestion(Path(path_or_name).stem, known)
    there = f" ({folder}: {', '.join(known)})" if known and not near else ""
    expected = f"expected a YAML file or the name of one of the {folder}"
    raise ConfigError(f"{path_or_name}: {expected}, got {what}{near}{there}")


def _fill_in(values: dict[str, Value], defaults: Mapping[str, object]) -> None:
    """Add the default of every key that is absent, inside sections too."""
    for name, default in defaults.items():
        given = values.setdefault(name, to_jsonable_python(default))
        if isinstance(given, dict) and isinstance(default, BaseModel):
            _fill_in(given, dict(default))


def _parse_override(document: Document, override: str) -> Setting | None:
    """One `a.b.c=value`, or None: a mistake in it goes to the document's problems."""
    shown = f"--set {override}"
    key, equals, text = override.partition("=")
    if not equals:
        document.problems.append(f"{shown}: {_DOTTED}")
        return None
    scratch = Document()
    value = parse_yaml(text, shown, scratch)
    document.problems += scratch.problems
    return None if scratch.problems else Setting(key, value, shown)


def _apply(document: Document, setting: Setting) -> None:
    """Set one value; a mistake in it goes to the document's problems."""
    key, value, shown = setting
    parts = key.strip().split(".")
    if not all(parts):
        document.problems.append(f"{shown}: {_DOTTED}")
        return
    target: Value = document.values
    path: KeyPath = ()
    for index, part in enumerate(parts):
        last = index == len(parts) - 1
        if isinstance(target, dict):
            path = (*path, part)
            if last:
                target[part] = value
            else:
                if part not in target:
                    document.places[path] = shown
                target = target.setdefault(part, {})
        elif isinstance(target, list):
            position = _position(target, part)
            if isinstance(position, str):
                document.problems.append(f"{shown}: {dotted(path)}: {position}")
                return
            path = (*path, position)
            if last:
                target[position] = value
            else:
                target = target[position]
        else:
            got = described(target)
            document.problems.append(f"{shown}: {dotted(path)}: expected a section to set {part} in, got {got}")
            return
    document.forget_places(path)
    document.places[path] = shown


def _position(items: list[Value], part: str) -> int | str:
    """The index of the item that `part` numbers or names, or what is wrong with it."""
    names = [_item_name(item) for item in items]
    if part in names:
        return names.index(part)
    if part.isdecimal() and len(part) <= MOST_DIGITS and int(part) < len(items):
        return int(part)
    named = [name for name in names if name]
    if not items:
        return f"expected a list with items, got an empty one to look for {part} in"
    choices = f"0 to {len(items) - 1}" + (f" or {', '.join(named)}" if named else "")
    return f"expected an item ({choices}), got {part}{suggestion(part, named)}"


def _item_name(item: Value) -> str:
    """What a list's item is called: its name, else its family's with `_` for `:`, else nothing."""
    if not isinstance(item, dict):
        return ""
    name, family = item.get("name"), item.get("family")
    return name if isinstance(name, str) else family.replace(":", "_") if isinstance(family, str) else ""

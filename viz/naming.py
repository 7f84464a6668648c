"""What runs beside each other are called: by what differs between their worlds."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from evolora.record.run_data import RunData

FEW = 2  # differences that fit into a name
MOST_SETTINGS = 5_000  # of a world: a damaged file may have any number
DEEPEST = 6
LONGEST_VALUE = 40  # characters
ABSENT = "not set"
# What says how a run was lived or kept, and not what its world is like.
PRACTICAL = ("name", "format", "description", "generations", "record", "workers", "host.threads", "host.device")


def run_names(runs: Sequence[RunData]) -> list[str]:
    """A short name for each run, no two alike: the settings that differ if they are few, else the world's name."""
    told = differences(runs)
    keys = list(told[0]) if told else []
    if 1 <= len(keys) <= FEW:
        labels = _short_keys(keys)
        names = [", ".join(f"{labels[key]} {row[key]}" for key in keys) for row in told]
    elif keys:
        seeds = len({run.seed for run in runs}) > 1
        names = [f"{run.name}, seed {run.seed}" if seeds else run.name for run in runs]
    else:
        names = [run.path.name for run in runs]
    return _apart(names, runs)


def differences(runs: Sequence[RunData]) -> list[dict[str, str]]:
    """For each run, {setting: value} of the settings that are not the same in all of their worlds, in file order."""
    worlds = [_settings(run) for run in runs]
    keys = dict.fromkeys(key for world in worlds for key in world)
    differing = [key for key in keys if len({world.get(key, ABSENT) for world in worlds}) > 1]
    return [{key: world.get(key, ABSENT) for key in differing} for world in worlds]


def _settings(run: RunData) -> dict[str, str]:
    """The world's settings by dotted key, as text; niches and other named things by their name."""
    settings: dict[str, str] = {}
    for key, value in _walk(run.world, (), DEEPEST):
        if not any(key == name or key.startswith(f"{name}.") for name in PRACTICAL):
            settings[key] = value
        if len(settings) >= MOST_SETTINGS:
            break
    return {"seed": str(run.seed)} | settings


def _walk(value: Any, path: tuple[str, ...], depth: int) -> Iterator[tuple[str, str]]:
    if depth and isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from _walk(inner, (*path, str(key)), depth - 1)
    elif depth and isinstance(value, list) and value and all(isinstance(item, Mapping) for item in value):
        for place, item in enumerate(value):
            name = str(item.get("name") or item.get("family") or place)
            yield from _walk(item, (*path, name), depth - 1)
    else:
        yield ".".join(path), _shown(value)


def _shown(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "on" if value else "off"
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 1]}…"


def _short_keys(keys: Sequence[str]) -> dict[str, str]:
    """Each key's last two parts, or its last alone where that says enough."""
    shortened = {}
    for key in keys:
        parts = key.split(".")
        vague = parts[-1] in {"rule", "method", "enabled", "founders", "bounds", "name", "weight", "price", "inflow"}
        shortened[key] = " ".join(parts[-2:] if vague else parts[-1:]).replace("_", " ")
    return shortened


def _apart(names: Sequence[str], runs: Sequence[RunData]) -> list[str]:
    """The names, those that come more than once with their folders', and with a number where even these are alike."""
    longer = [name if names.count(name) == 1 else run.path.name for name, run in zip(names, runs, strict=True)]
    return [
        name if longer.count(name) == 1 else f"{name} ({longer[: place + 1].count(name)})"
        for place, name in enumerate(longer)
    ]

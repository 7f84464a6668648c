"""A recorded generation beside the same one lived again: identical, equal within rounding, or parted, and where."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from evolora.record.run_dir import to_json

RELATIVE = 1e-6  # a thousandth of what float32 keeps lost ten times over; a change of one answer is far more
ABSOLUTE = 1e-9

Verdict = Literal["identical", "rounding", "parted"]
Leaf = str | int | float | bool | None
_ABSENT = "nothing"


@dataclass(frozen=True)
class Difference:
    """One number of a generation that is not the recorded one. `path` is dotted: `niche_scores.rhyme`."""

    path: str
    recorded: Leaf
    lived: Leaf


@dataclass(frozen=True)
class Comparison:
    """What became of one generation. `uncompared` are columns that only one of the two versions knows."""

    generation: int
    verdict: Verdict
    differences: tuple[Difference, ...]
    uncompared: tuple[str, ...]


def compare_rows(recorded: Mapping[str, Any], lived: Mapping[str, Any]) -> Comparison:
    """Compare two rows of metrics.jsonl of one generation, as JSON gives them."""
    shared = recorded.keys() & lived.keys()
    uncompared = tuple(sorted(recorded.keys() ^ lived.keys()))
    ours, theirs = ({key: row[key] for key in shared} for row in (recorded, lived))
    if to_json(ours) == to_json(theirs):
        return Comparison(recorded["generation"], "identical", (), uncompared)
    costly = _taken_once(ours.get("ecology"), theirs.get("ecology"))
    for row in (ours, theirs):
        if costly:
            row["ecology"] = {key: value for key, value in row["ecology"].items() if key not in costly}
    uncompared = (*uncompared, *(f"ecology.{key}" for key in costly))
    if to_json(ours) == to_json(theirs):
        return Comparison(recorded["generation"], "identical", (), uncompared)
    before, after = dict(_leaves(ours, "")), dict(_leaves(theirs, ""))
    differences = [
        Difference(path, before.get(path, _ABSENT), after.get(path, _ABSENT))
        for path in dict.fromkeys([*before, *after])
        if path not in before or path not in after or before[path] != after[path]
    ]
    verdict: Verdict = "rounding" if all(_is_rounding(difference) for difference in differences) else "parted"
    far = [difference for difference in differences if verdict == "rounding" or not _is_rounding(difference)]
    return Comparison(recorded["generation"], verdict, tuple(far), uncompared)


def _taken_once(recorded: object, lived: object) -> tuple[str, ...]:
    """Measures of ecology that one side took and the other did not: costly ones are taken where a run is to end."""
    if not isinstance(recorded, Mapping) or not isinstance(lived, Mapping):
        return ()
    return tuple(key for key in sorted(recorded) if key in lived and (recorded[key] is None) != (lived[key] is None))


def _is_rounding(difference: Difference) -> bool:
    one, other = difference.recorded, difference.lived
    if not isinstance(one, float) or not isinstance(other, float):  # counts are whole: they are equal or not
        return False
    return math.isclose(one, other, rel_tol=RELATIVE, abs_tol=ABSOLUTE)


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Leaf]]:
    if isinstance(value, Mapping):
        for key in sorted(value):
            yield from _leaves(value[key], f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _leaves(item, f"{path}.{number}")
    else:
        yield path, value

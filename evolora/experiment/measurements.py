"""A run in numbers: what its metrics say of the first, the last, the latest and all generations, and of its books."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from pydantic import JsonValue

from evolora.events import DeathCause

Row = Mapping[str, Any]
# Parts of a metrics row with a number for each of several names: they become `births.clone`, `niche_scores.rhyme`.
PARTS = ("births", "deaths", "niche_scores", "niche_visitors", "niche_stocks", "niche_levels", "traits", "energy")
# Parts that count: a row leaves out what did not happen, which is 0 and not undefined.
COUNTED = {"births": ("clone", "merge"), "deaths": tuple(map(str, DeathCause)), "niche_visitors": ()}
OPTIONAL = ("colonies", "archive")  # parts that only some worlds have
PLAIN = ("mean_score", "num_living", "num_lineages", "num_answers", "num_tokens", "num_learners", "learning_tokens")


def describe(rows: Sequence[Row], latest: int, series: Sequence[str] = ()) -> dict[str, JsonValue]:
    """Numbers of a run from its metrics rows.

    `first` and `last` hold one generation's numbers, `tail` the means over the `latest` generations, `mean` those over
    all but the first (whose changes are changes from nothing); a mean is over the generations in which a number is
    defined, and absent where there is none. `books` says how exact they were. `series` are numbers kept for every
    generation (None where undefined), by name.
    """
    flat = _with_zeros([dict(_numbers(row)) for row in rows])
    return {
        "first": dict(flat[0]) if flat else {},
        "last": dict(flat[-1]) if flat else {},
        "tail": _means(flat[-latest:]),
        "mean": _means(flat[1:]),
        "books": books(rows),
        "series": {name: [one.get(name) for one in flat] for name in series},
    }


def books(rows: Sequence[Row]) -> dict[str, JsonValue]:
    """How many generations were closed, in how many the books were not exact, and the largest error (units)."""
    residuals = [abs(int(row["residual"])) for row in rows]
    return {
        "generations": len(residuals),
        "inexact": sum(residual != 0 for residual in residuals),
        "largest_residual": max(residuals, default=0),
    }


def _numbers(row: Row) -> Iterator[tuple[str, JsonValue]]:
    for name in PLAIN:
        yield name, row[name]
    for part in PARTS:
        for name, value in row[part].items():
            yield f"{part}.{name}", value
    for part in OPTIONAL:
        for name, value in row.get(part, {}).items():
            if value is not None:
                yield f"{part}.{name}", value
    yield from ((name, value) for name, value in row["ecology"].items() if value is not None)


def _with_zeros(rows: Sequence[dict[str, JsonValue]]) -> list[dict[str, JsonValue]]:
    """The rows, with 0 for what others count and they do not mention."""
    names = [f"{part}.{name}" for part, known in COUNTED.items() for name in known]
    names += [name for row in rows for name in row if name.partition(".")[0] in COUNTED]
    zeros: dict[str, JsonValue] = dict.fromkeys(names, 0)
    return [zeros | row for row in rows]


def _means(rows: Iterable[Mapping[str, JsonValue]]) -> dict[str, JsonValue]:
    totals: dict[str, float] = {}
    counts: dict[str, int] = {}
    for row in rows:
        for name, value in row.items():
            assert isinstance(value, (int, float))  # a metrics row holds numbers there
            totals[name] = totals.get(name, 0.0) + value
            counts[name] = counts.get(name, 0) + 1
    return {name: round(totals[name] / counts[name], 9) for name in sorted(totals)}

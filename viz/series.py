"""Numbers out of a run, ready to draw: evenly chosen generations, gaps where a value is missing, quantile bands."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evolora.record.run_data import RunData

MOST_POINTS = 500  # of one curve over generations
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)

Values = NDArray[np.float64]


def number(value: object) -> float:
    """A value of a row as a number; NaN for what is none, which plotly draws as a gap."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.nan


def evenly(items: Sequence[Any], most: int = MOST_POINTS) -> list[Any]:
    """At most `most` of the items, evenly spaced, the first and the last among them."""
    if len(items) <= most:
        return list(items)
    return [items[place] for place in np.unique(np.linspace(0, len(items) - 1, most).round().astype(int))]


def shown_rows(run: RunData, until: int | None = None, most: int = MOST_POINTS) -> list[dict[str, Any]]:
    """Rows of metrics to draw a curve through, up to a generation."""
    return evenly([row for row in run.metrics if until is None or row["generation"] <= until], most)


def pick(rows: Iterable[dict[str, Any]], *keys: str) -> list[float]:
    """One number a row: `row[keys[0]][keys[1]]...`, NaN where it is missing."""
    values = []
    for row in rows:
        value: Any = row
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        values.append(number(value))
    return values


def names_in(rows: Iterable[dict[str, Any]], key: str) -> list[str]:
    """The names that occur in a table within the rows, in the order they first do: causes of death, niches."""
    names: dict[str, None] = {}
    for row in rows:
        table = row.get(key)
        if isinstance(table, dict):
            names.update(dict.fromkeys(table))
    return list(names)


def life_generations(run: RunData, until: int | None = None, most: int = MOST_POINTS) -> list[int]:
    """Generations of the table of lives to draw a curve through."""
    there = np.unique(run.life_column("generation"))
    return evenly([int(g) for g in there if until is None or g <= until], most)


def quantile_bands(run: RunData, column: str, generations: Sequence[int]) -> Values:
    """(quantiles, generations): how a column of lives is spread among the organisms of each generation."""
    values = run.life_column(column)
    bands = [np.quantile(values[run.rows_of(generation)], QUANTILES) for generation in generations]
    return np.array(bands, dtype=np.float64).reshape(len(generations), len(QUANTILES)).T

"""Numbers out of a run, ready to draw: evenly chosen generations, gaps where a value is missing, quantile bands."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from evolora.record.run_data import RunData

MOST_POINTS = 400  # of one curve over generations
MOST_BARS = 120
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


def table_of(row: dict[str, Any], key: str) -> dict[str, float]:
    """A table within a row, such as flows by reason: its numbers by name, whatever else it holds left out."""
    table = row.get(key)
    values = {name: number(value) for name, value in table.items()} if isinstance(table, dict) else {}
    return {name: value for name, value in values.items() if math.isfinite(value)}


def last_generation(run: RunData, until: int | None = None) -> int:
    """The last generation with lives, up to one; 0 where there is none."""
    there = run.life_column("generation")
    end = len(there) if until is None else int(np.searchsorted(there, until, side="right"))
    return int(there[end - 1]) if end else 0


def life_generations(run: RunData, until: int | None = None, most: int = MOST_POINTS) -> list[int]:
    """Generations of the table of lives to draw a curve through."""
    there = run.life_column("generation")
    first_rows = np.flatnonzero(np.diff(there, prepend=-1)) if len(there) else np.array([], dtype=np.int64)
    return evenly([int(g) for g in there[first_rows] if until is None or g <= until], most)


def quantile_bands(run: RunData, column: str, generations: Sequence[int]) -> Values:
    """(quantiles, generations): how a column of lives is spread among the organisms of each generation.

    Linear interpolation between order statistics, as numpy's default.
    """
    values = run.life_column(column)
    bands = np.full((len(QUANTILES), len(generations)), np.nan)
    for place, generation in enumerate(generations):
        ordered = np.sort(values[run.rows_of(generation)])
        if len(ordered) and np.isfinite(ordered[-1]):
            position = np.array(QUANTILES) * (len(ordered) - 1)
            bands[:, place] = np.interp(position, np.arange(len(ordered)), ordered)
    return bands


@dataclass(frozen=True)
class Counts:
    """How often things happened: `by_name[name]` (bins,) in bins of `width` generations from `starts` (bins,)."""

    starts: NDArray[np.int64]
    width: int
    by_name: dict[str, NDArray[np.int64]]

    def label(self) -> str:
        """The name of the axis of the bins."""
        return "generation" if self.width == 1 else f"generation (bars of {self.width})"


def count_events(run: RunData, event: str, column: str, until: int | None = None) -> Counts:
    """Births by kind or deaths by cause in each generation, or in wider bins where a run is long."""
    table = run.birth_table if event == "birth" else run.death_table
    when = table["generation"].to_numpy()
    codes = pc.fill_null(table[column], "?").combine_chunks().dictionary_encode()
    keep = np.full(len(when), True) if until is None else when <= until
    when, which = when[keep], codes.indices.to_numpy(zero_copy_only=False)[keep]
    if not len(when):
        return Counts(np.array([], dtype=np.int64), 1, {})
    last = max(int(when.max()), *(run.generations[-1:] if until is None else [until]), 1)
    width = max(1, -(-last // MOST_BARS))
    bins = last // width + 1
    names = [str(name) for name in codes.dictionary.to_pylist()]
    counts = {name: np.bincount(when[which == code] // width, minlength=bins) for code, name in enumerate(names)}
    return Counts(np.arange(bins) * width, width, {name: own for name, own in sorted(counts.items()) if own.any()})

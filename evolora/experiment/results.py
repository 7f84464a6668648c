"""The finished cells of an experiment, as analyses read them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from evolora.experiment.cell import Cell, read_result


@dataclass(frozen=True)
class Results:
    """Values by arm and seed. `seeds` and `arms` are the experiment's, in its order; cells may be missing. `primary`
    are the arms that its question is about.

    `keys` are paths into what the procedure returned: `last.mean_score`. Names in them may hold dots themselves.
    """

    arms: tuple[str, ...]
    seeds: tuple[int, ...]
    cells: Mapping[tuple[str, int], Cell]
    finished: Mapping[tuple[str, int], Mapping[str, JsonValue]]
    primary: tuple[str, ...] = ()

    @property
    def num_missing(self) -> int:
        """Cells that are not finished."""
        return len(self.cells) - len(self.finished)

    def folder(self, arm: str, seed: int) -> Path:
        """Where a cell lies, finished or not."""
        return self.cells[arm, seed].folder

    def value(self, arm: str, seed: int, key: str) -> JsonValue:
        """One value; None where the cell is not finished, or its procedure returned none of that name."""
        return _at(self.finished.get((arm, seed)), key)

    def values(self, arm: str, key: str) -> NDArray[np.float64]:
        """A number of every seed, `(seeds,)`; NaN where there is none."""
        found = [self.value(arm, seed, key) for seed in self.seeds]
        return np.array([float(one) if isinstance(one, (int, float)) else math.nan for one in found])

    def difference(self, arm: str, other: str, key: str) -> NDArray[np.float64]:
        """`arm` minus `other` of every seed, `(seeds,)`: paired; NaN where one of them is missing."""
        return self.values(arm, key) - self.values(other, key)


def read_results(cells: Sequence[Cell], primary: tuple[str, ...] = ()) -> Results:
    """The results of those cells that are finished, as they are now."""
    finished = {}
    for cell in cells:
        result = read_result(cell.folder)
        if result is not None and result["digest"] == cell.digest:
            finished[cell.arm, cell.seed] = result["values"]
    arms, seeds = dict.fromkeys(cell.arm for cell in cells), dict.fromkeys(cell.seed for cell in cells)
    return Results(tuple(arms), tuple(seeds), {(cell.arm, cell.seed): cell for cell in cells}, finished, primary)


def _at(values: JsonValue | Mapping[str, JsonValue], key: str) -> JsonValue:
    """The value at a path; the longest name that fits is taken at every step."""
    if not isinstance(values, Mapping):
        return None
    if key in values:
        return values[key]
    head, dot, rest = key.partition(".")
    return _at(values.get(head), rest) if dot else None

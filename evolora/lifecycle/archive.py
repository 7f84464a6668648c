"""A quality-diversity archive: the best organism ever seen in each cell of a grid of behaviours, dead ones included.

Cells, the rule of replacement and the coordinates are pyribs' (MAP-Elites: Mouret & Clune 2015, arXiv:1504.04909).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from evolora.lifecycle.behaviour import Axis
from evolora.organism.organism import Organism


@dataclass(frozen=True, eq=False)
class Elite:
    """Who holds a `cell` (its `bins`, an axis each): an `organism` as it was in a `generation`, with its `objective`
    and `measures` (an axis each).

    The organism is a keepsake (see `keepsake`): it owns nothing and never changes, whatever becomes of its original.
    """

    cell: int
    bins: tuple[int, ...]
    generation: int
    objective: float
    measures: tuple[float, ...]
    organism: Organism


@dataclass(frozen=True)
class Holdings:
    """What an archive holds, in the words of pyribs. `coverage` is the share of cells with an elite, `qd_score` the sum
    of all elites' objectives (Pugh, Soros & Stanley 2016) less an offset of 0, for no objective is below 0;
    `norm_qd_score` is that over the number of cells. `best` and `mean` are of objectives, None while it is empty."""

    elites: int
    coverage: float
    qd_score: float
    norm_qd_score: float
    best: float | None
    mean: float | None


class Archive:
    """A cell for each combination of the bins of `axes`, numbered with the last axis running fastest.

    pyribs draws nothing here: its generator is never asked. `elites` are those of an archive with the same axes.

    Raises:
        ValueError: an elite does not belong in the cell it is in, or two are in one.
    """

    def __init__(self, axes: Sequence[Axis], elites: Sequence[Elite] = ()) -> None:
        from ribs.archives import GridArchive  # seconds to import, and most worlds have no archive

        self.axes = tuple(axes)
        self._elites: dict[int, Elite] = {}
        self._grid = GridArchive(
            solution_dim=(),  # organism ids: pyribs looks after cells, the elites themselves lie beside it
            dims=[axis.bins for axis in axes],
            ranges=[(axis.low, axis.high) for axis in axes],
            seed=0,
        )
        for elite in elites:
            if self._place(elite.measures) != (elite.cell, elite.bins) or not self._add(elite):
                raise ValueError(f"expected elites in the cells of their measures, got another in cell {elite.cell}")

    def _place(self, measures: Sequence[float]) -> tuple[int, tuple[int, ...]]:
        """The cell that measures belong to, and its bins."""
        cell = self._grid.index_of_single(measures)
        return int(cell), tuple(int(place) for place in self._grid.int_to_grid_index(np.array([cell]))[0])

    def offer(
        self, organism: Organism, objective: float, measures: Sequence[float], generation: int
    ) -> tuple[Elite, Elite | None] | None:
        """The new elite, and the one it drove out if any, where `organism` is better than who holds its cell; else
        None. Whoever came first stays among equals. Measures out of bounds count in the outermost bin."""
        cell, bins = self._place(measures)
        before = self._elites.get(cell)
        elite = Elite(cell, bins, generation, objective, tuple(measures), organism)
        return (elite, before) if self._add(elite) else None

    def _add(self, elite: Elite) -> bool:
        info = self._grid.add_single(elite.organism.id, elite.objective, elite.measures)
        if added := bool(info["status"]):
            self._elites[elite.cell] = elite
        return added

    @property
    def elites(self) -> list[Elite]:
        """All of them, by cell."""
        return [self._elites[cell] for cell in sorted(self._elites)]

    @property
    def ids(self) -> set[int]:
        """Of the organisms in it."""
        return {elite.organism.id for elite in self._elites.values()}

    @property
    def num_cells(self) -> int:
        return math.prod(axis.bins for axis in self.axes)

    def draw(self, rng: np.random.Generator, without: int) -> Organism | None:
        """An elite's organism, each cell with the same chance; never organism `without`. None: there is no other."""
        others = [elite.organism for elite in self.elites if elite.organism.id != without]
        return others[int(rng.integers(len(others)))] if others else None

    def holdings(self) -> Holdings:
        """Numbers of what is in it now. Summed exactly, so that the order in which elites came leaves no trace."""
        objectives = [elite.objective for elite in self.elites]
        total = math.fsum(objectives)
        return Holdings(
            elites=len(objectives),
            coverage=len(objectives) / self.num_cells,
            qd_score=total,
            norm_qd_score=total / self.num_cells,
            best=max(objectives, default=None),
            mean=total / len(objectives) if objectives else None,
        )


def keepsake(organism: Organism, lamarckian: bool) -> Organism:
    """The organism as an archive keeps it: settled weights, traits, ancestry and memories, without Adam's moments.

    Where learnt weights are inherited they are all that is kept; else those it was born with are kept beside them.
    """
    return replace(
        organism,
        genome=organism.settled if lamarckian else organism.genome,
        learnt=None if lamarckian or organism.learnt is None else organism.settled,
        optimizer=None,
        average=None,
        profit=dict(organism.profit),
        competence=dict(organism.competence),
        practice=dict(organism.practice),
    )

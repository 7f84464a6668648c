"""What a population can do together: tasks solved by at least one, by a router's choice, without one lineage."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evolora.record.measures import Floats

SOLVED_FROM = 0.5  # an organism solves a task when the mean score of its answers to it is at least this


def coverage_of_some(num_solvers: NDArray[np.int64], num_organisms: int, size: int) -> float | None:
    """Expected share in [0, 1] of tasks that at least one of `size` organisms drawn at random solves.

    `num_solvers` (tasks,) counts who solves each task, out of `num_organisms`: mean of 1 - C(N-s, n) / C(N, n). None
    without tasks, or with fewer organisms than `size`.
    Source: rarefaction, Hurlbert 1971, Ecology 52:577-586; pass@k, Chen et al. 2021, arXiv:2107.03374.
    """
    if len(num_solvers) == 0 or num_organisms < size:
        return None
    missed = np.ones(len(num_solvers))
    for drawn in range(size):  # the chance that draw after draw meets nobody who solves it
        missed *= np.clip((num_organisms - num_solvers - drawn) / (num_organisms - drawn), 0.0, 1.0)
    return float(1 - missed.mean())


def lost_coverage(solvers: Sequence[frozenset[int]]) -> float | None:
    """Largest share in [0, 1] of the solved tasks that would be lost with one lineage.

    `solvers` has the lineages that solve each task. None where none is solved. Source: keystone species, Paine 1969;
    this index is of this project.
    """
    solved = [lineages for lineages in solvers if lineages]
    if not solved:
        return None
    alone: dict[int, int] = {}
    for lineages in solved:
        if len(lineages) == 1:
            alone[next(iter(lineages))] = alone.get(next(iter(lineages)), 0) + 1
    return max(alone.values(), default=0) / len(solved)


@dataclass(frozen=True)
class Routing:
    """Mean scores in [0, 1] over tasks: of the best of each task's visitors, of the visitor a router chooses, and the
    `gap` between them."""

    oracle: float
    routed: float
    gap: float


def route(tasks: NDArray[np.int64], scores: Floats, records: Floats) -> Routing | None:
    """Send each task to the visitor with the best record, and compare with the best that happened.

    One entry a visit, all (visits,): the `tasks` number, the visit's `scores` in [0, 1], and `records`, how well the
    visitor did in that niche before (NaN: never there, worse than anything).
    Equal records share a task. None without visits.
    """
    if len(tasks) == 0:
        return None
    records = np.where(np.isnan(records), -np.inf, records)
    places = np.unique(tasks, return_inverse=True)[1]
    num = int(places.max()) + 1
    best_record, best_score = np.full(num, -np.inf), np.zeros(num)
    np.maximum.at(best_record, places, records)
    np.maximum.at(best_score, places, scores)
    chosen = records == best_record[places]
    routed = np.bincount(places, scores * chosen, num) / np.bincount(places, chosen, num)
    oracle, reached = float(best_score.mean()), float(routed.mean())
    return Routing(oracle, reached, oracle - reached)

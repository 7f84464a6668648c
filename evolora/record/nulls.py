"""A generation's niches against chance: the table of tasks solved, shuffled with its sums kept."""

from collections.abc import Callable
from functools import partial
from typing import Literal

import numpy as np

from evolora.record.census import Census
from evolora.record.measures import Floats
from evolora.record.measures.coverage import SOLVED_FROM
from evolora.record.measures.diversity import hill_number
from evolora.record.measures.nulls import compare_with_null, shuffle_tables
from evolora.record.measures.overlap import pianka_overlap
from evolora.record.measures.specialisation import h2_bounds, h2_prime
from evolora.record.rows import Row

NUM_SHUFFLES = 199  # smallest p: 1 / 200
NAMES = ("tasks_h2_prime", "tasks_pianka", "tasks_phenotype_hill_1")


def null_row(census: Census, rng: np.random.Generator, thorough: bool) -> Row:
    """H2', overlap and phenotypes of the table of tasks solved (organisms, niches), beside 199 shuffles of it.

    What is counted and shuffled are tasks, not answers or visits: an organism's answers to one task are alike, however
    often it meets it, and would make every table look partitioned. None unless `thorough`, and where nothing was
    solved.
    """
    row: Row = {f"{name}{part}": None for name in NAMES for part in ("", "_null", "_z", "_p")}
    solved = census.visit_scores >= SOLVED_FROM
    if not thorough or not solved.any():
        return row
    each = np.unique(np.stack([census.visitors, census.visited, census.tasks])[:, solved], axis=1)
    cells = each[0] * census.num_niches + each[1]
    table = np.bincount(cells, minlength=len(census.ids) * census.num_niches).reshape(-1, census.num_niches)
    table = table[table.sum(axis=1) > 0]
    bounds = h2_bounds(table.sum(axis=1).astype(np.float64), table.sum(axis=0).astype(np.float64))
    shuffles = shuffle_tables(table, NUM_SHUFFLES, rng)
    measures: tuple[tuple[Callable[[Floats], float | None], Literal["high", "low"]], ...] = (
        (partial(h2_prime, bounds=bounds), "high"),
        (pianka_overlap, "low"),
        (phenotype_diversity, "high"),
    )
    for name, (measure, extreme) in zip(NAMES, measures, strict=True):
        found = compare_with_null(measure, table, shuffles, extreme)
        if found is not None:
            row |= {name: found.value, f"{name}_null": found.null_mean, f"{name}_z": found.z, f"{name}_p": found.p}
    return row


def phenotype_diversity(table: Floats) -> float | None:
    """Hill number of order 1 of the organisms' most used niches; `table` (organisms, niches), ties to the first."""
    used = table[table.sum(axis=1) > 0]
    return hill_number(np.bincount(used.argmax(axis=1), minlength=1).astype(np.float64), 1)

"""Families in the record: who died when, how children did beside their parents, who left descendants."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from evolora.record.run_data import RunData
from evolora.viz.series import Values

Ids = NDArray[np.int64]
FIRST_YEARS = 3  # generations of a child's life that are compared with its parents' last ones


@dataclass(frozen=True)
class Pairs:
    """Mean score of a `child` and of its `parent` (pairs,), each less its generation's mean, with the generation it
    was `born` in; sorted by that."""

    child: Values
    parent: Values
    born: Ids


@dataclass(frozen=True)
class Fates:
    """Children (n,), sorted by the generation they were `born` in: whether `merged`, and whether they or descendants of
    theirs live."""

    born: Ids
    merged: NDArray[np.bool_]
    left_descendants: NDArray[np.bool_]


def died_of(run: RunData, cause: str, first: int, last: int) -> dict[int, list[int]]:
    """Generation -> ids of those who died of a cause in it."""
    table = _between(run.death_table, first, last).filter(pc.field("cause") == cause)
    dead: dict[int, list[int]] = {}
    for when, identity in zip(table["generation"].to_pylist(), table["organism_id"].to_pylist(), strict=True):
        dead.setdefault(when, []).append(identity)
    return dead


def parent_child_scores(run: RunData, first: int, last: int) -> Pairs:
    """Children born in a span of generations with the mean of their parents."""
    rows = slice(run.rows_of(first - FIRST_YEARS).start, run.rows_of(last).stop)
    ids, when = (run.life_column(name, rows) for name in ("organism_id", "generation"))
    answers, scores = (np.nansum(run.life_column(name, rows), axis=1) for name in ("answers", "scores"))
    rate = scores / np.maximum(answers, 1)
    _, place = np.unique(when, return_inverse=True)
    means = np.bincount(place, weights=rate) / np.maximum(np.bincount(place), 1) if len(when) else np.array([])
    centred = rate - means[place] if len(when) else rate
    at = {
        (identity, g): value for identity, g, value in zip(ids.tolist(), when.tolist(), centred.tolist(), strict=True)
    }
    pairs = []
    for birth in _births(run, first, last):
        born = birth["generation"]
        early = [at[key] for age in range(1, FIRST_YEARS + 1) if (key := (birth["organism_id"], born + age)) in at]
        grown = [
            at[key] for parent in birth["parents"] for age in range(FIRST_YEARS) if (key := (parent, born - age)) in at
        ]
        if early and grown:
            pairs.append((born, sum(early) / len(early), sum(grown) / len(grown)))
    born, child, parent = np.array(sorted(pairs)).reshape(-1, 3).T
    return Pairs(child, parent, born.astype(np.int64))


def children_with_fate(run: RunData, first: int, last: int) -> Fates:
    """Children born in a span, and whether they left anybody in the last generation recorded up to its end."""
    births = sorted(_births(run, first, last), key=lambda birth: (birth["generation"], birth["organism_id"]))
    living = set(run.life_column("organism_id", run.rows_of(last + 3)).tolist())
    ancestors = ancestors_of(run, living) | living
    return Fates(
        np.array([birth["generation"] for birth in births], dtype=np.int64),
        np.array([birth["kind"] == "merge" for birth in births], dtype=bool),
        np.array([birth["organism_id"] in ancestors for birth in births], dtype=bool),
    )


def ancestors_of(run: RunData, organisms: set[int]) -> set[int]:
    """All ancestors of some organisms, through both parents of merges."""
    children, parents = run.parenthood
    order = np.argsort(children, kind="stable")
    children, parents = children[order], parents[order]
    found: set[int] = set()
    frontier = np.array(sorted(organisms), dtype=np.int64)
    while len(frontier):
        starts, stops = np.searchsorted(children, frontier), np.searchsorted(children, frontier, side="right")
        places = np.concatenate([np.arange(a, b) for a, b in zip(starts, stops, strict=True)]).astype(np.int64)
        older = set(parents[places].tolist()) - found
        found |= older
        frontier = np.array(sorted(older), dtype=np.int64)
    return found


def _births(run: RunData, first: int, last: int) -> list[dict[str, Any]]:
    table = _between(run.birth_table, max(1, first), last)
    rows: list[dict[str, Any]] = table.select(["generation", "organism_id", "kind", "parents"]).to_pylist()
    return rows


def _between(table: pa.Table, first: int, last: int) -> pa.Table:
    when = table["generation"]
    return table.filter(pc.and_(pc.greater_equal(when, first), pc.less_equal(when, last)))

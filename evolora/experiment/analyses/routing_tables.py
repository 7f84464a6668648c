"""What lies between a member at random and the oracle of a portfolio: how much of it the router finds, seed by seed."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from evolora.experiment.analyses.asked import (
    OUT_OF_DISTRIBUTION,
    PORTFOLIO,
    pairs_of,
    scores_of,
    splits_of,
    usual_mode,
)
from evolora.experiment.findings import Entry, Table
from evolora.experiment.results import Results
from evolora.portfolio.comparison import Effect, compare

RANDOM, ORACLE = "random", "oracle"


def routing_table(results: Results) -> Table:
    """Of every routed arm: a member at random, routed and its oracle, and the gaps between them."""
    rows: list[tuple[Entry, ...]] = []
    for arm in routed_arms(results):
        for split in (*splits_of(results), OUT_OF_DISTRIBUTION):
            steps = [_step(results, arm, low, high, split) for low, high in ((RANDOM, PORTFOLIO), (PORTFOLIO, ORACLE))]
            if None not in steps:
                found, left = (step for step in steps if step is not None)
                rows.append((f"{arm}, {split}", found.first, found.second, left.second, _told(found), _told(left)))
    head = ("arm", "at random", "routed", "oracle", "routed less random", "oracle less routed")
    note = (
        "A member at random, the one that the router prefers, the best of all for each question: the last column is "
        "what a better router could still find, luck of many members included. 95 % intervals."
    )
    return Table("routing", head, tuple(rows), note)


def coverage_table(results: Results) -> Table | None:
    """Coverage(N): how many questions one of the first N members answers, in the order they were chosen; None where no
    cell was asked for it."""
    rows: list[tuple[Entry, ...]] = []
    for arm in routed_arms(results):
        for split in splits_of(results):
            found: list[Any] = [results.value(arm, seed, f"splits.{split}.coverage") for seed in results.seeds]
            known = [one for one in found if one]
            if known:
                most = max(len(one) for one in known)
                padded = [[*one, *[one[-1]] * (most - len(one))] for one in known]  # fewer members: no more to come
                rows.append((f"{arm}, {split}", *(round(float(mean), 4) for mean in np.mean(padded, axis=0))))
    if not rows:
        return None
    widest = max(len(row) for row in rows)
    filled = tuple((*row, *[None] * (widest - len(row))) for row in rows)
    note = (
        "Means over seeds and all questions, also of families that carry no claim; the bare host, if it is a member, "
        "comes last."
    )
    return Table("coverage(N)", ("arm", *(f"N = {n}" for n in range(1, widest))), filled, note)


def seed_table(results: Results) -> Table:
    """Every arm's score in its usual mode, seed by seed."""
    rows: list[tuple[Entry, ...]] = []
    for split in (*splits_of(results), OUT_OF_DISTRIBUTION):
        for arm in results.arms:
            mode = usual_mode(results, arm)
            levels = [_level(results, arm, mode, seed, split) for seed in results.seeds]
            if any(level is not None for level in levels):
                rows.append((f"{split}: {arm}, {mode}", *levels))
    head = ("arm, mode", *(f"seed {seed}" for seed in results.seeds))
    return Table("seed by seed", head, tuple(rows), "Families that may carry a claim, weighing the same.")


def routed_arms(results: Results) -> Sequence[str]:
    """The arms that answer by a router."""
    return [arm for arm in results.arms if usual_mode(results, arm) == PORTFOLIO]


def _step(results: Results, arm: str, low: str, high: str, split: str) -> Effect | None:
    """One mode of an arm against another of its modes; None without a finished seed."""
    pairs = pairs_of(results, (arm, low), (arm, high), split)
    if not pairs:
        return None
    return compare(list(pairs.values()), leave_out=False)


def _told(effect: Effect) -> str:
    return f"{effect.difference:+.3f} [{effect.low:+.3f}, {effect.high:+.3f}]"


def _level(results: Results, arm: str, mode: str, seed: int, split: str) -> Entry:
    """Mean score, every family weighing the same; None where the cell is not finished."""
    own = scores_of(results, arm, mode, seed, split)
    return round(compare([own], leave_out=False).second, 4) if own.families else None

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
from evolora.portfolio.examine import BY_SAMPLES, ROUTED_BY

RANDOM, ORACLE = "random", "oracle"
BY_ANSWERS = ("top two", "most confident", "vote")  # ways that look at several members' answers


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


def ways_table(results: Results) -> Table | None:
    """The same members answering in other ways: under other routers, by confidence, by votes; None where no cell was
    asked for any but the usual ones."""
    splits = (*splits_of(results), OUT_OF_DISTRIBUTION)
    rows: list[tuple[Entry, ...]] = []
    compared = False
    for arm in routed_arms(results):
        others = [mode for mode in modes_of(results, arm) if mode.startswith(ROUTED_BY) or mode == BY_SAMPLES]
        compared = compared or bool(others)
        own = [_step(results, arm, PORTFOLIO, PORTFOLIO, split) for split in splits]
        rows.append((f"{arm}, its own router", *(None if level is None else f"{level.second:.3f}" for level in own)))
        for mode in (*others, *BY_ANSWERS):
            steps = [_step(results, arm, PORTFOLIO, mode, split) for split in splits]
            told = (None if step is None else f"{step.second:.3f} ({_told(step)})" for step in steps)
            rows.append((f"{arm}, {mode}", *told))
    note = "In brackets: less the arm's own router, with 95 % intervals that are not corrected for their number."
    return Table("other ways to answer, same members", ("arm, way", *splits), tuple(rows), note) if compared else None


def modes_of(results: Results, arm: str) -> list[str]:
    """Every mode that all finished cells of the arm were examined in."""
    found: list[list[str]] = []
    for seed in results.seeds:
        for split in splits_of(results):
            scores: Any = results.value(arm, seed, f"splits.{split}.scores")
            found += [list(scores)] if scores else []
    return [mode for mode in found[0] if all(mode in one for one in found)] if found else []


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

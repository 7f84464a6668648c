"""Intervals for paired comparisons over seeds and tasks."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class PairedEffect:
    """After against before on the same tasks: means, ratio and difference with 95 % intervals (low, high)."""

    before: float
    after: float
    ratio: float
    ratio_interval: tuple[float, float]
    difference: float
    difference_interval: tuple[float, float]
    num_seeds: int
    num_tasks: int


def paired_effect(
    before: Sequence[NDArray[np.float64]],
    after: Sequence[NDArray[np.float64]],
    rng: np.random.Generator,
    draws: int = 4000,
) -> PairedEffect:
    """Hierarchical bootstrap (Davison & Hinkley 1997, 3.8): seeds are drawn first, then each niche's tasks, in pairs.

    `before` and `after` hold one array (niches, tasks) per seed, of scores in [0, 1]. The niches are the world's
    and fixed; every niche weighs the same. With one seed the interval covers the choice of tasks only.
    """
    firsts, seconds = np.empty(draws), np.empty(draws)
    for draw in range(draws):
        seeds = rng.integers(len(before), size=len(before))
        totals = np.zeros(2)
        for seed in seeds:
            niches, tasks = before[seed].shape
            chosen = rng.integers(tasks, size=(niches, tasks))
            totals += [np.take_along_axis(scores[seed], chosen, axis=1).mean() for scores in (before, after)]
        firsts[draw], seconds[draw] = totals / len(seeds)
    mean_before = float(np.mean([scores.mean() for scores in before]))
    mean_after = float(np.mean([scores.mean() for scores in after]))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = seconds / firsts
    return PairedEffect(
        mean_before,
        mean_after,
        mean_after / mean_before if mean_before else float("inf"),
        _interval(ratios),
        mean_after - mean_before,
        _interval(seconds - firsts),
        len(before),
        sum(scores.size for scores in before),
    )


def _interval(values: NDArray[np.float64]) -> tuple[float, float]:
    low, high = np.percentile(values, [2.5, 97.5], method="nearest")
    return float(low), float(high)


def holm(ps: Sequence[float]) -> list[float]:
    """p-values corrected for their number (Holm 1979): reject those below alpha, at most that is the chance to err."""
    order = sorted(range(len(ps)), key=lambda place: ps[place])
    corrected, highest = [0.0] * len(ps), 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min(1.0, ps[place] * (len(ps) - rank)))
        corrected[place] = highest
    return corrected

"""Intervals for paired comparisons over seeds and tasks."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEVEL = 0.95  # of intervals


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
    and fixed; every niche weighs the same. Intervals are standard errors times Student's t with n - 1 degrees of
    freedom for n seeds (percentiles are far too narrow for few: Hesterberg 2015), of the ratio on its logarithm. With
    one seed they cover the choice of tasks only. A ratio to nothing has the interval (0, inf).
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
    difference = mean_after - mean_before
    reach, _ = reach_and_p(difference, float(np.std(seconds - firsts)), len(before))
    return PairedEffect(
        mean_before,
        mean_after,
        mean_after / mean_before if mean_before else float("inf"),
        _ratio_interval(mean_before, mean_after, firsts, seconds, len(before)),
        difference,
        (difference - reach, difference + reach),
        len(before),
        sum(scores.size for scores in before),
    )


def _ratio_interval(
    before: float, after: float, firsts: NDArray[np.float64], seconds: NDArray[np.float64], num_seeds: int
) -> tuple[float, float]:
    both = (firsts > 0) & (seconds > 0)
    if before <= 0 or after <= 0 or not both.any():
        return 0.0, float("inf")
    reach, _ = reach_and_p(0.0, float(np.std(np.log(seconds[both] / firsts[both]))), num_seeds)
    return after / before * float(np.exp(-reach)), after / before * float(np.exp(reach))


def reach_and_p(difference: float, error: float, num_seeds: int) -> tuple[float, float]:
    """Half the width of the 95 % interval, and the two-sided p of no difference, for a standard error.

    By Student's t with `num_seeds` - 1 degrees of freedom; by the normal distribution for one seed.
    """
    if error == 0:
        return 0.0, 1.0 if difference == 0 else 0.0
    from scipy.stats import norm, t

    sampled = norm if num_seeds == 1 else t(num_seeds - 1)
    return float(-sampled.ppf((1 - LEVEL) / 2)) * error, float(2 * sampled.cdf(-abs(difference / error)))


def holm(ps: Sequence[float]) -> list[float]:
    """p-values corrected for their number (Holm 1979): reject those below alpha, at most that is the chance to err."""
    order = sorted(range(len(ps)), key=lambda place: ps[place])
    corrected, highest = [0.0] * len(ps), 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min(1.0, ps[place] * (len(ps) - rank)))
        corrected[place] = highest
    return corrected

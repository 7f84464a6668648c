"""Replicates in numbers: intervals over seeds, exact tests, corrections for many of them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evolora.rng import stream

DRAWS = 10_000
MOST_EXACT = 20  # replicates up to which every assignment of signs is looked at: 2 ** 20 of them
Direction = Literal["greater", "less", "different"]


@dataclass(frozen=True)
class Estimate:
    """A mean over `n` replicates with its 95 % interval; `p` of the hypothesis that it is 0 (or the value named).

    The interval is None with fewer than two replicates, `p` with none.
    """

    mean: float
    interval: tuple[float, float] | None
    p: float | None
    n: int


def estimate(values: ArrayLike, null: float = 0.0, direction: Direction = "greater") -> Estimate:
    """Mean, interval and sign-flip p of replicates; NaN entries are replicates without a value and left out.

    For paired comparisons give the differences, one a seed.
    """
    given = np.asarray(values, dtype=np.float64)
    known = given[~np.isnan(given)]
    if known.size == 0:
        return Estimate(math.nan, None, None, 0)
    return Estimate(float(known.mean()), mean_interval(known), sign_flip_p(known - null, direction), known.size)


def mean_interval(values: NDArray[np.float64], confidence: float = 0.95) -> tuple[float, float] | None:
    """Bootstrap interval of the mean over replicates, `(n,)`; None for fewer than two.

    The expanded percentile interval (Hesterberg 2015, What Teachers Should Know about the Bootstrap, 5.2): percentiles
    are moved out so that for normal data the interval is as wide as Student's t, which plain percentiles are not for
    20 replicates and fewer. Beyond three or so replicates it is the range of resampled means at most.
    """
    n = values.size
    if n < 2:
        return None
    rng = stream(0, "bootstrap", n)
    means = values[rng.integers(n, size=(DRAWS, n))].mean(axis=1)
    tail = NormalDist().cdf(-math.sqrt(n / (n - 1)) * student_quantile((1 + confidence) / 2, n - 1))
    low, high = np.quantile(means, [tail, 1 - tail])
    return float(low), float(high)


def student_cdf(t: float, freedom: int) -> float:
    """P(T <= t) of Student's t with a whole number of degrees of freedom (Abramowitz & Stegun 26.7.3 and 26.7.4)."""
    angle = math.atan(t / math.sqrt(freedom))
    cosine, sine = math.cos(angle), math.sin(angle)
    if freedom % 2:
        term, total = cosine, cosine if freedom > 1 else 0.0
        for k in range(3, freedom - 1, 2):
            term *= cosine**2 * (k - 1) / k
            total += term
        inside = 2 / math.pi * (angle + sine * total)
    else:
        term = total = 1.0
        for k in range(2, freedom - 1, 2):
            term *= cosine**2 * (k - 1) / k
            total += term
        inside = sine * total
    return 0.5 + inside / 2


def student_quantile(probability: float, freedom: int) -> float:
    """The t with P(T <= t) = `probability` in (0, 1), by bisection to 1e-12."""
    low, high = -1e8, 1e8
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if student_cdf(middle, freedom) < probability else (low, middle)
    return (low + high) / 2


def sign_flip_p(differences: NDArray[np.float64], direction: Direction = "greater") -> float:
    """p of the hypothesis that differences, `(n,)`, are symmetric about 0: Fisher's randomisation test of the mean.

    Exact up to 20 of them (all 2^n assignments of signs), else 20,000 random assignments, the observed one counted.
    One-sided in `direction`, or two-sided.
    """
    observed = float(differences.sum())
    if differences.size <= MOST_EXACT:
        sums = np.zeros(1)
        for difference in differences:
            sums = np.concatenate([sums + difference, sums - difference])
    else:
        signs = stream(0, "signs", differences.size).choice([-1.0, 1.0], size=(20_000, differences.size))
        sums = np.concatenate([signs @ differences, [observed]])
    slack = 1e-12 * float(np.abs(differences).sum())  # sums that are equal but for rounding count as equal
    match direction:
        case "greater":
            return float(np.mean(sums >= observed - slack))
        case "less":
            return float(np.mean(sums <= observed + slack))
        case "different":
            return float(np.mean(np.abs(sums) >= abs(observed) - slack))


def holm(ps: Sequence[float]) -> list[float]:
    """p-values corrected for their number (Holm 1979): reject those below alpha, at most that is the chance to err."""
    order = sorted(range(len(ps)), key=lambda place: ps[place])
    corrected, highest = [0.0] * len(ps), 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min(1.0, ps[place] * (len(ps) - rank)))
        corrected[place] = highest
    return corrected


def growth_rate(counts: Sequence[float]) -> float:
    """Growth per generation of a count: the least-squares slope of its logarithm, as long as it is above 0.

    NaN for fewer than two such counts.
    """
    known = next((place for place, count in enumerate(counts) if count <= 0), len(counts))
    if known < 2:
        return math.nan
    slope, _ = np.polyfit(np.arange(known), np.log(counts[:known]), 1)
    return float(slope)

"""Replicates in numbers: intervals over seeds, exact tests, corrections for many of them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evolora.rng import stream

DRAWS = 10_000
FEWEST_RESAMPLED = 8  # replicates from which their mean is resampled
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
    20 replicates and fewer. With fewer than eight, whose resampled means are too few, it is Student's t.
    """
    from scipy.stats import norm as normal  # half a second to import
    from scipy.stats import t as student_t

    n = values.size
    if n < 2:
        return None
    if n < FEWEST_RESAMPLED:
        half = student_t(n - 1).ppf((1 + confidence) / 2) * float(values.std(ddof=1)) / math.sqrt(n)
        return float(values.mean()) - half, float(values.mean()) + half
    rng = stream(0, "bootstrap", n)
    means = values[rng.integers(n, size=(DRAWS, n))].mean(axis=1)
    tail = normal.cdf(-math.sqrt(n / (n - 1)) * student_t(n - 1).ppf((1 + confidence) / 2))
    low, high = np.quantile(means, [tail, 1 - tail])
    return float(low), float(high)


def share_interval(count: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Exact interval of the chance of something that happened `count` times in `n` (Clopper & Pearson 1934)."""
    from scipy.stats import beta  # half a second to import

    tail = (1 - confidence) / 2
    low = float(beta(count, n - count + 1).ppf(tail)) if count else 0.0
    high = float(beta(count + 1, n - count).ppf(1 - tail)) if count < n else 1.0
    return low, high


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


def growth_rate(counts: Sequence[float]) -> float:
    """Growth per generation of a count: the least-squares slope of its logarithm, as long as it is above 0.

    NaN for fewer than two such counts.
    """
    known = next((place for place, count in enumerate(counts) if count <= 0), len(counts))
    if known < 2:
        return math.nan
    slope, _ = np.polyfit(np.arange(known), np.log(counts[:known]), 1)
    return float(slope)

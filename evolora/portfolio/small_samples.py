"""Student's t for whole degrees of freedom, and the exact binomial: what few seeds need and numpy lacks."""

import math
from statistics import NormalDist

NORMAL = NormalDist()


def t_cdf(t: float, df: int) -> float:
    """P(T <= t) for Student's t with `df` whole degrees of freedom (Abramowitz & Stegun 1964, 26.7.3 and 26.7.4)."""
    theta = math.atan(t / math.sqrt(df))
    cosine = math.cos(theta)
    if df % 2:
        term, total = cosine, 0.0
        for k in range(1, (df - 1) // 2 + 1):
            total += term
            term *= cosine**2 * 2 * k / (2 * k + 1)
        two_sided = 2 / math.pi * (theta + math.sin(theta) * total)
    else:
        term, total = 1.0, 0.0
        for k in range(1, df // 2 + 1):
            total += term
            term *= cosine**2 * (2 * k - 1) / (2 * k)
        two_sided = math.sin(theta) * total
    return 0.5 + two_sided / 2


def t_quantile(probability: float, df: int) -> float:
    """The t below which `probability` of Student's t lies, by bisection to 1e-10."""
    low, high = -1e6, 1e6
    while high - low > 1e-10 * max(1.0, abs(low)):
        middle = (low + high) / 2
        low, high = (middle, high) if t_cdf(middle, df) < probability else (low, middle)
    return (low + high) / 2


def binomial_two_sided(successes: int, trials: int) -> float:
    """P of a split at least as uneven as `successes` of `trials` fair coin throws; 1 without throws."""
    if trials == 0:
        return 1.0
    tail = sum(math.comb(trials, k) for k in range(min(successes, trials - successes) + 1))
    return min(1.0, float(2 * tail / 2**trials))

"""One way of answering against another on the same questions: effect, interval, p, and who carries it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from evolora.rng import stream
from evolora.routing.exam import Numbers

DRAWS = 1000  # for a standard error; percentiles would need more
LEVEL = 0.95


@dataclass(frozen=True, eq=False)
class Pairs:
    """One seed's scores of both sides on the same questions, each (questions,), and every question's family."""

    first: Numbers
    second: Numbers
    families: tuple[str, ...]

    def without(self, family: str) -> "Pairs":
        kept = np.array([own != family for own in self.families])
        return Pairs(self.first[kept], self.second[kept], tuple(f for f in self.families if f != family))


@dataclass(frozen=True)
class Effect:
    """`second` minus `first`, every family weighing the same: mean scores, difference, 95 % interval, two-sided p.

    `mcnemar` is the exact test of pooled discordant questions: it takes questions as independent, whatever their seed.
    `carried_by` names families without which the interval includes 0 although it does not with them.
    """

    first: float
    second: float
    difference: float
    low: float
    high: float
    p: float
    mcnemar: float
    num_seeds: int
    num_questions: int
    carried_by: tuple[str, ...] = field(default=())

    @property
    def excludes_zero(self) -> bool:
        return self.low > 0 or self.high < 0


def compare(seeds: Sequence[Pairs], purpose: str, draws: int = DRAWS, leave_out: bool = True) -> Effect:
    """The effect over `seeds`; `purpose` names its random draws.

    Hierarchical bootstrap (Davison & Hinkley 1997, 3.8): seeds are drawn, then each family's questions within a seed,
    in pairs. Its standard error is used with Student's t, n - 1 degrees of freedom for n seeds (Hesterberg 2015 shows
    how narrow percentiles are for few). Drawing with replacement at both levels counts the choice of questions twice,
    which outweighs what few seeds lack as long as questions vary more than seeds do; `tests` simulate the coverage.
    One seed's interval covers the choice of questions only, by the normal distribution.
    """
    effect = _effect(seeds, purpose, draws)
    families = sorted({family for pairs in seeds for family in pairs.families})
    if not leave_out or not effect.excludes_zero or len(families) < 2:
        return effect
    carrying = [
        family
        for family in families
        if not _effect([pairs.without(family) for pairs in seeds], f"{purpose} without {family}", draws).excludes_zero
    ]
    return replace(effect, carried_by=tuple(carrying))


def mcnemar(seeds: Sequence[Pairs]) -> float:
    """McNemar's exact test (1947): two-sided p that full-score questions of one side only split as evenly as coins."""
    from scipy.stats import binomtest  # half a second to import

    firsts = np.concatenate([pairs.first for pairs in seeds]) >= 1
    seconds = np.concatenate([pairs.second for pairs in seeds]) >= 1
    only_second = int((seconds & ~firsts).sum())
    discordant = only_second + int((firsts & ~seconds).sum())
    return float(binomtest(only_second, discordant).pvalue) if discordant else 1.0


def forgetting(host: Numbers, scores: Numbers) -> float:
    """Share of what the bare host answered fully that is lost: 1 - mean score there. NaN where it could nothing."""
    able = host >= 1
    return float(1 - scores[able].mean()) if able.any() else float("nan")


def _effect(seeds: Sequence[Pairs], purpose: str, draws: int) -> Effect:
    by_seed = [_by_family(pairs) for pairs in seeds]
    means = np.array([[np.mean(side) for side in zip(*(f.mean(axis=1) for f in own), strict=True)] for own in by_seed])
    first, second = (float(mean) for mean in means.mean(axis=0))
    difference = second - first
    differences = [[family[1] - family[0] for family in own] for own in by_seed]
    error = float(np.std(_draw(differences, stream(0, "bootstrap", purpose), draws)))
    reach, p = _reach_and_p(difference, error, len(seeds))
    return Effect(
        first,
        second,
        difference,
        difference - reach,
        difference + reach,
        p,
        mcnemar(seeds),
        len(seeds),
        sum(len(pairs.first) for pairs in seeds),
    )


def _by_family(pairs: Pairs) -> list[NDArray[np.float64]]:
    """(2, questions) of each family, in the order of first appearance."""
    names = np.array(pairs.families)
    both = np.stack([pairs.first, pairs.second])
    return [both[:, names == family] for family in dict.fromkeys(pairs.families)]


def _draw(seeds: Sequence[Sequence[Numbers]], rng: np.random.Generator, draws: int) -> Numbers:
    """Mean differences (draws,) of resampled seeds and, within them, questions; `seeds` hold one array a family."""
    chosen = rng.integers(len(seeds), size=(draws, len(seeds)))
    means = np.empty(chosen.shape)
    for place, families in enumerate(seeds):
        here = chosen == place
        drawn = [own[rng.integers(len(own), size=(int(here.sum()), len(own)))].mean(axis=1) for own in families]
        means[here] = np.mean(drawn, axis=0)
    return np.asarray(means.mean(axis=1))


def _reach_and_p(difference: float, error: float, num_seeds: int) -> tuple[float, float]:
    """Half the width of the interval, and the two-sided p of no difference, for a standard error."""
    if error == 0:
        return 0.0, 1.0 if difference == 0 else 0.0
    from scipy.stats import norm, t

    sampled = norm if num_seeds == 1 else t(num_seeds - 1)
    return float(-sampled.ppf((1 - LEVEL) / 2)) * error, float(2 * sampled.cdf(-abs(difference / error)))

"""One way of answering against another on the same questions: effect, interval, p, and who carries it."""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from evolora.portfolio.statistics import reach_and_p
from evolora.rng import stream
from evolora.routing.exam import Numbers

DRAWS = 1000  # for a standard error; percentiles would need more
NO_VARIANCE = 1e-9  # of what questions vary by: seeds that vary by less came out the same


@dataclass(frozen=True, eq=False)
class Pairs:
    """One seed's scores of both sides on the same questions, each (questions,), and every question's family.

    `questions` identify what was asked, where seeds may have asked the same; none: nothing was asked twice.
    """

    first: Numbers
    second: Numbers
    families: tuple[str, ...]
    questions: tuple[str, ...] = ()

    def only(self, kept: Sequence[bool]) -> "Pairs":
        """Those questions that are `kept`."""
        mask = np.array(kept)
        return Pairs(
            self.first[mask],
            self.second[mask],
            tuple(f for f, keep in zip(self.families, kept, strict=True) if keep),
            tuple(q for q, keep in zip(self.questions, kept, strict=True) if keep) if self.questions else (),
        )

    def sorted(self) -> "Pairs":
        """In the order of families and questions: of who was asked the same in another order, the same."""
        order = sorted(range(len(self.families)), key=lambda place: (self.families[place], self.questions[place]))
        families, questions = (tuple(own[place] for place in order) for own in (self.families, self.questions))
        return Pairs(self.first[order], self.second[order], families, questions)


@dataclass(frozen=True)
class Effect:
    """`second` minus `first`, every family weighing the same: mean scores, difference, 95 % interval, two-sided p.

    `mcnemar` is the exact test of pooled discordant questions: it takes questions as independent, whatever their seed;
    None where a score is no single answer's.
    `num_questions` counts different ones.
    `carried_by` names families, or groups, without which the interval includes 0 although it does not with them.
    `bootstrap` is the interval of the hierarchical bootstrap, where it was asked for.
    """

    first: float
    second: float
    difference: float
    low: float
    high: float
    p: float
    mcnemar: float | None
    num_seeds: int
    num_questions: int
    carried_by: tuple[str, ...] = field(default=())
    bootstrap: tuple[float, float] | None = None

    @property
    def excludes_zero(self) -> bool:
        return self.low > 0 or self.high < 0


def by_itself(family: str) -> tuple[str, ...]:
    """A family is left out alone."""
    return (family,)


def compare(
    seeds: Sequence[Pairs],
    purpose: str | None = None,
    leave_out: bool = True,
    left_out_with: Callable[[str], tuple[str, ...]] = by_itself,
    single_answers: bool = True,
) -> Effect:
    """The effect over `seeds`; `left_out_with` names what each family is left out with, to see whether it stands
    without: by default every family by itself.

    The standard error is clustered both ways, by seed and by question (Cameron, Gelbach & Miller 2011): what seeds'
    means vary by, and what questions that several seeds asked add to it, for asking them again is no new evidence about
    questions. It is used with Student's t, n - 1 degrees of freedom for n seeds; `tests` simulate the coverage. One
    seed's interval covers the choice of questions only, by the normal distribution.

    With a `purpose`, which names its random draws, the interval of the hierarchical bootstrap is told besides, and
    McNemar's test where the scores are those of `single_answers`: not of means of several arms, nor of gains.
    """
    effect = _effect(seeds)
    if purpose is not None:
        exact = mcnemar(seeds) if single_answers else None
        effect = replace(effect, mcnemar=exact, bootstrap=bootstrap_interval(seeds, purpose))
    families = {family for pairs in seeds for family in pairs.families}
    groups = sorted({group for family in families for group in left_out_with(family)})
    if not leave_out or not effect.excludes_zero or len(families) < 2:
        return effect
    carrying = []
    for group in groups:
        rest = [pairs.only([group not in left_out_with(family) for family in pairs.families]) for pairs in seeds]
        if all(pairs.families for pairs in rest) and not _effect(rest).excludes_zero:
            carrying.append(group)
    return replace(effect, carried_by=tuple(carrying))


def mcnemar(seeds: Sequence[Pairs]) -> float:
    """McNemar's exact test (1947): two-sided p that full-score questions of one side only split as evenly as coins.

    A question that several seeds asked counts once, for the side that had it more often.
    """
    from scipy.stats import binomtest  # half a second to import

    ahead: Counter[tuple[str, str]] = Counter()
    for pairs, names in zip(seeds, _identities(seeds), strict=True):
        for name, first, second in zip(names, pairs.first >= 1, pairs.second >= 1, strict=True):
            ahead[name] += int(second) - int(first)
    only_second = sum(lead > 0 for lead in ahead.values())
    discordant = sum(lead != 0 for lead in ahead.values())
    return float(binomtest(only_second, discordant).pvalue) if discordant else 1.0


def forgetting(host: Numbers, scores: Numbers) -> float:
    """Share of what the bare host answered fully that is lost: 1 - mean score there. NaN where it could nothing."""
    able = host >= 1
    return float(1 - scores[able].mean()) if able.any() else float("nan")


def _effect(seeds: Sequence[Pairs]) -> Effect:
    by_seed = [_by_family(pairs, names) for pairs, names in zip(seeds, _identities(seeds), strict=True)]
    means = np.array(
        [[np.mean([side[row].mean() for side, _ in own]) for row in (0, 1)] for own in by_seed], dtype=np.float64
    )
    first, second = (float(mean) for mean in means.mean(axis=0))
    difference = second - first
    reach, p = reach_and_p(difference, _clustered_error(_differences(seeds)), len(seeds))
    return Effect(
        first,
        second,
        difference,
        difference - reach,
        difference + reach,
        p,
        None,
        len(seeds),
        len({name for names in _identities(seeds) for name in names}),
    )


Identity = tuple[str, str]  # a question's family and its digest, or a name of its own
Asked = tuple[Numbers, list[Identity]]  # numbers of a family's questions (..., questions), and which those are


def _identities(seeds: Sequence[Pairs]) -> list[list[Identity]]:
    """Of every question of every seed: the same where the same was asked."""
    return [
        list(zip(pairs.families, pairs.questions or [f"{place}/{n}" for n in range(len(pairs.first))], strict=True))
        for place, pairs in enumerate(seeds)
    ]


def _by_family(pairs: Pairs, names: Sequence[Identity]) -> list[Asked]:
    """Both sides' scores (2, questions) of each family, in the order of first appearance."""
    both = np.stack([pairs.first, pairs.second])
    places: dict[str, list[int]] = {}
    for place, family in enumerate(pairs.families):
        places.setdefault(family, []).append(place)
    return [(both[:, own], [names[place] for place in own]) for own in places.values()]


def _differences(seeds: Sequence[Pairs]) -> list[list[Asked]]:
    """By seed and family: second minus first (questions,)."""
    return [
        [(both[1] - both[0], names) for both, names in _by_family(pairs, own)]
        for pairs, own in zip(seeds, _identities(seeds), strict=True)
    ]


def _clustered_error(seeds: Sequence[Sequence[Asked]]) -> float:
    """The standard error of the mean over seeds, families and questions; `seeds` hold one array a family.

    V(seeds) + V(questions) - V(both): a question's share in the mean is summed over the seeds that asked it in the
    second, and not in the third, so that these differ by questions asked again only. Seen beside the seeds' own mean
    that is a share of 1 - 1 / n of what it is, of n seeds, which is put right.
    """
    n = len(seeds)
    shares: dict[Identity, float] = {}
    by_both = 0.0
    for families in seeds:
        for own, names in families:
            share = (own - own.mean()) / (n * len(families) * len(own))
            by_both += float(share @ share)
            for name, one in zip(names, share, strict=True):
                shares[name] = shares.get(name, 0.0) + float(one)
    by_question = sum(share * share for share in shares.values())
    if n == 1:
        return math.sqrt(by_question)
    by_seed = float(np.var([np.mean([own.mean() for own, _ in families]) for families in seeds], ddof=1)) / n
    if by_seed <= NO_VARIANCE * by_both:
        by_seed = by_both  # few seeds with few questions can come out alike by chance: that is no certainty
    return math.sqrt(by_seed + max(0.0, by_question - by_both) * n / (n - 1))


def bootstrap_interval(seeds: Sequence[Pairs], purpose: str, draws: int = DRAWS) -> tuple[float, float]:
    """95 % interval of the hierarchical bootstrap (Davison & Hinkley 1997, 3.8), whose draws `purpose` names.

    Seeds are drawn, then each family's questions within a seed weighted, in pairs, by the Bayesian bootstrap (Rubin
    1981); a question that several seeds asked has one weight for all of them (crossed factors: Owen 2007). The standard
    error of the draws is used with Student's t. Drawing at both levels counts the choice of questions twice: where they
    vary more than seeds do, it covers more than it states.
    """
    differences = _differences(seeds)
    middle = float(np.mean([np.mean([own.mean() for own, _ in families]) for families in differences]))
    drawn = _draw(differences, stream(0, "bootstrap", purpose), draws)
    reach, _ = reach_and_p(middle, float(np.std(drawn)), len(seeds))
    return middle - reach, middle + reach


def _draw(seeds: Sequence[Sequence[Asked]], rng: np.random.Generator, draws: int) -> Numbers:
    """Mean differences (draws,) of drawn seeds with weighted questions; `seeds` hold one array a family."""
    asked = Counter(name for families in seeds for _, names in families for name in names)
    common = {name: rng.standard_exponential(draws) for name, times in asked.items() if times > 1}
    chosen = rng.integers(len(seeds), size=(draws, len(seeds)))
    means = np.empty(chosen.shape)
    for place, families in enumerate(seeds):
        here = chosen == place
        draw = np.nonzero(here)[0]  # the draw that each weighting of this seed belongs to
        drawn = []
        for own, names in families:
            weights = rng.standard_exponential((len(draw), len(own)))
            for column, name in enumerate(names):
                if name in common:
                    weights[:, column] = common[name][draw]
            drawn.append(weights @ own / weights.sum(axis=1))
        means[here] = np.mean(drawn, axis=0)
    return np.asarray(means.mean(axis=1))

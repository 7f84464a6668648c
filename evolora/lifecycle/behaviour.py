"""What an organism is like, in one number: the axes of an archive, and the objective it is kept for."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from evolora.organism.organism import Organism

BY_NUMBER = frozenset({"trade", "home"})  # numbers of niches, a bin each
BY_NICHE = frozenset({"score", "share", "preference"})  # written share:NICHE


@dataclass(frozen=True)
class Axis:
    """A behaviour by name, cut between `low` and `high` into `bins` of equal width."""

    behaviour: str
    low: float
    high: float
    bins: int


@dataclass(frozen=True)
class Doings:
    """What an organism did this generation: `home`, the niche it visited most or one of those it visited, and the mean
    generated tokens of its answers."""

    home: str
    answer_tokens: float


def objective(organism: Organism, least_tasks: int, home: str | None = None) -> float | None:
    """Mean score in [0, 1] over the tasks it remembers (up to 40 a niche: `Organism.practice`), only those of `home` if
    given; None where those are fewer than `least_tasks`."""
    if home is not None:
        tasks, mean = organism.practice.get(home, (0, 0.0))
        return mean if tasks >= least_tasks else None
    tasks = sum(number for number, _ in organism.practice.values())
    return _remembered(organism) / tasks if tasks >= least_tasks else None


def behaviour(name: str, organism: Organism, doings: Doings, niches: Sequence[str]) -> float | None:
    """One number of an organism that has answered something; None where it is undefined.

    trade: the number, in `niches`, of the niche in which it remembers the best mean score, the first among equals.
    home: the number of its home this generation.
    breadth: Levins' breadth of the score it remembers by niche, from 0 (one niche) to 1 (all alike); None without any.
    answer_tokens: the mean generated tokens of this generation's answers.
    share:NICHE, score:NICHE: the niche's part of the score it remembers; its mean score there, 0 where it never was.
    preference:NICHE and traits: what it inherited.
    """
    kind, _, niche = name.partition(":")
    match kind:
        case "trade":
            means = [organism.practice.get(one, (0, 0.0))[1] for one in niches]
            return float(means.index(max(means))) if any(means) else None
        case "home":
            return float(niches.index(doings.home))
        case "breadth":
            return _breadth(organism, len(niches))
        case "answer_tokens":
            return doings.answer_tokens
        case "share":
            tasks, mean = organism.practice.get(niche, (0, 0.0))
            total = _remembered(organism)
            return tasks * mean / total if total else None
        case "score":
            return organism.practice.get(niche, (0, 0.0))[1]
        case "preference":
            return organism.active.traits.niche_preferences.get(niche, 0.0)
        case _:
            return float(vars(organism.active.traits)[kind])


def _remembered(organism: Organism) -> float:
    """Sum of the scores of the tasks it remembers, a full score counting 1.

    Rounded once, over all: after a checkpoint the niches come in another order, which must change no bit.
    """
    return math.fsum(tasks * mean for tasks, mean in organism.practice.values())


def _breadth(organism: Organism, num_niches: int) -> float | None:
    """(B - 1) / (R - 1), B = 1 / sum of squared shares of the remembered score (Levins 1968; METRICS.md, B2.4)."""
    total = _remembered(organism)
    if not total or num_niches < 2:
        return None
    shares = [tasks * mean / total for tasks, mean in organism.practice.values()]
    return (1 / math.fsum(share * share for share in shares) - 1) / (num_niches - 1)

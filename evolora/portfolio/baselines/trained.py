"""Candidates for a portfolio that nobody evolved: one adapter on the mix, or specialists, at a given budget."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise

from evolora.blueprint import standard_traits
from evolora.config.world import WorldConfig
from evolora.environment.niche import Niche
from evolora.errors import ConfigError
from evolora.organism.founding import found_genome
from evolora.organism.genome import Genome
from evolora.portfolio.baselines.timetable import Term
from evolora.portfolio.baselines.training import Pupil, School
from evolora.rng import stream
from evolora.routing.tokens import TokenMeter

TRAINING = "training"


@dataclass(frozen=True)
class Lessons:
    """How a baseline's budget is used: learning rate (None: the founders' mean), and its number of checkpoints (None:
    one at the end of every term)."""

    learning_rate: float | None
    checkpoints: int | None


def fresh_pupil(config: WorldConfig, school: School, niches: Sequence[Niche], number: int, rate: float | None) -> Pupil:
    """An adapter that answers as the host does, with the founders' mean traits."""
    traits = standard_traits(config)
    if rate is not None:
        traits = traits.__class__(**{**vars(traits), "learning_rate": rate})
    rng = stream(school.seed, "pupil", number)
    return Pupil(found_genome(school.evaluator.sites, traits, config.genome.scaling, rng), tuple(niches))


def train_single(
    config: WorldConfig, school: School, terms: Sequence[Term], budget: int, lessons: Lessons, meter: TokenMeter
) -> dict[int, Genome]:
    """One adapter on the niches of each term; its checkpoints, evenly over the budget, are candidates for the best.

    A term has as much of the budget as of the lessons.
    """
    ends, number = {term.end for term in terms}, lessons.checkpoints
    checkpoints = ends if number is None else {Fraction(part + 1, number) for part in range(number)}
    pupil = fresh_pupil(config, school, terms[0].niches, 0, lessons.learning_rate)
    began, found, step = meter.by_purpose[TRAINING], dict[int, Genome](), 0
    for end in sorted(ends | checkpoints):
        now = next(term for term in terms if end <= term.end)
        due = int(budget * end) - (meter.by_purpose[TRAINING] - began)
        taught, step = school.train({0: replace(pupil, niches=now.niches)}, due, meter, TRAINING, step)
        pupil = taught[0]
        if end in checkpoints:
            found[len(found)] = pupil.settled
    return found


def train_specialists(
    config: WorldConfig,
    school: School,
    terms: Sequence[Term],
    num: int,
    generalist_share: float,
    budget: int,
    lessons: Lessons,
    meter: TokenMeter,
) -> dict[int, Genome]:
    """`num` adapters, each on its share of the niches, side by side on the whole budget. Niches are dealt in turn;
    where they open and shut neighbours in time go to the same hands, and in each term those learn who have one open.

    With a `generalist_share` above 0 they are clones of one adapter that first learnt all niches on that share.

    Raises:
        ConfigError: a generalist is to learn all niches first where they are not all open at once.
    """
    if generalist_share > 0 and len(terms) > 1:
        raise ConfigError("generalist_share: expected 0 where niches open and shut, got more; nobody sees all at first")
    began, step = meter.by_purpose[TRAINING], 0
    niches = list(dict.fromkeys(niche for term in terms for niche in term.niches))
    own = _deal(niches, num, in_turn=len(terms) == 1)
    if generalist_share > 0:
        first = {0: fresh_pupil(config, school, niches, 0, lessons.learning_rate)}
        trained, step = school.train(first, int(budget * generalist_share), meter, TRAINING)
        parent = trained[0]
        pupils = {place: replace(parent, niches=mine) for place, mine in enumerate(own)}
    else:
        pupils = {
            place: fresh_pupil(config, school, mine, place, lessons.learning_rate) for place, mine in enumerate(own)
        }
    for term in terms:
        present = {
            place: replace(pupil, niches=tuple(niche for niche in own[place] if niche in term.niches))
            for place, pupil in pupils.items()
            if any(niche in term.niches for niche in own[place])
        }
        due = int(budget * term.end) - (meter.by_purpose[TRAINING] - began)
        taught, step = school.train(present, due, meter, TRAINING, step)
        pupils |= taught
    return {place: pupil.settled for place, pupil in pupils.items()}


def _deal(niches: Sequence[Niche], num: int, in_turn: bool) -> list[tuple[Niche, ...]]:
    """Everybody's niches, in turn or in blocks of neighbours; of fewer niches than hands everybody has one."""
    if num > len(niches):
        return [(niches[place % len(niches)],) for place in range(num)]
    if in_turn:
        return [tuple(niches[place::num]) for place in range(num)]
    cuts = [round(place * len(niches) / num) for place in range(num + 1)]
    return [tuple(niches[low:high]) for low, high in pairwise(cuts)]

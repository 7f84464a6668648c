"""Candidates for a portfolio that nobody evolved: one adapter on the mix, or specialists, at a given budget."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evolora.blueprint import standard_traits
from evolora.config.world import WorldConfig
from evolora.environment.niche import Niche
from evolora.organism.founding import found_genome
from evolora.organism.genome import Genome
from evolora.portfolio.baselines.training import Pupil, School
from evolora.rng import stream
from evolora.routing.tokens import TokenMeter

TRAINING = "training"


@dataclass(frozen=True)
class Lessons:
    """How a baseline's budget is used: learning rate (None: the founders' mean), and its number of checkpoints."""

    learning_rate: float | None
    checkpoints: int


def fresh_pupil(config: WorldConfig, school: School, niches: Sequence[Niche], number: int, rate: float | None) -> Pupil:
    """An adapter that answers as the host does, with the founders' mean traits."""
    traits = standard_traits(config)
    if rate is not None:
        traits = traits.__class__(**{**vars(traits), "learning_rate": rate})
    rng = stream(school.seed, "pupil", number)
    return Pupil(found_genome(school.evaluator.sites, traits, config.genome.scaling, rng), tuple(niches))


def train_single(
    config: WorldConfig, school: School, niches: Sequence[Niche], budget: int, lessons: Lessons, meter: TokenMeter
) -> dict[int, Genome]:
    """One adapter on all niches; its checkpoints, evenly over the budget, are candidates for the best by id."""
    pupils = {0: fresh_pupil(config, school, niches, 0, lessons.learning_rate)}
    began, found, step = meter.by_purpose[TRAINING], {}, 0
    for part in range(lessons.checkpoints):
        due = budget * (part + 1) // lessons.checkpoints - (meter.by_purpose[TRAINING] - began)
        pupils, step = school.train(pupils, due, meter, TRAINING, step)
        found[part] = pupils[0].genome
    return found


def train_specialists(
    config: WorldConfig,
    school: School,
    niches: Sequence[Niche],
    num: int,
    generalist_share: float,
    budget: int,
    lessons: Lessons,
    meter: TokenMeter,
) -> dict[int, Genome]:
    """`num` adapters, each on its share of the niches (dealt in turn), side by side on the whole budget.

    With a `generalist_share` above 0 they are clones of one adapter that first learnt all niches on that share.
    """
    began = meter.by_purpose[TRAINING]
    own = [tuple(niches[place::num]) if num <= len(niches) else (niches[place % len(niches)],) for place in range(num)]
    if generalist_share > 0:
        first = {0: fresh_pupil(config, school, niches, 0, lessons.learning_rate)}
        trained, step = school.train(first, int(budget * generalist_share), meter, TRAINING)
        parent = trained[0]
        pupils: Mapping[int, Pupil] = {
            place: Pupil(parent.genome, mine, parent.optimizer) for place, mine in enumerate(own)
        }
    else:
        step = 0
        pupils = {
            place: fresh_pupil(config, school, mine, place, lessons.learning_rate) for place, mine in enumerate(own)
        }
    left = budget - (meter.by_purpose[TRAINING] - began)
    done, _ = school.train(pupils, left, meter, TRAINING, step)
    return {place: pupil.genome for place, pupil in done.items()}

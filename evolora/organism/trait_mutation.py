"""Mutation of traits."""

import math
from collections.abc import Mapping

import numpy as np

from evolora.errors import GenomeError
from evolora.organism.traits import TraitRange, Traits, range_of


def mutate_traits(
    traits: Traits, ranges: Mapping[str, TraitRange], preference_step: float, rng: np.random.Generator
) -> Traits:
    """A child's traits: every trait moves by one normal step of its range and is kept inside its bounds.

    `mutation_scale` is self-adaptive, as the step size of evolution strategies: multiplied by a log-normal
    factor (Beyer & Schwefel 2002, section 4.2), whatever its range says. They mutate it before what it scales;
    here the parent's scale has made the child's weights, and the child's own will make its children's: what it
    is selected with is what its parent's scale made. A logarithmic trait that is 0 stays 0. `rank` is not
    touched: only `grow_rank`, `shrink_rank` and merging change it, together with the weights. Niche preferences
    (log-weights, unbounded) take a normal step of `preference_step`. All steps zero: identity, for traits
    inside their bounds.

    Raises:
        GenomeError: a trait has no range, or a logarithmic trait is negative.
    """

    def moved(name: str, value: float, logarithmic: bool = False) -> float:
        span = range_of(ranges, name)
        step = span.step * float(rng.standard_normal())
        if logarithmic or span.logarithmic:
            if value < 0:
                raise GenomeError(f"{name}: expected 0 or more to mutate on a logarithmic scale, got {value}")
            value = value * math.exp(step)
        else:
            value = value + step
        return min(max(value, span.low), span.high)

    def moved_whole(name: str, value: int) -> int:
        # Stochastic rounding: a step of 0.3 changes the trait in about every third birth instead of never.
        return math.floor(moved(name, float(value)) + float(rng.random()))

    return Traits(
        rank=traits.rank,
        mutation_scale=moved("mutation_scale", traits.mutation_scale, logarithmic=True),
        learning_rate=moved("learning_rate", traits.learning_rate),
        temperature=moved("temperature", traits.temperature),
        answer_limit=moved_whole("answer_limit", traits.answer_limit),
        num_examples=moved_whole("num_examples", traits.num_examples),
        niche_preferences={
            name: traits.niche_preferences[name] + preference_step * float(rng.standard_normal())
            for name in sorted(traits.niche_preferences)
        },
    )

"""Traits of a child of two parents."""

from typing import TypeVar

import numpy as np

from evolora.organism.traits import Traits

Number = TypeVar("Number", int, float)


def merge_traits(first: Traits, second: Traits, weight: float, rank: int, rng: np.random.Generator) -> Traits:
    """The traits of a merged child whose weights have rank `rank`; `weight` in (0, 1) is the first parent's
    share.

    Discrete recombination: each trait comes whole from the first parent with probability `weight`, from the
    second otherwise. Two are intermediate: `mutation_scale` is the weighted geometric mean, as step sizes
    are recombined in evolution strategies (Beyer & Schwefel 2002), and niche preferences, log-weights, are
    the weighted arithmetic mean, 0 standing for a niche that a parent does not know.
    """

    def either(one: Number, other: Number) -> Number:
        return one if rng.random() < weight else other

    preferences = {}
    for niche in sorted({*first.niche_preferences, *second.niche_preferences}):
        one = first.niche_preferences.get(niche, 0.0)
        other = second.niche_preferences.get(niche, 0.0)
        preferences[niche] = other + weight * (one - other)
    ratio = first.mutation_scale / second.mutation_scale if second.mutation_scale > 0 else 0.0
    return Traits(
        rank=rank,
        mutation_scale=second.mutation_scale * ratio**weight,
        learning_rate=either(first.learning_rate, second.learning_rate),
        temperature=either(first.temperature, second.temperature),
        answer_limit=either(first.answer_limit, second.answer_limit),
        num_examples=either(first.num_examples, second.num_examples),
        niche_preferences=preferences,
    )

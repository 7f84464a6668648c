"""Founders: the first genomes of a world."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from evolora.organism.genome import Factors, Genome, SiteShape
from evolora.organism.low_rank import fresh_a
from evolora.organism.mutation import mutate
from evolora.organism.traits import TraitRange, Traits, range_of


def found_genome(sites: Sequence[SiteShape], traits: Traits, scaling: float, rng: np.random.Generator) -> Genome:
    """A genome that answers as the bare host, ready to learn: A random, B zero, as PEFT initialises LoRA.

    A (rank, in) is uniform in ±1/sqrt(in); B (out, rank) is zero, so every delta is exactly zero.
    """
    factors = {
        site.name: Factors(a=fresh_a(traits.rank, site.in_features, rng), b=torch.zeros(site.out_features, traits.rank))
        for site in sites
    }
    return Genome(factors, traits, scaling).validated()


def zero_genome(sites: Sequence[SiteShape], traits: Traits, scaling: float) -> Genome:
    """A genome whose factors are all zero: the bare host. It cannot learn; for reference and padding."""
    factors = {
        site.name: Factors(a=torch.zeros(traits.rank, site.in_features), b=torch.zeros(site.out_features, traits.rank))
        for site in sites
    }
    return Genome(factors, traits, scaling).validated()


def draw_traits(
    ranges: Mapping[str, TraitRange],
    niche_names: Sequence[str],
    preference_step: float,
    rng: np.random.Generator,
) -> Traits:
    """Traits of a founder, each uniform in its founding range; integer traits include both ends.

    `ranges` holds one range for every numeric trait (its `low` and `high` as drawn at founding). Niche
    preferences are normal with standard deviation `preference_step`.

    Raises:
        GenomeError: a trait has no range.
    """

    def real(name: str) -> float:
        span = range_of(ranges, name)
        return float(rng.uniform(span.low, span.high))

    def whole(name: str) -> int:
        span = range_of(ranges, name)
        return int(rng.integers(math.ceil(span.low), math.floor(span.high) + 1))

    return Traits(
        rank=whole("rank"),
        mutation_scale=real("mutation_scale"),
        learning_rate=real("learning_rate"),
        temperature=real("temperature"),
        answer_limit=whole("answer_limit"),
        num_examples=whole("num_examples"),
        niche_preferences={name: preference_step * float(rng.standard_normal()) for name in sorted(niche_names)},
    )


@dataclass(frozen=True)
class Founding:
    """How a world's founders are drawn: traits out of `ranges`, then `mutations` of the weights, so that they differ.

    `rank_bounds` is where mutation may take the rank.
    """

    ranges: Mapping[str, TraitRange]
    niche_names: Sequence[str]
    preference_step: float
    scaling: float
    mutations: int
    rank_bounds: TraitRange

    def draw(self, sites: Sequence[SiteShape], rng: np.random.Generator) -> Genome:
        """A founder's genome, with factors at all `sites`."""
        traits = draw_traits(self.ranges, self.niche_names, self.preference_step, rng)
        genome = found_genome(sites, traits, self.scaling, rng)
        for _ in range(self.mutations):
            genome = mutate("gaussian", genome, self.rank_bounds, rng)
        return genome

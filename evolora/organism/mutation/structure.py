"""Mutations of a genome's shape: its rank, or the sites it adapts. `mutation_scale` plays no part."""

import math
from dataclasses import replace

import numpy as np

from evolora.organism.genome import Factors, Genome
from evolora.organism.low_rank import resized, revive
from evolora.organism.mutation.layers import sites_by_layer
from evolora.organism.mutation.registry import mutation


def resize(genome: Genome, rank: int, rng: np.random.Generator) -> tuple[Genome, float]:
    """The genome at another rank, and the relative Frobenius error of its delta.

    Growing keeps the function: new A rows are random, new B columns zero, error 0. Shrinking keeps the best
    approximation of every site (Eckart & Young 1936).
    """
    factors: dict[str, Factors] = {}
    norm = error = 0.0
    for site in sorted(genome.factors):
        result = resized(genome.factors[site], rank)
        factors[site] = revive(result.factors, rng)
        norm, error = norm + result.squared_norm, error + result.squared_error
    child = genome.with_factors(factors).with_traits(replace(genome.traits, rank=rank)).validated()
    return child, math.sqrt(error / norm) if norm > 0 else 0.0


@mutation("grow_rank")
def grow_rank(genome: Genome, rng: np.random.Generator) -> Genome:
    """One more direction at every site, as yet without effect: function-preserving, as Net2Net (2016)."""
    return resize(genome, genome.traits.rank + 1, rng)[0]


@mutation("shrink_rank")
def shrink_rank(genome: Genome, rng: np.random.Generator) -> Genome:
    """One direction fewer at every site, the weakest; a genome of rank 1 stays as it is."""
    return genome if genome.traits.rank == 1 else resize(genome, genome.traits.rank - 1, rng)[0]


@mutation("drop_site")
def drop_site(genome: Genome, rng: np.random.Generator) -> Genome:
    """One site, drawn at random, is no longer adapted; the last one is kept."""
    sites = sorted(genome.factors)
    if len(sites) <= 1:
        return genome
    dropped = sites[int(rng.integers(len(sites)))]
    return genome.with_factors({site: genome.factors[site] for site in sites if site != dropped})


@mutation("drop_layer")
def drop_layer(genome: Genome, rng: np.random.Generator) -> Genome:
    """All sites of one layer, drawn at random, are no longer adapted; the last layer is kept."""
    layers = sites_by_layer(genome)
    if len(layers) <= 1:
        return genome
    dropped = sorted(layers)[int(rng.integers(len(layers)))]
    return genome.with_factors(
        {site: genome.factors[site] for layer in sorted(layers) if layer != dropped for site in layers[layer]}
    )

"""What is made of weights is the same bits on any number of threads: workers have one, who breeds may have more."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from genomes import TRAITS

from evolora.organism.distance import delta_norm, distance, inner_products
from evolora.organism.founding import found_genome
from evolora.organism.genome import Factors, Genome, SiteShape
from evolora.organism.low_rank import normal
from evolora.organism.merging.registry import MERGES, merge
from evolora.organism.mutation.registry import MUTATIONS, mutate
from evolora.organism.traits import TraitRange
from evolora.rng import stream

SITES = [SiteShape("model.layers.0.mlp.down_proj", 1536, 576), SiteShape("model.layers.1.self_attn.o_proj", 576, 576)]


def wide(seed: int, rank: int) -> Genome:
    """As wide as on the default host."""
    rng = stream(seed, "wide genome")
    genome = found_genome(SITES, replace(TRAITS, rank=rank), 2.0, rng)
    factors = {site: Factors(f.a, 0.1 * normal(tuple(f.b.shape), rng)) for site, f in genome.factors.items()}
    return genome.with_factors(factors)


@pytest.fixture(scope="module")
def parents() -> list[Genome]:
    """Of a rank that two of them double to 24."""
    return [wide(seed, 12) for seed in range(2)]


def assert_same(first, second):
    assert first.keys() == second.keys()
    for site, factors in first.items():
        assert torch.equal(factors.a, second[site].a) and torch.equal(factors.b, second[site].b)


@pytest.mark.parametrize("name", sorted(MERGES))
def test_merged(parents, name, set_threads):
    set_threads(1)
    alone = merge(name, *parents, 0.4, 12, stream(0))
    set_threads(3)
    assert_same(alone.factors, merge(name, *parents, 0.4, 12, stream(0)).factors)
    assert torch.get_num_threads() == 3


@pytest.mark.parametrize("name", sorted(MUTATIONS))
def test_mutated(name, set_threads):
    parent, found = wide(0, 24), []
    for threads in (1, 3):
        set_threads(threads)
        found.append(mutate(name, parent, TraitRange(4, 32, 1.0), stream(0)).factors)
    assert_same(*found)


def test_compared(parents, set_threads):
    found = []
    for threads in (1, 3):
        set_threads(threads)
        found.append((inner_products(parents), distance(*parents), delta_norm(parents[0])))
    assert np.array_equal(found[0][0], found[1][0]) and found[0][1:] == found[1][1:]

import numpy as np
import pytest
import torch
from genomes import SITES, TRAITS, lived_genome

from evolora.organism.distance import cosine_similarities, delta_norm, distance, inner_products
from evolora.organism.founding import found_genome
from evolora.organism.genome import Genome
from evolora.organism.mutation import MUTATIONS, decay
from evolora.rng import stream


def flat(genome: Genome) -> torch.Tensor:
    """All deltas of a genome as one dense vector, zeros where a site is absent."""
    return torch.cat(
        [
            genome.delta(s.name).double().flatten()
            if s.name in genome.factors
            else torch.zeros(s.in_features * s.out_features, dtype=torch.float64)
            for s in SITES
        ]
    )


def population() -> list[Genome]:
    mixed = [lived_genome(seed, rank=rank) for seed, rank in enumerate((1, 4, 4, 7))]
    return [
        *mixed,
        MUTATIONS["drop_layer"](lived_genome(9), stream(9)),
        MUTATIONS["gaussian"](mixed[1], stream(8)),
    ]


def test_inner_products_and_norms_match_dense_deltas() -> None:
    genomes = population()
    vectors = torch.stack([flat(genome) for genome in genomes])
    expected = (vectors @ vectors.T).numpy()
    np.testing.assert_allclose(inner_products(genomes), expected, rtol=1e-4, atol=1e-5 * expected.max())
    assert [delta_norm(g) for g in genomes] == pytest.approx(vectors.norm(dim=1).tolist(), rel=1e-5)


def test_cosines_are_symmetric_with_ones_on_the_diagonal() -> None:
    cosines = cosine_similarities(population())
    np.testing.assert_allclose(cosines, cosines.T, atol=1e-6)
    assert (np.diag(cosines) == 1.0).all() and (np.abs(cosines) <= 1.0).all()
    assert cosines[1, 5] > 0.99 > abs(cosines[0, 1])


def test_bare_hosts_are_alike_and_unlike_the_rest() -> None:
    founders = [found_genome(SITES, TRAITS, 2.0, stream(seed)) for seed in range(2)]
    cosines = cosine_similarities([*founders, lived_genome(1)])
    np.testing.assert_array_equal(cosines, [[1, 1, 0], [1, 1, 0], [0, 0, 1]])


def test_distance_matches_the_dense_one_and_is_exact_near_zero() -> None:
    genomes = population()
    for first in genomes:
        for second in genomes:
            expected = float((flat(first) - flat(second)).norm())
            assert distance(first, second) == pytest.approx(expected, rel=1e-3, abs=1e-5)
    tiny = decay(genomes[1], 1e-4)
    assert distance(genomes[1], tiny) == pytest.approx(1e-4 * delta_norm(genomes[1]), rel=0.02)

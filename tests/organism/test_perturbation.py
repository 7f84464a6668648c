"""Evolution strategies: noise out of keys, the estimate against its formula, and a hill that is climbed."""

import math
from dataclasses import replace

import pytest
import torch
from genomes import lived_genome

from evolora.organism.genome import Genome
from evolora.organism.learning import Comparison, Learner
from evolora.organism.perturbation import Noise, Perturbed, climb, realise, shifted
from evolora.rng import stream

KEYS = (11, 22, 33)


def flat(genome: Genome) -> torch.Tensor:
    return torch.cat([t.flatten() for f in genome.factors.values() for t in (f.a, f.b)])


def noise_of(genome: Genome, key: int) -> torch.Tensor:
    """The noise of one key, by taking what it adds at weight 1."""
    return flat(shifted(genome, [key], [1.0])) - flat(genome)


def test_opposites_lie_around_the_organism_and_scale_is_linear():
    genome = lived_genome(1)
    plus, minus = (realise(Perturbed(3, genome, Noise(5, scale))) for scale in (0.01, -0.01))
    torch.testing.assert_close((flat(plus) + flat(minus)) / 2, flat(genome))
    torch.testing.assert_close(flat(plus) - flat(genome), 0.01 * noise_of(genome, 5), rtol=1e-3, atol=1e-6)
    assert realise(genome) is genome


def test_noise_is_a_function_of_the_key_of_rank_one_and_unit_variance():
    genome = lived_genome(2)
    again = lived_genome(2)
    assert torch.equal(noise_of(genome, 5), noise_of(again, 5))
    assert not torch.allclose(noise_of(genome, 5), noise_of(genome, 6))
    site, factors = next(iter(genome.factors.items()))
    one = shifted(genome, [5], [1.0]).factors[site]
    assert torch.linalg.matrix_rank(one.b - factors.b, rtol=1e-4) == 1
    many = torch.stack([noise_of(genome, key) for key in range(200)])
    assert float(many.mean()) == pytest.approx(0.0, abs=0.05)
    assert float(many.square().mean()) == pytest.approx(1.0, abs=0.1)
    together = (many.T @ many / 200).fill_diagonal_(0)
    assert float(together.abs().mean()) < 0.1, "different weights' noises are uncorrelated"


def test_the_step_follows_the_estimators_formula():
    genome, gains, scale = lived_genome(3), (0.5, -0.25, 0.1), 0.02
    result = climb(Learner(genome, None), Comparison(1, KEYS, gains, scale, mean_score=0.4))
    gradient = sum(g * noise_of(genome, k) for g, k in zip(gains, KEYS, strict=True)) / (2 * 3 * scale)
    expected_rms = math.sqrt(sum(g * g for g in gains)) / (2 * 3 * scale)
    step = genome.traits.learning_rate * gradient / expected_rms
    torch.testing.assert_close(flat(result.genome), flat(genome) + step, rtol=1e-4, atol=1e-6)
    assert result.gradient_norm == pytest.approx(float(gradient.norm()), rel=1e-2)
    assert result.loss == -0.4 and result.optimizer is None and not result.fault


def test_swapping_the_signs_of_all_gains_mirrors_the_step():
    genome = lived_genome(4)
    up, down = (
        climb(Learner(genome, None), Comparison(1, KEYS, gains, 0.1, 0.0)).genome
        for gains in ((1.0, 0.5, 0.0), (-1.0, -0.5, 0.0))
    )
    torch.testing.assert_close(flat(up) - flat(genome), flat(genome) - flat(down), rtol=1e-3, atol=1e-6)


def test_a_step_to_weights_that_are_not_finite_is_a_fault_and_changes_nothing():
    genome = lived_genome(5)
    next(iter(genome.factors.values())).b[0, 0] = float("inf")
    result = climb(Learner(genome, None), Comparison(1, KEYS, (1.0, 0.0, 0.0), 0.1, 0.0))
    assert result.fault and result.genome is genome


def test_a_learning_rate_of_none_changes_nothing():
    genome = lived_genome(5)
    genome = genome.with_traits(replace(genome.traits, learning_rate=0.0))
    result = climb(Learner(genome, None), Comparison(1, KEYS, (1.0, 0.0, 0.0), 0.1, 0.4))
    assert result.genome is genome and (result.loss, result.gradient_norm, result.fault) == (-0.4, 0.0, "")


def some_sites(genome: Genome, learning_rate: float = 0.01) -> Genome:
    kept = {site: genome.factors[site] for site in sorted(genome.factors)[:2]}
    return genome.with_factors(kept).with_traits(replace(genome.traits, learning_rate=learning_rate))


@pytest.mark.parametrize("seed", range(3))
def test_repeated_steps_climb_a_smooth_hill_and_random_gains_do_not(seed):
    """The score is minus the distance of all weights to a target."""
    target = flat(some_sites(lived_genome(seed + 100)))

    def score(body: Genome | Perturbed) -> float:
        return -float((flat(realise(body)) - target).norm())

    climber = walker = some_sites(lived_genome(seed))
    first = score(climber)
    for step in range(50):
        keys = tuple(1000 * step + pair for pair in range(16))
        pairs = [[Perturbed(0, climber, Noise(key, scale)) for scale in (0.01, -0.01)] for key in keys]
        gains = tuple(score(plus) - score(minus) for plus, minus in pairs)
        climber = climb(Learner(climber, None), Comparison(0, keys, gains, 0.01, 0.0)).genome
        chance = tuple(float(g) for g in stream(seed, "chance", step).standard_normal(16))
        walker = climb(Learner(walker, None), Comparison(0, keys, chance, 0.01, 0.0)).genome
    assert score(climber) > 0.7 * first
    assert score(walker) < first

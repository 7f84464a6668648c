"""Low-rank perturbations out of a key, and the step they point to: evolution strategies on an organism's factors.

The estimator is that of evolution strategies with antithetic pairs (Salimans et al. 2017) and rank-one noise matrices
(EGGROLL, Sarkar et al. 2025). Noise is never stored: a key regenerates it, on whichever machine it is needed.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from evolora.organism.genome import Factors, Genome
from evolora.organism.learning import Comparison, Learner, Learnt
from evolora.organism.low_rank import normal
from evolora.rng import stream


@dataclass(frozen=True)
class Noise:
    """A perturbation of every factor: `scale` times the matrices of `key`. The antithetic partner has -`scale`."""

    key: int
    scale: float


@dataclass(frozen=True, eq=False)
class Perturbed:
    """An organism with noise added to its factors, made when it is needed: a body, not an individual."""

    organism_id: int
    genome: Genome
    noise: Noise

    def realised(self) -> Genome:
        """The perturbed genome itself."""
        return shifted(self.genome, [self.noise.key], [self.noise.scale])


def realise(body: Genome | Perturbed) -> Genome:
    """The genome that a body answers with."""
    return body.realised() if isinstance(body, Perturbed) else body


def unperturbed(body: Genome | Perturbed) -> Genome:
    """The organism's own genome, without noise."""
    return body.genome if isinstance(body, Perturbed) else body


def shifted(genome: Genome, keys: Sequence[int], weights: Sequence[float]) -> Genome:
    """`genome` plus the sum of weight · noise over `keys`, for every factor of every site."""
    shares = torch.tensor(weights, dtype=torch.float32)[:, None]
    moved = {}
    for site, factors in genome.factors.items():
        both = []
        for part, factor in (("a", factors.a), ("b", factors.b)):
            left, right = _rank_one(factor, keys, site, part)
            both.append(factor + left.T @ (shares * right))
        moved[site] = Factors(*both)
    return genome.with_factors(moved)


def climb(learner: Learner, comparison: Comparison) -> Learnt:
    """One step along the estimated gradient of the score: g = 1 / (2 N scale) · sum of gain · noise over N pairs.

    The step is learning_rate · g / (root mean square that g's entries would have if all noise were independent):
    every weight moves by about the learning rate, as it does under Adam, whatever the scores' range. The noise has
    unit variance, so that root mean square is sqrt(sum of gain²) / (2 N scale). A rate of 0 estimates nothing.
    """
    genome = learner.genome
    rate = genome.traits.learning_rate
    if rate == 0:
        return Learnt(genome, learner.optimizer, -comparison.mean_score, gradient_norm=0.0)
    length = math.sqrt(sum(gain * gain for gain in comparison.gains))
    moved = shifted(genome, comparison.keys, [rate * gain / length for gain in comparison.gains])
    distance = math.sqrt(sum(_squared_distance(moved.factors[site], own) for site, own in genome.factors.items()))
    norm = distance / rate * length / (2 * len(comparison.gains) * comparison.scale)
    loss = -comparison.mean_score
    if not moved.is_finite():
        return Learnt(genome, learner.optimizer, loss, norm, fault="learning gave weights that are not finite")
    return Learnt(moved, learner.optimizer, loss, norm)


def _rank_one(factor: Tensor, keys: Sequence[int], site: str, part: str) -> tuple[Tensor, Tensor]:
    """Left (keys, rows) and right (keys, columns) vectors of each key's noise for one factor, standard normal."""
    rows, columns = factor.shape
    drawn = torch.stack([normal((rows + columns,), stream(key, "noise", site, part)) for key in keys])
    return drawn[:, :rows], drawn[:, rows:]


def _squared_distance(one: Factors, other: Factors) -> float:
    return float((one.a - other.a).square().sum() + (one.b - other.b).square().sum())

"""Merges in the span of the parents' deltas, from factors alone: exact up to the child's rank."""

import math

import numpy as np
import torch

from evolora.organism.genome import Factors
from evolora.organism.low_rank import Truncation, exact, inner_product, resized, squared_norm, truncate
from evolora.organism.merging.registry import merging

PARALLEL = 1.0 - 1e-6  # cosine above which an arc cannot be told from a chord in float32


def _stack(first: Factors, second: Factors, weights: tuple[float, float]) -> Factors:
    """Factors of w1 · B1 A1 + w2 · B2 A2, exactly, at rank r1 + r2."""
    return Factors(
        a=torch.cat([first.a, second.a]),  # (r1 + r2, in)
        b=torch.cat([weights[0] * first.b, weights[1] * second.b], dim=1),  # (out, r1 + r2)
    )


@merging("weighted_sum")
def weighted_sum(first: Factors, second: Factors, weight: float, rank: int, rng: np.random.Generator) -> Truncation:
    """weight · D1 + (1 - weight) · D2, and the best approximation of it at the child's rank."""
    stack = _stack(first, second, (weight, 1.0 - weight))
    return truncate(stack.b, stack.a, rank)


@merging("concatenation")
def concatenation(first: Factors, second: Factors, weight: float, rank: int, rng: np.random.Generator) -> Truncation:
    """The weighted sum kept in the parents' own directions: exact from rank r1 + r2 up, else truncated."""
    return resized(_stack(first, second, (weight, 1.0 - weight)), rank)


@merging("spherical")
def spherical(first: Factors, second: Factors, weight: float, rank: int, rng: np.random.Generator) -> Truncation:
    """Spherical interpolation of the two deltas of a site as vectors (Shoemake 1985; site by site as
    mergekit).

    sin(w t)/sin(t) · D1 + sin((1 - w) t)/sin(t) · D2 with t the angle between them under the Frobenius inner
    product. Linear where t is not defined or not usable: a zero delta, or (anti)parallel ones.
    """
    stack = _stack(first, second, _arc_weights(first, second, weight))
    return truncate(stack.b, stack.a, rank)


def _arc_weights(first: Factors, second: Factors, weight: float) -> tuple[float, float]:
    norms = math.sqrt(max(0.0, squared_norm(first))) * math.sqrt(max(0.0, squared_norm(second)))
    if norms == 0.0:
        return weight, 1.0 - weight
    cosine = inner_product(first, second) / norms
    if abs(cosine) > PARALLEL:
        return weight, 1.0 - weight
    angle = math.acos(cosine)
    return math.sin(weight * angle) / math.sin(angle), math.sin((1.0 - weight) * angle) / math.sin(angle)


@merging("crossover")
def crossover(first: Factors, second: Factors, weight: float, rank: int, rng: np.random.Generator) -> Truncation:
    """The site of one parent, the first's with probability `weight`: uniform crossover with sites as loci.

    Exact unless the chosen parent's rank exceeds the child's. A site the chosen parent lacks stays unadapted.
    """
    chosen = first if rng.random() < weight else second
    return exact(chosen) if chosen.rank == 0 else resized(chosen, rank)

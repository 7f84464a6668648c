"""Mutations that move weights and keep their shapes. Each is the identity at `mutation_scale` 0."""

import math

import numpy as np
import torch

from evolora.organism.genome import Factors, Genome
from evolora.organism.low_rank import normal
from evolora.organism.mutation.layers import sites_by_layer
from evolora.organism.mutation.registry import mutation

B_FLOOR = 0.1  # of A's bound at founding, 1/sqrt(in): the least B counted as, so that founders (B = 0) vary


def noisy(factors: Factors, scale: float, rng: np.random.Generator) -> Factors:
    """Factors with normal noise such that B A changes by about `scale` of its norm.

    For A and B with even spectra, dB A + B dA is sqrt(2) times as large as either factor's relative change,
    hence the division; for uneven spectra the change is smaller, never below scale · sqrt(1 / rank) to
    first order. While rms(B) is below the floor (a founder's is 0) steps have the floor's size instead of
    B's.
    """
    rms_a = float(factors.a.square().mean().sqrt())
    rms_b = float(factors.b.square().mean().sqrt())
    floor = B_FLOOR / math.sqrt(factors.a.shape[1])
    share = scale / math.sqrt(2.0)
    return Factors(
        a=factors.a + share * rms_a * normal(tuple(factors.a.shape), rng),
        b=factors.b + share * max(rms_b, floor) * normal(tuple(factors.b.shape), rng),
    )


@mutation("gaussian")
def gaussian(genome: Genome, rng: np.random.Generator) -> Genome:
    """Normal noise on all factors; every site's delta changes by about `mutation_scale` of its own norm."""
    scale = genome.traits.mutation_scale
    return genome.with_factors({site: noisy(genome.factors[site], scale, rng) for site in sorted(genome.factors)})


@mutation("layer_noise")
def layer_noise(genome: Genome, rng: np.random.Generator) -> Genome:
    """The noise of `gaussian` concentrated in one layer drawn at random.

    Scaled by the square root of the number of layers, so that the whole delta changes about as much as under
    `gaussian`. Sites outside any numbered layer count as one layer of their own.
    """
    layers = sites_by_layer(genome)
    if not layers:
        return genome
    chosen = sorted(layers)[int(rng.integers(len(layers)))]
    scale = genome.traits.mutation_scale * math.sqrt(len(layers))
    return genome.with_factors(
        {**genome.factors, **{site: noisy(genome.factors[site], scale, rng) for site in layers[chosen]}}
    )


@mutation("singular_value_scaling")
def singular_value_scaling(genome: Genome, rng: np.random.Generator) -> Genome:
    """Every singular value times exp(`mutation_scale` · normal): directions stay, strengths move.

    With delta = U S Vᵀ, the new B is B + U diag(f - 1) Uᵀ B, hence U f S Vᵀ in all: exact, with A untouched,
    so directions not yet used (B columns of zeros) stay as learnable as they were.
    """
    scale = genome.traits.mutation_scale
    return genome.with_factors({site: _stretched(genome.factors[site], scale, rng) for site in sorted(genome.factors)})


def _stretched(factors: Factors, scale: float, rng: np.random.Generator) -> Factors:
    q_b, r_b = torch.linalg.qr(factors.b)  # (out, rank), (rank, rank)
    r_a = torch.linalg.qr(factors.a.T, mode="r").R  # (rank, rank)
    u = q_b @ torch.linalg.svd(r_b @ r_a.T, full_matrices=False)[0]  # (out, rank): left singular vectors
    stretch = torch.exp(scale * normal((u.shape[1],), rng))
    return Factors(a=factors.a, b=factors.b + u @ ((stretch - 1.0)[:, None] * (u.T @ factors.b)))

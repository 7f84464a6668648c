"""Low-rank algebra: the best rank-r approximation of B A and of dense matrices."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from evolora.organism.genome import Factors

NEGLIGIBLE = 1e-6  # singular values below this share of the largest are rounding of float32
OVERSAMPLE = 8  # extra columns of the randomised range finder (Halko et al. advise 5 to 10)
POWER_ITERATIONS = 2


@contextmanager
def one_thread() -> Iterator[None]:
    """Within it, or a function that it decorates, torch has one thread: roundings of a decomposition depend on their
    number, which is not the same for one process and for many."""
    own = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(own)


@dataclass(frozen=True, eq=False)
class Truncation:
    """Factors of a matrix, with the squared Frobenius norms of what was meant and of what was lost."""

    factors: Factors
    squared_norm: float
    squared_error: float


def exact(factors: Factors) -> Truncation:
    """`factors` as they are: nothing lost."""
    return Truncation(factors, squared_norm(factors), 0.0)


def normal(shape: tuple[int, ...], rng: np.random.Generator) -> Tensor:
    """Standard normal numbers, float32, a function of `rng` alone."""
    return torch.from_numpy(rng.standard_normal(shape, dtype=np.float32))


def fresh_a(rank: int, in_features: int, rng: np.random.Generator) -> Tensor:
    """New A rows (rank, in), uniform in ±1/sqrt(in): PEFT's `kaiming_uniform_(a=sqrt(5))`."""
    uniform = torch.from_numpy(rng.random((rank, in_features), dtype=np.float32))
    return (2.0 * uniform - 1.0) / math.sqrt(in_features)


def squared_norm(factors: Factors) -> float:
    """||B A||² = tr((BᵀB)(A Aᵀ)), in float64, never forming B A."""
    return inner_product(factors, factors)


def inner_product(first: Factors, second: Factors) -> float:
    """<B1 A1, B2 A2> = tr((B1ᵀ B2)(A2 A1ᵀ)), in float64; exact up to rounding, cost (in + out) · r1 · r2."""
    left = first.b.double().T @ second.b.double()  # (r1, r2)
    right = first.a.double() @ second.a.double().T  # (r1, r2)
    return float((left * right).sum())


@one_thread()
def truncate(b_stack: Tensor, a_stack: Tensor, rank: int) -> Truncation:
    """The best approximation of `b_stack` (out, k) @ `a_stack` (k, in) by a matrix of rank `rank` or less.

    Thin QR of both stacks, SVD of the small core (Eckart & Young 1936; the "SVD merge" without dense
    matrices). Singular values are shared evenly, sqrt(S) to each factor; missing and negligible directions
    are zero in both factors (see `revive`).
    """
    q_b, r_b = torch.linalg.qr(b_stack)  # (out, k), (k, k)
    q_a, r_a = torch.linalg.qr(a_stack.T)  # (in, k), (k, k)
    u, s, vh = torch.linalg.svd(r_b @ r_a.T, full_matrices=False)
    kept = min(rank, int((s > NEGLIGIBLE * s.max()).sum()))  # s descends: what is kept comes first
    root = s[:kept].sqrt()
    a = torch.zeros(rank, a_stack.shape[1])
    b = torch.zeros(b_stack.shape[0], rank)
    a[:kept] = root[:, None] * (vh[:kept] @ q_a.T)
    b[:, :kept] = (q_b @ u[:, :kept]) * root
    squares = s.double().square()
    return Truncation(Factors(a=a, b=b), float(squares.sum()), float(squares[kept:].sum()))


def truncate_dense(matrix: Tensor, start: Tensor, rank: int, rng: np.random.Generator) -> Truncation:
    """A near-best rank-`rank` approximation of a dense `matrix` (out, in) by subspace iteration.

    Randomised range finder with power iterations (Halko, Martinsson & Tropp 2011, algorithm 4.4), begun
    from the rows `start` (k, in), where the matrix is expected to live, and `OVERSAMPLE` random rows. The
    error stated is measured on the dense residual, so it is true even where the approximation is not the
    best.
    """
    probes = torch.cat([start, normal((OVERSAMPLE + max(0, rank - start.shape[0]), matrix.shape[1]), rng)])
    probes = probes / probes.norm(dim=1, keepdim=True).clamp_min(torch.finfo(torch.float32).tiny)
    q = torch.linalg.qr(matrix @ probes.T).Q  # (out, probes)
    for _ in range(POWER_ITERATIONS):
        q = torch.linalg.qr(matrix.T @ q).Q  # (in, probes)
        q = torch.linalg.qr(matrix @ q).Q  # (out, probes)
    factors = truncate(q, q.T @ matrix, rank).factors
    residual = torch.addmm(matrix, factors.b, factors.a, alpha=-1.0)
    return Truncation(factors, float(matrix.norm()) ** 2, float(residual.norm()) ** 2)


def resized(factors: Factors, rank: int) -> Truncation:
    """The same matrix with `rank` directions: zero directions appended, or the best truncation."""
    extra = rank - factors.rank
    if extra < 0:
        return truncate(factors.b, factors.a, rank)
    if extra == 0:
        return exact(factors)
    a = torch.cat([factors.a, torch.zeros(extra, factors.a.shape[1])])
    b = torch.cat([factors.b, torch.zeros(factors.b.shape[0], extra)], dim=1)
    return exact(Factors(a=a, b=b))


def revive(factors: Factors, rng: np.random.Generator) -> Factors:
    """`factors` with every all-zero A row drawn anew and its B column kept zero; B A is unchanged.

    A direction that is zero in both factors has no gradient and cannot mutate: it would stay dead for ever
    while the organism pays for its rank.
    """
    dead = (factors.a == 0).all(dim=1)
    if not bool(dead.any()):
        return factors
    a, b = factors.a.clone(), factors.b.clone()
    a[dead] = fresh_a(int(dead.sum()), a.shape[1], rng)
    b[:, dead] = 0.0
    return Factors(a=a, b=b)

"""How alike genomes are: norms, inner products and distances of their deltas, never forming a dense delta."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from evolora.organism.genome import Genome
from evolora.organism.low_rank import one_thread, squared_norm


@one_thread()
def delta_norm(genome: Genome) -> float:
    """Frobenius norm of a genome's delta over all its sites."""
    squared = sum(squared_norm(genome.factors[site]) for site in sorted(genome.factors))
    return genome.scaling * math.sqrt(max(0.0, squared))


@one_thread()
def inner_products(genomes: Sequence[Genome]) -> NDArray[np.float64]:
    """<delta_i, delta_j> summed over sites, shape (genomes, genomes).

    Per site tr((B_iᵀ B_j)(A_j A_iᵀ)): two Gram matrices of all directions of all genomes (METRICS.md, B2.2),
    multiplied entry by entry and summed by owner. A site that a genome lacks counts as zero; ranks may
    differ.
    """
    total = torch.zeros(len(genomes), len(genomes), dtype=torch.float64)
    for site in sorted({site for genome in genomes for site in genome.factors}):
        owners = [index for index, genome in enumerate(genomes) if site in genome.factors]
        factors = [genomes[index].factors[site] for index in owners]
        a = torch.cat([f.a for f in factors])  # (directions, in)
        b = torch.cat([genomes[i].scaling * f.b for i, f in zip(owners, factors, strict=True)], dim=1)
        owner = torch.tensor([i for i, f in zip(owners, factors, strict=True) for _ in range(f.rank)])
        gram = (a @ a.T).double() * (b.T @ b).double()  # (directions, directions)
        rows = torch.zeros(len(genomes), gram.shape[1], dtype=torch.float64).index_add_(0, owner, gram)
        total.index_add_(1, owner, rows)
    products: NDArray[np.float64] = total.numpy()
    return products


def cosine_similarities(genomes: Sequence[Genome]) -> NDArray[np.float64]:
    """Cosines between deltas, shape (genomes, genomes), ones on the diagonal.

    A genome with zero delta has similarity 1 with another such (both are the bare host) and 0 with the rest.
    """
    products = inner_products(genomes)
    norms = np.sqrt(np.clip(np.diag(products), 0.0, None))
    safe = np.where(norms > 0, norms, 1.0)
    cosines: NDArray[np.float64] = np.clip(products / np.outer(safe, safe), -1.0, 1.0)
    cosines[np.outer(norms == 0, norms == 0)] = 1.0
    np.fill_diagonal(cosines, 1.0)
    return cosines


@one_thread()
def distance(first: Genome, second: Genome) -> float:
    """Frobenius distance ||delta_1 - delta_2|| over all sites.

    Through the QR factors of the stacked difference, so that near-equal genomes do not cancel to noise.
    """
    squared = 0.0
    for site in sorted({*first.factors, *second.factors}):
        signed = ((first.scaling, first), (-second.scaling, second))
        present = [(scale, genome.factors[site]) for scale, genome in signed if site in genome.factors]
        b = torch.cat([sign * f.b for sign, f in present], dim=1)  # (out, directions)
        a = torch.cat([f.a for _, f in present])  # (directions, in)
        core = torch.linalg.qr(b, mode="r").R @ torch.linalg.qr(a.T, mode="r").R.T
        squared += float(core.double().square().sum())
    return math.sqrt(squared)

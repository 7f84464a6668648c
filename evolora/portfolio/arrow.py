"""Arrow routing (Ostapenko et al. 2024), the training-free baseline that PEFT has: adapters say where they belong.

An adapter's prototype at a site is the top right-singular vector of its delta there: the input direction it changes
most. PEFT routes every token at every site by |x · prototype| and mixes the adapters' outputs. Here one member answers
a whole question, so tokens' and sites' shares are averaged over the prompt: a version by prompt, not by token.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from evolora.organism.genome import Factors, Genome


def prototype(factors: Factors) -> Tensor:
    """The top right-singular vector (in,) of B A, unit length, never forming B A; zeros for a delta of zeros."""
    q, r = torch.linalg.qr(factors.a.T)  # A = Rᵀ Qᵀ, so B A = (B Rᵀ) Qᵀ
    _, strengths, right = torch.linalg.svd(factors.b @ r.T, full_matrices=False)
    return q @ right[0] if float(strengths[0]) > 0 else torch.zeros(factors.a.shape[1])


def prototypes(genomes: Sequence[Genome]) -> dict[str, Tensor]:
    """Site -> (genomes, in), for sites that at least one genome adapts; zeros where a genome does not."""
    widths = {site: f.a.shape[1] for genome in genomes for site, f in genome.factors.items()}
    return {
        site: torch.stack([prototype(g.factors[site]) if site in g.factors else torch.zeros(width) for g in genomes])
        for site, width in sorted(widths.items())
    }

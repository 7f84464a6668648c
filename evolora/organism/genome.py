"""A genome: LoRA factors per adapted site, and traits."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from evolora.errors import GenomeError
from evolora.organism.traits import Traits


@dataclass(frozen=True, eq=False)
class Factors:
    """One site's low-rank factors in float32: `a` (rank, in) and `b` (out, rank)."""

    a: Tensor
    b: Tensor

    def __post_init__(self) -> None:
        if self.a.ndim != 2 or self.b.ndim != 2 or self.a.shape[0] != self.b.shape[1]:
            raise GenomeError(
                f"LoRA factors do not fit: expected a (rank, in) and b (out, rank), "
                f"got {tuple(self.a.shape)} and {tuple(self.b.shape)}"
            )

    @property
    def rank(self) -> int:
        return self.a.shape[0]

    def product(self) -> Tensor:
        """B A, shape (out, in)."""
        return self.b @ self.a


@dataclass(frozen=True, eq=False)
class Genome:
    """Weights and traits of one organism.

    `factors` maps a site's module path (e.g. `model.layers.3.self_attn.q_proj`) to its factors; a site that is
    absent is not adapted. The effective change of a site is its delta, `scaling` · B A; `scaling` is a constant
    of the world (LoRA's alpha / rank), the same for every organism, so that deltas add and merge plainly.
    """

    factors: Mapping[str, Factors]
    traits: Traits
    scaling: float

    def delta(self, site: str) -> Tensor:
        """`scaling` · B A of a site, shape (out, in), float32."""
        return self.scaling * self.factors[site].product()

    @cached_property
    def num_parameters(self) -> int:
        return sum(f.a.numel() + f.b.numel() for f in self.factors.values())

    def is_finite(self) -> bool:
        return all(bool(torch.isfinite(t).all()) for f in self.factors.values() for t in (f.a, f.b))

    def validated(self) -> "Genome":
        """Itself, if `traits.rank` is the rank of every site; every operator hands its child through here.

        Raises:
            GenomeError: a site's rank differs from the rank trait, which prices the organism.
        """
        odd = {site: f.rank for site, f in self.factors.items() if f.rank != self.traits.rank}
        if odd:
            site, rank = next(iter(odd.items()))
            raise GenomeError(
                f"rank: expected {self.traits.rank} (the rank trait) at every site, got {rank} at {site}"
                f" ({len(odd)} of {len(self.factors)} sites); change rank with grow_rank or shrink_rank only"
            )
        return self

    def with_factors(self, factors: Mapping[str, Factors]) -> "Genome":
        return replace(self, factors=dict(factors))

    def with_traits(self, traits: Traits) -> "Genome":
        return replace(self, traits=traits)


@dataclass(frozen=True)
class SiteShape:
    """Where a genome may have factors: a module path with its widths."""

    name: str
    in_features: int
    out_features: int


@dataclass(frozen=True, eq=False)
class OptimizerState:
    """Adam's moments for one organism's factors. `step` counts updates; both maps have the genome's sites."""

    step: int
    first: Mapping[str, Factors]
    second: Mapping[str, Factors]

    def fits(self, genome: Genome) -> bool:
        """Whether the moments have the genome's sites and shapes, so that learning may go on with them."""
        return all(
            moments.keys() == genome.factors.keys()
            and all(
                moments[site].a.shape == f.a.shape and moments[site].b.shape == f.b.shape
                for site, f in genome.factors.items()
            )
            for moments in (self.first, self.second)
        )

"""The names of the merge operators, and what they share: sites, checks, the error over all sites."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch

from evolora.errors import GenomeError
from evolora.organism.genome import Factors, Genome
from evolora.organism.low_rank import Truncation, one_thread, revive
from evolora.organism.traits import TraitRange, Traits


@dataclass(frozen=True, eq=False)
class Merged:
    """What merging made: factors of the rank asked for, before the child has traits.

    `truncation_error` is the Frobenius norm of what the rank could not hold, relative to the operator's
    untruncated delta, over all sites: 0 where the child is the operator's exact result.
    """

    factors: Mapping[str, Factors]
    scaling: float
    truncation_error: float

    def genome(self, traits: Traits) -> Genome:
        """The child. Raises `GenomeError` unless `traits.rank` is the rank merged to."""
        return Genome(self.factors, traits, self.scaling).validated()


SiteMerge = Callable[[Factors, Factors, float, int, np.random.Generator], Truncation]
Merge = Callable[[Genome, Genome, float, int, np.random.Generator], Merged]

MERGES: dict[str, Merge] = {}


def merging(name: str) -> Callable[[SiteMerge], SiteMerge]:
    """Register a function of one site as the merge operator `name` of whole genomes.

    The function gets both parents' factors of a site that at least one of them has; the other's may be
    absent, which is rank 0 and a zero delta. It returns factors of the rank asked for, or of rank 0 for
    "not adapted".
    """

    def register(site_merge: SiteMerge) -> SiteMerge:
        if name in MERGES:
            raise GenomeError(f"merging: expected a new name, got {name} again; choose another")

        def whole(first: Genome, second: Genome, weight: float, rank: int, rng: np.random.Generator) -> Merged:
            return _merge_sites(site_merge, first, second, weight, rank, rng)

        MERGES[name] = whole
        return site_merge

    return register


@one_thread()
def merge(name: str, first: Genome, second: Genome, weight: float, rank: int, rng: np.random.Generator) -> Merged:
    """The merge of two genomes by the operator `name`; `weight` in (0, 1) is the first parent's share.

    Raises:
        GenomeError: unknown operator, weight or rank out of bounds, or parents that do not fit each other.
    """
    if name not in MERGES:
        raise GenomeError(f"merging: expected one of {', '.join(sorted(MERGES))}, got {name}")
    return MERGES[name](first, second, weight, rank, rng)


def child_rank(name: str, first_rank: int, second_rank: int, rank_range: TraitRange, rng: np.random.Generator) -> int:
    """The rank of a child: the parents' sum for `concatenation`, else one parent's at random; in range."""
    drawn = first_rank if rng.random() < 0.5 else second_rank
    wanted = first_rank + second_rank if name == "concatenation" else drawn
    return int(min(max(wanted, rank_range.low), rank_range.high))


def _merge_sites(
    site_merge: SiteMerge, first: Genome, second: Genome, weight: float, rank: int, rng: np.random.Generator
) -> Merged:
    _check_parents(first, second, weight, rank)
    factors: dict[str, Factors] = {}
    norm = error = 0.0
    for site in sorted({*first.factors, *second.factors}):
        result = site_merge(*_both(first, second, site), weight, rank, rng)
        norm, error = norm + result.squared_norm, error + result.squared_error
        if result.factors.rank > 0:
            factors[site] = revive(result.factors, rng)
    return Merged(factors, first.scaling, math.sqrt(error / norm) if norm > 0 else 0.0)


def _both(first: Genome, second: Genome, site: str) -> tuple[Factors, Factors]:
    """Both parents' factors of a site, rank 0 for a parent without it."""
    if site in first.factors and site in second.factors:
        return first.factors[site], second.factors[site]
    present = first.factors[site] if site in first.factors else second.factors[site]
    absent = Factors(a=torch.zeros(0, present.a.shape[1]), b=torch.zeros(present.b.shape[0], 0))
    return (present, absent) if site in first.factors else (absent, present)


def _check_parents(first: Genome, second: Genome, weight: float, rank: int) -> None:
    if not 0.0 < weight < 1.0:
        raise GenomeError(f"merging: expected a weight between 0 and 1, got {weight}")
    if rank < 1:
        raise GenomeError(f"merging: expected a rank of 1 or more for the child, got {rank}")
    if first.scaling != second.scaling:
        raise GenomeError(
            f"merging: expected parents of one world (equal scaling), got {first.scaling} and {second.scaling}"
        )
    if not (first.is_finite() and second.is_finite()):
        raise GenomeError("merging: expected finite weights, got a parent with NaN or infinity")
    for site in sorted(first.factors.keys() & second.factors.keys()):
        shapes = [(f.a.shape[1], f.b.shape[0]) for f in (first.factors[site], second.factors[site])]
        if shapes[0] != shapes[1]:
            raise GenomeError(f"merging: expected equal (in, out) widths at {site}, got {shapes[0]} and {shapes[1]}")

"""Merging of two genomes. Importing this package registers the operators it ships with.

To add one: write `@merging("name") def name(first, second, weight, rank, rng) -> Truncation` for one site,
in a file of this folder, and import it here. Factors are never averaged: operators act on deltas.
"""

from evolora.organism.merging import linear, sparse
from evolora.organism.merging.registry import MERGES, Merge, Merged, SiteMerge, child_rank, merge, merging
from evolora.organism.merging.trait_merging import merge_traits

__all__ = [
    "MERGES",
    "Merge",
    "Merged",
    "SiteMerge",
    "child_rank",
    "linear",
    "merge",
    "merge_traits",
    "merging",
    "sparse",
]

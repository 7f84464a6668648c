"""Merges entry by entry, on the dense delta (out, in) of one site at a time, then cut to a low rank."""

import numpy as np
import torch
from torch import Tensor

from evolora.organism.genome import Factors
from evolora.organism.low_rank import Truncation, truncate_dense
from evolora.organism.merging.registry import merging

TIES_DENSITY = 0.5  # share of a parent's entries, the largest, that count as influential
DARE_DROP = 0.5  # share of a parent's own entries dropped
THRESHOLD_SAMPLE = 2**15  # entries from which the magnitude threshold of a site is read


@merging("ties")
def ties(first: Factors, second: Factors, weight: float, rank: int, rng: np.random.Generator) -> Truncation:
    """TIES (Yadav et al. 2023): trim, elect a sign, average what agrees with it; then the child's rank.

    One departure, because a world merges again and again: an entry is trimmed where it is redundant (below
    its parent's `TIES_DENSITY` largest magnitudes) in one parent and influential in the other, which is where
    it would dilute. Entries redundant in both are averaged, not zeroed: zeroing would shrink every lineage
    at every merge, and equal parents would not give that parent. The sign elected is the weighted sum's.
    """
    merged = ties_dense(first.product(), second.product(), weight)
    return truncate_dense(merged, torch.cat([first.a, second.a]), rank, rng)


def ties_dense(first: Tensor, second: Tensor, weight: float) -> Tensor:
    """The TIES merge of two dense matrices (out, in), before truncation."""
    strong_first = first.abs() > _threshold(first)
    strong_second = second.abs() > _threshold(second)
    one = (weight * first).mul_(strong_first | ~strong_second)
    two = ((1.0 - weight) * second).mul_(strong_second | ~strong_first)
    elected = (one + two).sign_()
    agrees_one = (one.sign() == elected).float()
    agrees_two = (two.sign() == elected).float()
    share = (weight * agrees_one).add_(agrees_two, alpha=1.0 - weight)  # the weight of those that agree
    agreeing = one.mul_(agrees_one).add_(two.mul_(agrees_two))
    return agreeing.div_(share.clamp_min_(torch.finfo(torch.float32).tiny))


def _threshold(matrix: Tensor) -> Tensor:
    """The magnitude that `TIES_DENSITY` of the entries exceed, from an even sample of large matrices."""
    magnitudes = matrix.reshape(-1).abs()
    # An odd stride visits every column of the usual even widths.
    sample = magnitudes[:: max(1, magnitudes.numel() // THRESHOLD_SAMPLE) | 1]
    return torch.kthvalue(sample, max(1, round((1.0 - TIES_DENSITY) * sample.numel()))).values


@merging("dare")
def dare(first: Factors, second: Factors, weight: float, rank: int, rng: np.random.Generator) -> Truncation:
    """DARE (Yu et al. 2024): drop entries at random with chance p, rescale the rest by 1 / (1 - p), sum.

    The base from which the parents' own parts are measured is their weighted mean M instead of the bare
    host: child = M + w · dare(D1 - M) + (1 - w) · dare(D2 - M). What both parents share is thus kept,
    equal parents give that parent, and the expectation over masks is M, the weighted sum.
    """
    merged = dare_dense(first.product(), second.product(), weight, rng)
    return truncate_dense(merged, torch.cat([first.a, second.a]), rank, rng)


def dare_dense(first: Tensor, second: Tensor, weight: float, rng: np.random.Generator) -> Tensor:
    """The DARE merge of two dense matrices (out, in), before truncation."""
    mean = torch.lerp(second, first, weight)
    kept_first = torch.from_numpy(rng.random(tuple(first.shape), dtype=np.float32) >= DARE_DROP)
    kept_second = torch.from_numpy(rng.random(tuple(first.shape), dtype=np.float32) >= DARE_DROP)
    # w (D1 - M) = w (1 - w) (D1 - D2) = -(1 - w) (D2 - M), so both sparse parts are one masked difference.
    masks = kept_first.float() - kept_second.float()
    return torch.addcmul(mean, masks, first - second, value=weight * (1.0 - weight) / (1.0 - DARE_DROP))

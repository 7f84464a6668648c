"""How many kinds there effectively are: Hill numbers, with and without similarity, within and between communities."""

import math

import numpy as np

from evolora.record.measures import Floats


def hill_number(abundances: Floats, order: float) -> float | None:
    """Effective number of types of order q, (Σ p_i^q)^(1/(1-q)); q = 1 is its limit exp(-Σ p ln p).

    `abundances` (types,) are counts or amounts, 0 or more. q = 0 counts the types present, q = 1 weighs them by
    frequency, q = 2 is the inverse Simpson index. None where nothing is there.
    Source: Hill 1973, Ecology 54:427-432.
    """
    shares = _shares(abundances)
    if shares is None:
        return None
    present = shares[shares > 0]
    return _effective_number(present, present, order)


def similarity_hill_number(abundances: Floats, similarity: Floats, order: float) -> float | None:
    """Effective number of types of order q where types may be alike, (Σ p_i (Zp)_i^(q-1))^(1/(1-q)).

    `abundances` (types,); `similarity` Z (types, types) in [0, 1] with ones on the diagonal. With the identity it
    is the Hill number; with all ones it is 1. None where nothing is there.
    Source: Leinster & Cobbold 2012, Ecology 93:477-489.
    """
    shares = _shares(abundances)
    if shares is None:
        return None
    present = shares > 0
    return _effective_number(shares[present], (similarity @ shares)[present], order)


def evenness(abundances: Floats) -> float | None:
    """¹D / ⁰D in (0, 1]: 1 where all types present are equally common. None where nothing is there.

    Source: Hill 1973; Heip 1974 discusses alternatives.
    """
    effective, richness = hill_number(abundances, 1), hill_number(abundances, 0)
    return None if effective is None or richness is None else effective / richness


def partition_diversity(table: Floats) -> tuple[float, float, float] | None:
    """(alpha, beta, gamma) of order 1 over communities, gamma = alpha · beta, in effective types (beta: communities).

    `table` (types, communities) of amounts; a community weighs by its sum. alpha is exp of the weighted mean entropy
    within communities, gamma that of all pooled. None where nothing is there. Source: Jost 2007, Ecology 88:2427-2439.
    """
    total = float(table.sum())
    gamma = hill_number(table.sum(axis=1), 1)
    if gamma is None:
        return None
    sizes = table.sum(axis=0)
    within = sum(float(size) / total * entropy(table[:, place]) for place, size in enumerate(sizes) if size > 0)
    alpha = math.exp(within)
    return alpha, gamma / alpha, gamma


def entropy(amounts: Floats) -> float:
    """Shannon entropy -Σ p ln p in nats of amounts of any shape, 0 or more; 0 where nothing is there."""
    total = float(amounts.sum())
    if total <= 0:
        return 0.0
    shares = amounts[amounts > 0] / total
    return max(0.0, float(-(shares * np.log(shares)).sum()))  # a single type gives -0.0 otherwise


def _shares(abundances: Floats) -> Floats | None:
    total = float(abundances.sum())
    return abundances / total if total > 0 else None


def _effective_number(shares: Floats, ordinariness: Floats, order: float) -> float:
    """Inverse of the power mean, of order q - 1, of how ordinary each type is; `shares` are above 0."""
    if order == 1:
        return math.exp(-float((shares * np.log(ordinariness)).sum()))
    total = float((shares * ordinariness ** (order - 1)).sum())
    return float(total ** (1 / (1 - order)))

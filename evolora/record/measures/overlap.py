"""How much two organisms use the same niches: means over all pairs. Tables are (organisms, niches) of amounts."""

import numpy as np

from evolora.record.measures import Floats


def pianka_overlap(table: Floats) -> float | None:
    """Mean over pairs of O_ik = Σ_j p_ij p_kj / sqrt(Σ p_ij² Σ p_kj²), in [0, 1].

    Rows without any amount are left out; None with fewer than two others.
    Source: Pianka 1973, Annu Rev Ecol Syst 4:53-74.
    """
    used = _used(table)
    if used is None:
        return None
    directions = used / np.linalg.norm(used, axis=1, keepdims=True)
    together = directions.sum(axis=0)  # Σ over all ordered pairs is |Σ u|²: no pair has to be formed
    return _mean_of_pairs(float(together @ together), len(used))


def morisita_horn_overlap(table: Floats) -> float | None:
    """Mean over pairs of 2 Σ_j p_ij p_kj / (Σ p_ij² + Σ p_kj²), in [0, 1]; left out and None as above.

    Source: Horn 1966, Am Nat 100:419-424.
    """
    used = _used(table)
    if used is None:
        return None
    squares = (used**2).sum(axis=1)
    overlaps = 2 * (used @ used.T) / (squares[:, None] + squares[None, :])
    return _mean_of_pairs(float(overlaps.sum()), len(used))


def schoener_overlap(table: Floats) -> float | None:
    """Mean over pairs of 1 - ½ Σ_j |p_ij - p_kj|, in [0, 1]; left out and None as above.

    Source: Schoener 1970, Ecology 51:408-418.
    """
    used = _used(table)
    if used is None:
        return None
    num = len(used)
    ranked = np.sort(used, axis=0)
    weights = 2 * np.arange(1, num + 1) - num - 1  # Σ over pairs of |x_i - x_k| from sorted values, without the pairs
    differences = float((weights @ ranked).sum())
    return 1 - differences / (num * (num - 1))


def _used(table: Floats) -> Floats | None:
    """Shares (organisms, niches) of the rows that have any; None for fewer than two."""
    totals = table.sum(axis=1)
    rows = table[totals > 0]
    return rows / totals[totals > 0, None] if len(rows) > 1 else None


def _mean_of_pairs(total: float, num: int) -> float:
    """Mean over pairs of different rows, from the sum over all ordered pairs in which each with itself counts 1."""
    return (total - num) / (num * (num - 1))

"""How unevenly something is held."""

import numpy as np

from evolora.record.measures import Floats


def gini(amounts: Floats) -> float | None:
    """Gini coefficient of amounts (holders,), 0 or more: 0 = all equal, (n-1)/n = one holds everything.

    Mean absolute difference of two holders over twice the mean, from the sorted amounts. None where there is nobody
    or nothing. Source: Gini 1912; the sorted form is Sen 1973, On Economic Inequality.
    """
    total = float(amounts.sum())
    if total <= 0:
        return None
    ranked = np.sort(amounts)
    ranks = np.arange(1, len(ranked) + 1)
    return max(0.0, float((2 * ranks - len(ranked) - 1) @ ranked) / (len(ranked) * total))

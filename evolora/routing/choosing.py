"""Which organisms to keep: greedy coverage of selection questions."""

from collections.abc import Sequence

import numpy as np

from evolora.routing.exam import Numbers


def greedy_coverage(scores: Numbers, size: int) -> list[int]:
    """Rows of `scores` (organisms, questions) that together cover most, the first being the best alone.

    Each next row adds most to the mean over questions of the best score so far (the greedy algorithm for a monotone
    submodular function is within 1 - 1/e of the optimum: Nemhauser, Wolsey & Fisher 1978). Among equals the better
    mean score wins, then the earlier row. Rows that add nothing are still taken, until there are `size`.
    """
    means = scores.mean(axis=1)
    chosen: list[int] = []
    covered = np.zeros(scores.shape[1])
    while len(chosen) < min(size, len(scores)):
        gains = np.maximum(scores, covered).mean(axis=1)
        left = [row for row in range(len(scores)) if row not in chosen]
        best = max(left, key=lambda row: (round(gains[row], 12) if chosen else means[row], means[row], -row))
        chosen.append(best)
        covered = np.maximum(covered, scores[best])
    return chosen


def coverage(scores: Numbers, rows: Sequence[int]) -> list[float]:
    """Coverage(N): the mean over questions of the best score among the first N of `rows`, for N from 1 up."""
    return [float(scores[list(rows[: n + 1])].max(axis=0).mean()) for n in range(len(rows))]

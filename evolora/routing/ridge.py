"""Ridge regression from what the host reads to whom to ask, with the penalty found by leaving one out."""

from dataclasses import dataclass

import numpy as np

from evolora.routing.exam import Numbers

PENALTIES = tuple(10.0**power for power in range(-2, 6))  # ridge penalties tried, in units of standardised features


@dataclass(frozen=True, eq=False)
class Ridge:
    """Predicts each member's score above the members' mean: standardised features · `weights` (width, members) +
    `intercept`.

    Hoerl & Kennard 1970; one penalty for all members, the one with the least leave-one-out error. Not the scores
    themselves are predicted: how hard a question is tells nothing about whom to ask, but would set the penalty.
    """

    mean: Numbers
    scale: Numbers
    weights: Numbers
    intercept: Numbers

    def preferences(self, features: Numbers) -> Numbers:
        """(questions, members): predicted scores above the members' mean."""
        return np.asarray((features - self.mean) / self.scale @ self.weights + self.intercept)

    def arrays(self) -> dict[str, Numbers]:
        return {"mean": self.mean, "scale": self.scale, "weights": self.weights, "intercept": self.intercept}


def fit_ridge(features: Numbers, scores: Numbers) -> Ridge:
    """A ridge router from selection `features` (questions, width) and `scores` (members, questions)."""
    mean, scale = features.mean(axis=0), features.std(axis=0)
    scale = np.where(scale > 1e-8, scale, 1.0)
    above = scores - scores.mean(axis=0)
    x, intercept = (features - mean) / scale, above.mean(axis=1)
    y = above.T - intercept  # (questions, members)
    u, s, vt = np.linalg.svd(x, full_matrices=False)
    projected = u.T @ y
    best, least = PENALTIES[0], np.inf
    for penalty in PENALTIES:
        shrink = s**2 / (s**2 + penalty)
        # Leave-one-out residuals in closed form: residual / (1 - leverage); the intercept has its 1 / n of leverage.
        leverage = np.minimum((u**2) @ shrink + 1 / len(x), 1 - 1e-6)
        error = float((((y - u @ (shrink[:, None] * projected)) / (1 - leverage)[:, None]) ** 2).mean())
        if error < least * (1 - 1e-9):
            best, least = penalty, error
    return Ridge(mean, scale, vt.T @ ((s / (s**2 + best))[:, None] * projected), intercept)

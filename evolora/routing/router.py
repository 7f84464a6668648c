"""Routers: which member of a portfolio should answer a question, from the frozen host's reading of it alone.

A router sees hidden states (questions, width), never a family's name. It gives every member a preference; the highest
answers. All are fitted on selection questions and hold plain arrays, so that they are saved as safetensors.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from evolora.errors import ConfigError
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


@dataclass(frozen=True, eq=False)
class Centroid:
    """Prefers members by cosine to `centroids` (members, width): where each did better than the others on average."""

    mean: Numbers
    scale: Numbers
    centroids: Numbers

    def preferences(self, features: Numbers) -> Numbers:
        """(questions, members): cosines in [-1, 1]."""
        x = (features - self.mean) / self.scale
        lengths = np.linalg.norm(x, axis=1, keepdims=True) * np.linalg.norm(self.centroids, axis=1)
        return np.asarray(x @ self.centroids.T / np.maximum(lengths, 1e-12))

    def arrays(self) -> dict[str, Numbers]:
        return {"mean": self.mean, "scale": self.scale, "centroids": self.centroids}


def fit_centroid(features: Numbers, scores: Numbers) -> Centroid:
    """Nearest centroid: a member's is the mean of the features, weighted by its score above the members' mean.

    A member that is nowhere above the mean has a centroid of zeros, and cosine 0 to everything.
    """
    mean, scale = features.mean(axis=0), features.std(axis=0)
    scale = np.where(scale > 1e-8, scale, 1.0)
    weights = np.maximum(scores - scores.mean(axis=0), 0.0)
    totals = np.maximum(weights.sum(axis=1, keepdims=True), 1e-12)
    return Centroid(mean, scale, weights @ ((features - mean) / scale) / totals)


@dataclass(frozen=True, eq=False)
class Fixed:
    """Always prefers members in the order of their selection scores: no routing."""

    order: Numbers

    def preferences(self, features: Numbers) -> Numbers:
        return np.tile(self.order, (len(features), 1))

    def arrays(self) -> dict[str, Numbers]:
        return {"order": self.order}


def fit_fixed(features: Numbers, scores: Numbers) -> Fixed:
    """The mean selection score of each member."""
    return Fixed(scores.mean(axis=1))


Router = Ridge | Centroid | Fixed
ROUTERS: dict[str, tuple[Callable[[Numbers, Numbers], Router], Callable[..., Router]]] = {
    "ridge": (fit_ridge, Ridge),
    "centroid": (fit_centroid, Centroid),
    "fixed": (fit_fixed, Fixed),
}


def fit_router(kind: str, features: Numbers, scores: Numbers) -> Router:
    """A router of one kind.

    Raises:
        ConfigError: nobody knows the kind.
    """
    if kind not in ROUTERS:
        raise ConfigError(f"router: expected one of {', '.join(ROUTERS)}, got {kind}")
    return ROUTERS[kind][0](features, scores)


def restore_router(kind: str, arrays: Mapping[str, Numbers]) -> Router:
    """The router that `arrays` came from."""
    return ROUTERS[kind][1](**arrays)

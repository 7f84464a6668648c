"""Routers: which member of a portfolio should answer a question, from the frozen host's reading of it alone.

A router sees hidden states (questions, width), never a family's name; a recogniser alone is told, to be fitted, which
selection questions belong together. It gives every member a preference; the highest answers. All are fitted on
selection questions and hold plain arrays, so that they are saved as safetensors.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evolora.errors import ConfigError
from evolora.routing.exam import Numbers
from evolora.routing.recogniser import Recogniser, fit_recogniser
from evolora.routing.ridge import Ridge, fit_ridge


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


def fit_fixed(scores: Numbers) -> Fixed:
    """The mean selection score of each member."""
    return Fixed(scores.mean(axis=1))


Router = Ridge | Recogniser | Centroid | Fixed
ROUTERS: dict[str, Callable[..., Router]] = {
    "ridge": Ridge,
    "recogniser": Recogniser,
    "centroid": Centroid,
    "fixed": Fixed,
}


def fit_router(
    kind: str, features: Numbers, scores: Numbers, groups: Sequence[str], ancestor: int | None = None
) -> Router:
    """A router of one kind. Only a recogniser looks at `groups`, the niche of each selection question, and at who is
    the `ancestor`: the row of a member that has learnt nothing.

    Raises:
        ConfigError: nobody knows the kind.
    """
    match kind:
        case "ridge":
            return fit_ridge(features, scores)
        case "recogniser":
            return fit_recogniser(features, scores, groups, ancestor)
        case "centroid":
            return fit_centroid(features, scores)
        case "fixed":
            return fit_fixed(scores)
    raise ConfigError(f"router: expected one of {', '.join(ROUTERS)}, got {kind}")


def restore_router(kind: str, arrays: Mapping[str, Numbers]) -> Router:
    """The router that `arrays` came from."""
    return ROUTERS[kind](**arrays)

"""A router that knows what it does not know: questions of no kind it was shown go to whoever is there for strangers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evolora.routing.exam import Numbers
from evolora.routing.ridge import Ridge, fit_ridge

REFUSED = 75.0  # per cent of the questions of a kind it was not shown that a recogniser refuses
LEAST_KINDS = 3  # of which one can be left out and still be told from two others
NEVER = -1e9  # a threshold that refuses nothing


@dataclass(frozen=True, eq=False)
class Recogniser:
    """Tells kinds of questions apart by a ridge on membership, and prefers members by their worth in each kind.

    `mean`, `scale` (width,), `weights` (width, kinds) and `intercept` (kinds,) give how much a question is of each
    kind: about 1 of its own, 0 of the others. `worth` (kinds, members) are mean selection scores less the members'
    mean. A question that is of no kind more than `threshold` (1,) is a stranger; `stranger` (members,) are the
    preferences for all of these.
    """

    mean: Numbers
    scale: Numbers
    weights: Numbers
    intercept: Numbers
    worth: Numbers
    stranger: Numbers
    threshold: Numbers

    def kinds(self, features: Numbers) -> Numbers:
        """(questions, kinds): how much each question is of each kind."""
        return np.asarray((features - self.mean) / self.scale @ self.weights + self.intercept)

    def knows(self, features: Numbers) -> NDArray[np.bool_]:
        """(questions,): whether each is of a kind that was shown."""
        return np.asarray(self.kinds(features).max(axis=1) > self.threshold[0])

    def preferences(self, features: Numbers) -> Numbers:
        """(questions, members): worth in the kinds a question is of; the same fixed ones for all strangers."""
        return np.where(self.knows(features)[:, None], self.kinds(features) @ self.worth, self.stranger)

    def arrays(self) -> dict[str, Numbers]:
        return dict(vars(self))


def fit_recogniser(features: Numbers, scores: Numbers, groups: Sequence[str], ancestor: int | None) -> Recogniser:
    """From selection `features` (questions, width), `scores` (members, questions) and each question's kind.

    A dozen answers to questions of one kind tell who is good at that kind, where each by itself is a coin toss.
    Strangers go to row `ancestor`; without one, to the best of all. The threshold is what three in four questions of a
    kind stay below when the fit is without that kind, each in turn left out: found without a look at other questions.
    Of fewer than three kinds nothing is refused.
    """
    names, kinds = np.array(groups), list(dict.fromkeys(groups))
    ridge = _membership(features, names)
    worth = np.stack([scores[:, names == kind].mean(axis=1) for kind in kinds])
    threshold = NEVER
    if len(kinds) >= LEAST_KINDS:
        strange = [_likeness_to_others(features, names, kind) for kind in kinds]
        threshold = float(np.percentile(np.concatenate(strange), REFUSED))
    return Recogniser(
        ridge.mean,
        ridge.scale,
        ridge.weights,
        ridge.intercept + 1 / len(kinds),
        worth - worth.mean(axis=1, keepdims=True),
        scores.mean(axis=1) if ancestor is None else np.eye(len(scores))[ancestor],
        np.array([threshold]),
    )


def _membership(features: Numbers, names: NDArray[np.str_]) -> Ridge:
    """From features to membership in each kind, in the order of first appearance, less the mean of all kinds."""
    return fit_ridge(features, np.array([names == kind for kind in dict.fromkeys(names)], dtype=np.float64))


def _likeness_to_others(features: Numbers, names: NDArray[np.str_], kind: str) -> Numbers:
    """(questions of `kind`,): how much each is of the kind that it is most like, among those left without its own."""
    others = names != kind
    likeness = _membership(features[others], names[others]).preferences(features[~others])
    return np.asarray(likeness.max(axis=1) + 1 / len(set(names[others])))

"""What the measures of a world remember from generation to generation: plain numbers, part of every checkpoint."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

NUM_SHADOWS = 20  # neutral populations beside the real one


class Ancestor(NamedTuple):
    """Where an organism came from: the generation of its birth and its parents (none: a founder)."""

    born: int
    parents: tuple[int, ...]


@dataclass
class Activity:
    """Cumulative activity of one kind of component (lineages, say), in the world and in its neutral shadows.

    `components` numbers the labels in order of appearance; `labels` has the component of every living organism, in the
    order of the shadows' columns: each has a counterpart there.
    `cumulative` (components,) and `shadow_cumulative` (shadows, components) are in organism-generations; `shadows`
    (shadows, living) has the component of every individual of every shadow. Component 0 is "" (none yet). `passed`
    are the components whose activity has been above what chance brings.
    """

    components: dict[str, int] = field(default_factory=lambda: {"": 0})
    labels: dict[int, int] = field(default_factory=dict)
    cumulative: NDArray[np.int64] = field(default_factory=lambda: np.zeros(1, np.int64))
    shadows: NDArray[np.int64] = field(default_factory=lambda: np.zeros((NUM_SHADOWS, 0), np.int64))
    shadow_cumulative: NDArray[np.int64] = field(default_factory=lambda: np.zeros((NUM_SHADOWS, 1), np.int64))
    passed: set[int] = field(default_factory=set)

    def to_dict(self) -> dict[str, Any]:
        return {
            "components": list(self.components),
            "labels": list(self.labels.items()),
            "cumulative": self.cumulative.tolist(),
            "shadows": self.shadows.tolist(),
            "shadow_cumulative": self.shadow_cumulative.tolist(),
            "passed": sorted(self.passed),
        }

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> "Activity":
        return cls(
            {name: number for number, name in enumerate(state["components"])},
            {organism_id: component for organism_id, component in state["labels"]},
            np.array(state["cumulative"], np.int64),
            np.array(state["shadows"], np.int64).reshape(NUM_SHADOWS, -1),
            np.array(state["shadow_cumulative"], np.int64).reshape(NUM_SHADOWS, -1),
            set(state["passed"]),
        )


@dataclass
class Snapshots:
    """What MODES compares: the pending snapshot of a past generation, and what passed the filter before.

    `skeletons` has the snapshot's organisms with the niches each solved; `marks` has for every living organism the
    bit set of the snapshot's organisms (by place) it descends from. `previous` are the skeletons that passed the
    last filter, `seen` all that ever did.
    """

    skeletons: dict[int, tuple[int, ...]] = field(default_factory=dict)
    marks: dict[int, int] = field(default_factory=dict)
    previous: list[tuple[int, ...]] = field(default_factory=list)
    seen: list[tuple[int, ...]] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        return {
            "skeletons": {str(key): list(value) for key, value in self.skeletons.items()},
            "marks": {str(key): format(value, "x") for key, value in self.marks.items()},
            "previous": [list(skeleton) for skeleton in self.previous],
            "seen": [list(skeleton) for skeleton in self.seen],
        }

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> "Snapshots":
        return cls(
            {key: tuple(value) for key, value in _with_number_keys(state["skeletons"]).items()},
            {key: int(value, 16) for key, value in _with_number_keys(state["marks"]).items()},
            [tuple(skeleton) for skeleton in state["previous"]],
            [tuple(skeleton) for skeleton in state["seen"]],
        )


@dataclass
class History:
    """Everything the measures remember.

    `scores` and `answers` are summed over each organism's life so far, per niche; `phenotypes` are the traits of the
    last generation's organisms (mean score per answer, tokens per answer). `pairs` are the last births' parents'
    and child's traits as deviations from their generations' means. `founders` are the first generation's mean
    scores per niche, `founders_solved` the niches one of them solved and `founders_coverage` its coverage.
    `pedigree` has the living and their ancestors; `mrca` is their last common ancestor (None: several founders).
    """

    scores: dict[int, tuple[float, ...]] = field(default_factory=dict)
    answers: dict[int, tuple[int, ...]] = field(default_factory=dict)
    phenotypes: dict[int, tuple[float, ...]] = field(default_factory=dict)
    pairs: list[tuple[float, ...]] = field(default_factory=list)
    founders: tuple[float, ...] = ()
    founders_solved: tuple[int, ...] = ()
    founders_coverage: float | None = None
    pedigree: dict[int, Ancestor] = field(default_factory=dict)
    mrca: int | None = None
    sweeps: int = 0
    lineages: Activity = field(default_factory=Activity)
    callings: Activity = field(default_factory=Activity)
    snapshots: Snapshots = field(default_factory=Snapshots)

    def to_dict(self) -> dict[str, Any]:
        return {
            "scores": {str(key): list(value) for key, value in self.scores.items()},
            "answers": {str(key): list(value) for key, value in self.answers.items()},
            "phenotypes": {str(key): list(value) for key, value in self.phenotypes.items()},
            "pairs": [list(pair) for pair in self.pairs],
            "founders": list(self.founders),
            "founders_solved": list(self.founders_solved),
            "founders_coverage": self.founders_coverage,
            "pedigree": {str(key): [own.born, *own.parents] for key, own in self.pedigree.items()},
            "mrca": self.mrca,
            "sweeps": self.sweeps,
            "lineages": self.lineages.to_dict(),
            "callings": self.callings.to_dict(),
            "snapshots": self.snapshots.to_dict(),
        }

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> "History":
        return cls(
            scores={key: tuple(value) for key, value in _with_number_keys(state["scores"]).items()},
            answers={key: tuple(value) for key, value in _with_number_keys(state["answers"]).items()},
            phenotypes={key: tuple(value) for key, value in _with_number_keys(state["phenotypes"]).items()},
            pairs=[tuple(pair) for pair in state["pairs"]],
            founders=tuple(state["founders"]),
            founders_solved=tuple(state["founders_solved"]),
            founders_coverage=state["founders_coverage"],
            pedigree={
                key: Ancestor(own[0], tuple(own[1:])) for key, own in _with_number_keys(state["pedigree"]).items()
            },
            mrca=state["mrca"],
            sweeps=state["sweeps"],
            lineages=Activity.from_dict(state["lineages"]),
            callings=Activity.from_dict(state["callings"]),
            snapshots=Snapshots.from_dict(state["snapshots"]),
        )


def _with_number_keys(mapping: Mapping[str, Any]) -> dict[int, Any]:
    """In ascending order of keys: JSON's sorted text keys are not."""
    return {int(key): mapping[key] for key in sorted(mapping, key=int)}

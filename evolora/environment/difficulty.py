"""Difficulty that moves: which of a niche's levels is on offer, as a function of how well the population does there."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

SLOWER = 5  # the long memory of a level's scores is this many times as long as the short one

Rule = Literal["success", "progress"]


@dataclass(frozen=True)
class Track:
    """Where one niche stands. `level` counts from 0, the easiest.

    `success` is the smoothed mean score at the present level (None: no answer yet), `stayed` the generations with
    answers since it was entered, or chosen again for its progress. `short` and `long` are a quick and a slow moving
    mean of each level's scores, None where nobody has answered yet.
    """

    level: int
    success: float | None
    stayed: int
    short: tuple[float | None, ...]
    long: tuple[float | None, ...]

    @classmethod
    def start(cls, level: int, num_levels: int) -> "Track":
        """A niche nobody has visited."""
        return cls(level, None, 0, (None,) * num_levels, (None,) * num_levels)


@dataclass(frozen=True)
class Difficulty:
    """How levels follow success.

    success: one level up where the smoothed score passes `harder_above`, one down where it falls under
    `easier_below`; the gap between the two and `rest` generations at each level keep it from swinging (hysteresis).
    progress: every `rest` generations the level whose score is changing most, up or down (absolute learning progress,
    Oudeyer, Kaplan & Hafner 2007; Portelas et al. 2019); levels never offered come first, and with chance `explore`
    any level does. `smoothing` in (0, 1] is the weight of a generation's mean score.
    """

    rule: Rule
    harder_above: float
    easier_below: float
    smoothing: float
    rest: int
    explore: float

    def follow(self, track: Track, score: float | None, rng: np.random.Generator) -> Track:
        """The track after a generation whose answers had mean `score` in [0, 1]; None: nobody came, nothing changes."""
        if score is None:
            return track
        success = score if track.success is None else _toward(track.success, score, self.smoothing)
        here = Track(
            level=track.level,
            success=success,
            stayed=track.stayed + 1,
            short=_replaced(track.short, track.level, score, self.smoothing),
            long=_replaced(track.long, track.level, score, self.smoothing / SLOWER),
        )
        if here.stayed < self.rest:
            return here
        level = self._by_success(here, success) if self.rule == "success" else self._by_progress(here, rng)
        if level == here.level:  # by success it may leave at any time now; by progress it is chosen anew for a while
            return here if self.rule == "success" else replace(here, stayed=0)
        return Track(level, None, 0, here.short, here.long)

    def _by_success(self, track: Track, success: float) -> int:
        if success > self.harder_above:
            return min(track.level + 1, len(track.short) - 1)
        return max(track.level - 1, 0) if success < self.easier_below else track.level

    def _by_progress(self, track: Track, rng: np.random.Generator) -> int:
        if rng.random() < self.explore:
            return int(rng.integers(len(track.short)))
        gains = progress(track)
        return max(range(len(gains)), key=lambda level: (gains[level], level == track.level, -level))


def progress(track: Track) -> list[float]:
    """How fast each level's score is moving: |short - long| in [0, 1]; infinite where nobody has answered yet."""
    pairs = zip(track.short, track.long, strict=True)
    return [float("inf") if short is None or long is None else abs(short - long) for short, long in pairs]


def _replaced(means: Sequence[float | None], level: int, score: float, smoothing: float) -> tuple[float | None, ...]:
    before = means[level]
    after = score if before is None else _toward(before, score, smoothing)
    return (*means[:level], after, *means[level + 1 :])


def _toward(before: float, seen: float, smoothing: float) -> float:
    return before + smoothing * (seen - before)

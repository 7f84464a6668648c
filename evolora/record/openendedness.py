"""A generation's row of open-endedness: evolutionary activity with its neutral shadows, and MODES."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from evolora.events import Event
from evolora.history import Activity, History
from evolora.record.census import Census
from evolora.record.measures.activity import ActivityRow, count_activity, mirror_events, sync_labels
from evolora.record.measures.modes import SNAPSHOT_EVERY, Modes, compare_snapshots, pass_on_marks, take_snapshot
from evolora.record.rows import Row, spread
from evolora.rng import stream

MARGIN = 0.25  # mean score above the founders' from which a niche counts as solved
FEWEST_ANSWERS = 8  # given there over a life, below which a mean score says little


def remember_founders(history: History, census: Census, coverage: float | None) -> None:
    """In a world's first generation: what its founders could do, as the measure of what is new later.

    Founders are the host with a first mutation, so their mean scores stand for the bare host's.
    """
    if history.founders or not census.ids:
        return
    answers = census.answers.sum(axis=0)
    means = census.scores.sum(axis=0) / np.maximum(answers, 1)
    history.founders = tuple(means.tolist())
    history.founders_coverage = coverage
    history.founders_solved = tuple(sorted(solved_niches(history, census)))


def solved_table(history: History, census: Census) -> NDArray[np.bool_]:
    """Who solves which niche, (organisms, niches): at least 8 answers there over its life, with a mean score at least
    0.25 above the founders' in the first generation (0 where none of them went)."""
    shape = census.scores.shape
    scores = np.array([history.scores[organism_id] for organism_id in census.ids]).reshape(shape)
    answers = np.array([history.answers[organism_id] for organism_id in census.ids]).reshape(shape)
    bar = np.array(history.founders) + MARGIN if history.founders else np.full(shape[1], MARGIN)
    solved: NDArray[np.bool_] = (answers >= FEWEST_ANSWERS) & (scores >= bar * answers)
    return solved


def solved_niches(history: History, census: Census) -> set[int]:
    """Niches, by number, that at least one organism solves."""
    return set(np.flatnonzero(solved_table(history, census).any(axis=0)).tolist())


def skeletons(history: History, census: Census) -> dict[int, tuple[int, ...]]:
    """Organism id -> the niches it solves, by number, ascending."""
    solved = solved_table(history, census)
    return {own: tuple(np.flatnonzero(row).tolist()) for own, row in zip(census.ids, solved, strict=True)}


def open_endedness_row(history: History, census: Census, phenotypes: NDArray[np.int64]) -> Row:
    """Activity of lineages and of `phenotypes` (organisms,) (niche numbers, -1: none); MODES every 10 generations."""
    lineages = {own: str(lineage) for own, lineage in zip(census.ids, census.lineages, strict=True)}
    callings = {own: str(niche) if niche >= 0 else None for own, niche in zip(census.ids, phenotypes, strict=True)}
    row = _activity_row("lineage", history.lineages, lineages)
    row |= _activity_row("phenotype", history.callings, callings)
    modes = None
    if census.generation % SNAPSHOT_EVERY == 0 or not history.snapshots.marks:
        modes = compare_snapshots(history.snapshots)
        take_snapshot(history.snapshots, skeletons(history, census))
    return row | spread(modes, Modes, "modes_{}")


def _activity_row(kind: str, activity: Activity, labels: Mapping[int, str | None]) -> Row:
    sync_labels(activity, labels)
    return spread(count_activity(activity), ActivityRow, f"activity_{kind}_{{}}")


def settle_open_endedness(history: History, generation: int, events: Sequence[Event], seed: int) -> None:
    """The generation's deaths and births, in the shadows too."""
    born = {own: history.pedigree[own].born for own in history.lineages.labels}
    for kind, activity in (("lineage", history.lineages), ("phenotype", history.callings)):
        mirror_events(activity, events, born, stream(seed, "neutral shadow", kind, generation))
    pass_on_marks(history.snapshots, events)

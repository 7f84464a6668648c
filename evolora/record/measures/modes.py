"""MODES: change, novelty, complexity and ecology of what persists, not of what merely appears.

Every `SNAPSHOT_EVERY` generations a snapshot is taken. Of the snapshot before, only organisms that still have living
descendants (or live themselves) pass; each is reduced to its skeleton, here the set of niches it solves.
Source: Dolson, Vostinar, Wiser & Ofria 2019, Artificial Life 25:50-73. Their skeleton is the set of sites whose
knock-out lowers fitness; the set of capabilities is its cheap stand-in.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evolora.events import Birth, Death, Event
from evolora.history import Snapshots
from evolora.record.measures.diversity import entropy

SNAPSHOT_EVERY = 10  # generations: the filter's length


@dataclass(frozen=True)
class Modes:
    """`change`: skeletons that passed the filter now and not the last time; `novelty`: that never did before
    (counts). `complexity`: niches in the largest skeleton. `ecology`: Shannon entropy of the skeletons, in nats."""

    change: int
    novelty: int
    complexity: int
    ecology: float


def compare_snapshots(snapshots: Snapshots) -> Modes | None:
    """Filter the pending snapshot by who has living descendants, and compare. None where there is no snapshot.

    An organism that solves nothing has no skeleton: it passes for none.
    """
    if not snapshots.skeletons:
        return None
    alive = 0
    for mark in snapshots.marks.values():
        alive |= mark
    persistent = [own for place, own in enumerate(snapshots.skeletons.values()) if alive >> place & 1 and own]
    counts = Counter(persistent)
    modes = Modes(
        change=len(counts.keys() - set(snapshots.previous)),
        novelty=len(counts.keys() - set(snapshots.seen)),
        complexity=max((len(own) for own in counts), default=0),
        ecology=entropy(np.array(list(counts.values()), dtype=np.float64)),
    )
    snapshots.seen = sorted({*snapshots.seen, *counts})
    snapshots.previous = sorted(counts)
    return modes


def take_snapshot(snapshots: Snapshots, skeletons: Mapping[int, tuple[int, ...]]) -> None:
    """Begin anew with the living: organism id -> its skeleton, niche numbers in ascending order."""
    snapshots.skeletons = dict(skeletons)
    snapshots.marks = {organism_id: 1 << place for place, organism_id in enumerate(skeletons)}


def pass_on_marks(snapshots: Snapshots, events: Sequence[Event]) -> None:
    """A child descends from everybody its parents descend from; the dead carry nothing."""
    for event in events:
        if isinstance(event, Birth):
            marks = 0
            for parent in event.parents:
                marks |= snapshots.marks.get(parent, 0)
            snapshots.marks[event.organism_id] = marks
        elif isinstance(event, Death):
            snapshots.marks.pop(event.organism_id, None)

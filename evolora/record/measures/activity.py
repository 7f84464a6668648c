"""Evolutionary activity: how long kinds persist, against populations where nothing but chance decides.

Beside the world run neutral shadows of labels alone. Each has a counterpart for every organism, a birth for every
birth, a death for every death and a change of label for every change of label, but parent and victim are drawn by
chance: uniformly among the quarter of the living nearest in age to those of the world. Ages are matched because
newborns are poor, and the poor neither bear nor last: that alone, without any heritable difference, sets a world apart
from shadows that draw among all.
Sources: Bedau, Snyder & Packard 1998, Artificial Life VI:228-237; Rechtsteiner & Bedau 1999 (neutral shadow);
Channon 2003, Advances in Artificial Life:173-181 (normalisation).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evolora.events import Birth, Death, Event
from evolora.history import NUM_SHADOWS, Activity

LIKE_AGE = 0.25  # share of the living among which a shadow's parent or victim is drawn
SHADOW_QUANTILE = 0.99  # of the shadows' activities: below it, activity is no more than chance brings


def sync_labels(activity: Activity, labels: Mapping[int, str | None]) -> None:
    """Take over the labels of the living: organism id -> component, None where it has shown none (it keeps its own).

    A newcomer without known parents joins every shadow with its label. Who changes its label changes it in every shadow
    too, whatever its counterpart there had inherited.
    """
    columns = {organism_id: column for column, organism_id in enumerate(activity.labels)}
    newcomers = []
    for organism_id, name in labels.items():
        known = activity.labels.get(organism_id)
        component = _number(activity, name or "") if known is None or name is not None else known
        if known is None:
            newcomers.append(component)
        elif component != known:
            activity.shadows[:, columns[organism_id]] = component
        activity.labels[organism_id] = component
    joined = np.broadcast_to(np.array(newcomers, np.int64), (NUM_SHADOWS, len(newcomers)))
    activity.shadows = np.concatenate([activity.shadows, joined], axis=1)


def _number(activity: Activity, name: str) -> int:
    """The component's number; a new one is given room in the sums."""
    if name not in activity.components:
        activity.components[name] = len(activity.components)
        activity.cumulative = np.append(activity.cumulative, 0)
        activity.shadow_cumulative = np.pad(activity.shadow_cumulative, ((0, 0), (0, 1)))
    return activity.components[name]


def mirror_events(
    activity: Activity, events: Sequence[Event], born: Mapping[int, int], rng: np.random.Generator
) -> None:
    """Births and deaths in their order: in the world by name, in the shadows by chance among those of like age.

    `born` has the generation of birth of everybody alive before them. A child has its first parent's label, its
    counterpart that of whom chance makes its parent. When an organism dies, whom chance picks dies in its counterpart's
    stead. A birth whose parent is not known here is left to `sync_labels`.
    """
    everyone = np.arange(NUM_SHADOWS)
    columns = {organism_id: column for column, organism_id in enumerate(activity.labels)}
    alive = np.arange(len(columns))  # columns of the living
    room = sum(isinstance(event, Birth) for event in events)
    births = np.pad([born[organism_id] for organism_id in columns], (0, room))  # (columns,)
    shadows = np.pad(activity.shadows, ((0, 0), (0, room)))
    for event in events:
        if isinstance(event, Birth) and event.parents and event.parents[0] in activity.labels:
            column = len(columns)
            shadows[:, column] = shadows[everyone, _draw_coevals(births, alive, columns[event.parents[0]], rng)]
            births[column], columns[event.organism_id] = event.generation, column
            alive = np.append(alive, column)
            activity.labels[event.organism_id] = activity.labels[event.parents[0]]
        elif isinstance(event, Death) and activity.labels.pop(event.organism_id, None) is not None:
            column = columns[event.organism_id]
            shadows[everyone, _draw_coevals(births, alive, column, rng)] = shadows[:, column]  # the spared one's
            alive = alive[alive != column]
    activity.shadows = shadows[:, alive]


def _draw_coevals(
    births: NDArray[np.int64], alive: NDArray[np.int64], column: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """For every shadow a column out of the quarter of the living that is nearest to `column` in age, (shadows,)."""
    apart = np.abs(births[alive] - births[column])
    num = min(len(alive), max(2, round(len(alive) * LIKE_AGE)))
    limit = np.partition(apart, num - 1)[num - 1]
    nearer, level = alive[apart < limit], alive[apart == limit]  # as near as the quarter's last: equal chances
    rank = rng.integers(num, size=NUM_SHADOWS)
    among_level = len(nearer) + rng.integers(len(level), size=NUM_SHADOWS)
    return np.concatenate([nearer, level])[np.where(rank < len(nearer), rank, among_level)]


@dataclass(frozen=True)
class ActivityRow:
    """A generation's evolutionary activity, in organism-generations except where it says so.

    `mean` is A_cum / D, the activity of the components alive over their number. `excess` is that over the mean of it
    and of every shadow's, minus 1. Where labels never change (lineages) its expected value under drift is 0 by
    symmetry; where they do (phenotypes) about 0, for who changes depends on what it had. `excess_share` is the
    share in [0, 1] of the living components' activity above a0, the shadows' 99 % quantile; `new` is A_new, the
    activity of the components that rose above a0 for the first time in this generation, per component alive.
    """

    mean: float
    excess: float
    excess_share: float
    new: float


def count_activity(activity: Activity) -> ActivityRow | None:
    """Add a generation: every individual adds 1 to its component. None where the world or a shadow has none alive."""
    num = len(activity.components)
    counts = np.bincount(np.fromiter(activity.labels.values(), np.int64, len(activity.labels)), minlength=num)
    rows = activity.shadows + num * np.arange(NUM_SHADOWS)[:, None]
    shadow_counts = np.bincount(rows.ravel(), minlength=NUM_SHADOWS * num).reshape(NUM_SHADOWS, num)
    counts[0], shadow_counts[:, 0] = 0, 0  # "" is no component
    activity.cumulative = activity.cumulative + counts
    activity.shadow_cumulative = activity.shadow_cumulative + shadow_counts
    present, shadow_present = counts > 0, shadow_counts > 0
    if not present.any() or not shadow_present.any(axis=1).all():
        return None
    alive = activity.cumulative[present]
    mean = float(alive.mean())
    shadow_sums = np.where(shadow_present, activity.shadow_cumulative, 0).sum(axis=1)
    shadow_means = shadow_sums / shadow_present.sum(axis=1)
    threshold = float(np.quantile(activity.shadow_cumulative[shadow_present], SHADOW_QUANTILE, method="higher"))
    above = set(np.flatnonzero(present & (activity.cumulative > threshold)).tolist())
    new = sorted(above - activity.passed)
    activity.passed |= above
    return ActivityRow(
        mean=mean,
        excess=mean * (1 + NUM_SHADOWS) / (mean + float(shadow_means.sum())) - 1,
        excess_share=float(np.maximum(0.0, alive - threshold).sum()) / float(alive.sum()),
        new=float(activity.cumulative[new].sum()) / len(alive),
    )

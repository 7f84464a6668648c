"""Evolutionary activity: how long kinds persist, against populations where nothing but chance decides.

Beside the world run neutral shadows of labels alone. Each has a birth for every birth, a death for every death and
a change of label for every change of label, but parent, victim and who changes are drawn uniformly.
Sources: Bedau, Snyder & Packard 1998, Artificial Life VI:228-237; Rechtsteiner & Bedau 1999 (neutral shadow);
Channon 2003, Advances in Artificial Life:173-181 (normalisation).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evolora.events import Birth, Death, Event
from evolora.history import NUM_SHADOWS, Activity

SHADOW_QUANTILE = 0.99  # of the shadows' activities: below it, activity is no more than chance brings


def sync_labels(activity: Activity, labels: Mapping[int, str | None], rng: np.random.Generator) -> None:
    """Take over the labels of the living: organism id -> component, None where it has shown none (it keeps its own).

    A newcomer without known parents joins every shadow with its label; a changed label is given to a random
    individual of every shadow.
    """
    for organism_id, name in labels.items():
        known = activity.labels.get(organism_id)
        component = _number(activity, name or "") if known is None or name is not None else known
        if known is None:
            joined = np.full((NUM_SHADOWS, 1), component)
            activity.shadows = np.concatenate([activity.shadows, joined], axis=1)
        elif component != known:
            _change_one(activity, component, rng)
        activity.labels[organism_id] = component


def _number(activity: Activity, name: str) -> int:
    """The component's number; a new one is given room in the sums."""
    if name not in activity.components:
        activity.components[name] = len(activity.components)
        activity.cumulative = np.append(activity.cumulative, 0)
        activity.shadow_cumulative = np.pad(activity.shadow_cumulative, ((0, 0), (0, 1)))
    return activity.components[name]


def _change_one(activity: Activity, component: int, rng: np.random.Generator) -> None:
    size = activity.shadows.shape[1]
    activity.shadows[np.arange(NUM_SHADOWS), rng.integers(size, size=NUM_SHADOWS)] = component


def mirror_events(activity: Activity, events: Sequence[Event], rng: np.random.Generator) -> None:
    """Births and deaths in their order: in the world by name, in the shadows at random.

    A child has its first parent's label. A birth whose parent is not known here is left to `sync_labels`.
    """
    everyone = np.arange(NUM_SHADOWS)
    num_births = sum(isinstance(event, Birth) for event in events)
    size = activity.shadows.shape[1]
    shadows = np.pad(activity.shadows, ((0, 0), (0, num_births)))
    for event in events:
        if isinstance(event, Birth) and event.parents and event.parents[0] in activity.labels:
            shadows[:, size] = shadows[everyone, rng.integers(size, size=NUM_SHADOWS)]
            activity.labels[event.organism_id] = activity.labels[event.parents[0]]
            size += 1
        elif isinstance(event, Death) and activity.labels.pop(event.organism_id, None) is not None:
            size -= 1
            shadows[everyone, rng.integers(size + 1, size=NUM_SHADOWS)] = shadows[:, size]  # the last takes its place
    activity.shadows = shadows[:, :size].copy()


@dataclass(frozen=True)
class ActivityRow:
    """A generation's evolutionary activity, in organism-generations except where it says so.

    `mean` is A_cum / D, the activity of the components alive over their number. `excess` is that over the mean of it
    and of every shadow's, minus 1: by symmetry its expected value under drift is exactly 0. `excess_share` is the
    share in [0, 1] of the living components' activity above a0, the shadows' 99 % quantile; `new` is A_new, the
    activity of the components that passed a0 in this generation, per component alive.
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
    passed = (alive >= threshold) & (alive - counts[present] < threshold)
    return ActivityRow(
        mean=mean,
        excess=mean * (1 + NUM_SHADOWS) / (mean + float(shadow_means.sum())) - 1,
        excess_share=float(np.maximum(0.0, alive - threshold).sum()) / float(alive.sum()),
        new=float(alive[passed].sum()) / len(alive),
    )

"""The pond: every organism at a place that says what it lives on."""

import numpy as np
import pyarrow as pa

from evolora.record.run_data import RunData

MEMORY = 0.5  # weight of the generation before in an organism's place, and again of the one before that
DEPTH = 6  # generations back that count at all
SPREAD = 0.11  # radius within which organisms of equal profile stand apart, the pond's radius being 1
GOLDEN_ANGLE = np.pi * (3 - np.sqrt(5))


def niche_places(num_niches: int) -> np.ndarray:
    """(niches, 2): the niches on the shore, a circle of radius 1, evenly, the first at the top."""
    angle = np.pi / 2 - 2 * np.pi * np.arange(num_niches) / max(1, num_niches)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def pond_layout(run: RunData, generations: list[int] | None = None) -> pa.Table:
    """Where everybody is: columns generation, organism_id, x, y, lineage, energy and niche (its place in `run.niches`
    of the one that fed it most, -1 for none), a row per life, of all generations or of those asked for.

    An organism stands at the mean of the niches' places, weighted by what each fed it in this generation and, ever
    less, in those before: so a specialist stands near its niche and one that lives on everything in the middle. The
    coordinates of a generation depend on nothing later, so they never change as a run goes on.
    """
    meals = run.life_column("meals")
    if not np.isfinite(meals).any():
        meals = np.zeros((len(run.lives), len(run.niches)))
    ids, when = run.life_column("organism_id"), run.life_column("generation")
    weighted = np.concatenate([meals @ niche_places(meals.shape[1]), meals.sum(axis=1, keepdims=True)], axis=1)
    order = np.lexsort((when, ids))  # each organism's generations one after the other
    total = _remembered(weighted[order], ids[order], when[order])
    x, y = np.divide(total[:, :2], total[:, 2:], out=np.zeros((len(ids), 2)), where=total[:, 2:] > 0).T
    place = np.empty((len(ids), 2))
    place[order] = np.stack([x, y], axis=1)
    place += _apart(ids)
    favourite = np.where(meals.sum(axis=1) > 0, meals.argmax(axis=1) if meals.size else -1, -1)
    keep = slice(None) if generations is None else np.isin(when, generations)
    columns = {
        "generation": when,
        "organism_id": ids,
        "x": place[:, 0],
        "y": place[:, 1],
        "lineage": run.life_column("lineage"),
        "energy": run.life_column("energy"),
        "niche": favourite,
    }
    return pa.table({name: column[keep] for name, column in columns.items()})


def _remembered(values: np.ndarray, ids: np.ndarray, when: np.ndarray) -> np.ndarray:
    """Each row plus `MEMORY` times the organism's row a generation earlier, and so on, `DEPTH` back."""
    total = values.copy()
    for back in range(1, DEPTH):
        same = (ids[back:] == ids[:-back]) & (when[back:] - when[:-back] <= DEPTH)
        total[back:] += MEMORY**back * values[:-back] * same[:, None]
    return total


def _apart(ids: np.ndarray) -> np.ndarray:
    """(organisms, 2): a small offset that is an organism's own for life, evenly spread over a disc."""
    radius, angle = SPREAD * np.sqrt((ids % 89 + 0.5) / 89), ids * GOLDEN_ANGLE
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)

"""What chance alone would have made of a run: its neutral shadows' lineages, and children dealt to other parents."""

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from evolora.history import Activity, History
from evolora.record.inheritance import TRAITS
from evolora.record.measures.diversity import hill_number
from evolora.record.measures.heritability import parent_offspring_slope
from evolora.rng import stream

FOSTERINGS = 200


def chance_values(history: History, seed: int) -> dict[str, JsonValue]:
    """Numbers from a run's last state, each None where it is undefined.

    `shadow_lineage_hill_1`: effective lineages (order 1) in the run's 20 neutral shadows, their mean; they had the same
    births and deaths, but chance drew parents and victims among the like-aged. `shadow_share_as_few`: the share of them
    that have as few as the run or fewer. `foster_heritability_score`: the slope of children's scores on those of
    parents of other children of the same window of births, mean of 200 deals.
    """
    own, shadows = lineage_numbers(history.lineages)
    defined = [one for one in shadows if one is not None]
    few = None if own is None or not defined else float(np.mean([one <= own + 1e-9 for one in defined]))
    return {
        "lineage_hill_1": own,
        "shadow_lineage_hill_1": float(np.mean(defined)) if defined else None,
        "shadow_share_as_few": few,
        "foster_heritability_score": foster_slope(history, "score", seed),
    }


def lineage_numbers(activity: Activity) -> tuple[float | None, list[float | None]]:
    """Effective lineages (Hill number of order 1) of the living, and of every shadow."""
    real = np.fromiter(activity.labels.values(), np.int64, len(activity.labels))
    return _hill_one(real), [_hill_one(shadow) for shadow in activity.shadows]


def _hill_one(labels: NDArray[np.int64]) -> float | None:
    return hill_number(np.bincount(labels).astype(np.float64), 1) if labels.size else None


def foster_slope(history: History, trait: str, seed: int) -> float | None:
    """Parent-offspring slope where chance deals the parents to the children, mean of 200 deals."""
    column = TRAITS.index(trait)
    pairs = np.array(history.pairs).reshape(len(history.pairs), 2, len(TRAITS))[:, :, column]
    slopes = []
    for deal in range(FOSTERINGS):
        order = stream(seed, "foster", deal).permutation(len(pairs))
        found = parent_offspring_slope(pairs[order, 0], pairs[:, 1])
        if found is None:
            return None
        slopes.append(found.slope)
    return float(np.mean(slopes))

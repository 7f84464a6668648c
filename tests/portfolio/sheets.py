"""Exams with answers that a test makes up, and a small world on the petri host."""

import numpy as np

from evolora.config.load import load_world
from evolora.config.world import WorldConfig
from evolora.routing.exam import Sheet


def sheet(scores, confidences=None, texts=None) -> Sheet:
    """A sheet of `scores` (members, questions); each answer costs 10 tokens."""
    scores = np.array(scores, dtype=float)
    texts = [["right" if s else f"wrong {m}" for s in row] for m, row in enumerate(scores)] if texts is None else texts
    return Sheet(
        tuple(range(len(scores))),
        scores,
        np.zeros_like(scores) if confidences is None else np.array(confidences, dtype=float),
        np.full_like(scores, 10.0),
        tuple(tuple(row) for row in texts),
    )


def small_petri(**changes) -> WorldConfig:
    """Three niches, few organisms, few generations."""
    config = load_world("petri")
    return config.model_copy(
        update={
            "niches": config.niches[:3],
            "population": config.population.model_copy(update={"founders": 6, "capacity": 6}),
            "generations": 2,
            **changes,
        }
    )

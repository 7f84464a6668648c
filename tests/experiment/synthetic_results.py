"""Results of experiments that were never run, with effects that the author knows."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from evolora.experiment.results import Results

Values = dict[str, Any]
BOOKS = {"generations": 10, "inexact": 0, "largest_residual": 0}


@dataclass(frozen=True)
class NoCell:
    """What stands in for a cell: its folder."""

    folder: Path


def synthetic(arms: dict[str, Callable[[np.random.Generator], Values]], seeds: int = 20) -> Results:
    """Every arm's values of every seed, each from a generator of its own; exact books unless the values have some."""
    finished = {}
    for number, (arm, make) in enumerate(arms.items()):
        for seed in range(1, seeds + 1):
            finished[arm, seed] = {"books": BOOKS, **make(np.random.default_rng([number, seed]))}
    cells: Any = {place: NoCell(Path("nowhere")) for place in finished}
    return Results(tuple(arms), tuple(range(1, seeds + 1)), cells, finished)


def verdicts(findings) -> dict[str, str]:
    """Claim -> whether it holds."""
    return {claim.text: claim.holds for claim in findings.claims}

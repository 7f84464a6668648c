"""The pond, generation by generation, in the compact form the page animates: who is where, who was born, who died."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from evolora.record.run_data import RunData
from evolora.viz.pond import pond_layout

MOST_FRAMES = 64  # in one answer
MOST_CELLS = 2_000  # of one frame: the richest, where a generation has more
MOST_EVENTS = 2_000  # births, and again deaths, of one frame
DIGITS = 4  # of a coordinate, whose unit is the pond's radius, of an energy and of a score
EVENT_COLUMNS = [
    *("event", "generation", "organism_id", "kind", "parents", "lineage", "energy", "cause"),
    *("payments", "payers"),
]
FARTHEST = 1.5  # from the pond's middle: only a damaged record puts anybody further out

Frame = dict[str, Any]


class Frames:
    """Frames of a run as it was when this was made: arrays that are only read, so no lock is needed."""

    def __init__(self, run: RunData) -> None:
        layout = pond_layout(run)
        self.rows = {int(row["generation"]): row for row in run.metrics}
        self.seconds = {int(row["generation"]): row.get("seconds") for row in run.timing}
        self.when: NDArray[np.int64] = layout["generation"].to_numpy()
        self.ids: NDArray[np.int64] = layout["organism_id"].to_numpy()
        self.lineages: NDArray[np.int64] = layout["lineage"].to_numpy()
        self.niches: NDArray[np.int64] = layout["niche"].to_numpy()
        self.energies: NDArray[np.float64] = np.nan_to_num(layout["energy"].to_numpy())
        places = np.stack([layout["x"].to_numpy(), layout["y"].to_numpy()], axis=1)
        self.places = np.nan_to_num(places).clip(-FARTHEST, FARTHEST).round(DIGITS)
        self.lives = run.lives
        self.events = run.event_table.select(EVENT_COLUMNS).sort_by("generation").combine_chunks()
        self.events_when: NDArray[np.int64] = self.events["generation"].to_numpy()

    def between(self, start: int, stop: int) -> list[Frame]:
        """Frames of the generations from `start` to `stop`, both included, `MOST_FRAMES` at most."""
        stop = min(stop, start + MOST_FRAMES - 1)
        return [self.frame(number) for number in range(start, stop + 1) if number in self.rows]

    def frame(self, generation: int) -> Frame:
        """One generation as it ended: its survivors, the richest first, then its newborns, among their parents.

        An energy is what its owner had after paying for births; what colonies took or gave after those is in no record.
        """
        births, deaths = self._happened(generation, "birth"), self._happened(generation, "death")
        start, stop = np.searchsorted(self.when, [generation, generation + 1])
        index = {int(self.ids[place]): place for place in range(start, stop)}
        scores = self._mean_scores(int(start), int(stop))
        energies = self._energies(int(start), int(stop), births)
        dead = {event["organism_id"] for event in deaths}
        alive = np.array([place for identity, place in index.items() if identity not in dead], dtype=np.int64)
        alive = alive[np.argsort(-energies[alive - start], kind="stable")][:MOST_CELLS]
        cradles = [self._place(birth.get("parents", ()), index) for birth in births]
        return {
            "generation": generation,
            "id": [*self.ids[alive].tolist(), *(birth["organism_id"] for birth in births)],
            "x": [*self.places[alive, 0].tolist(), *(x for x, _ in cradles)],
            "y": [*self.places[alive, 1].tolist(), *(y for _, y in cradles)],
            "lineage": [*self.lineages[alive].tolist(), *(birth.get("lineage", 0) for birth in births)],
            "energy": [*_rounded(energies[alive - start]), *(short(birth.get("energy", 0.0)) for birth in births)],
            "niche": [*self.niches[alive].tolist(), *(-1 for _ in births)],
            "score": [*_rounded(scores[alive - start]), *(None for _ in births)],
            "births": [
                {"id": birth["organism_id"], "kind": birth.get("kind", ""), "parents": birth.get("parents", [])}
                for birth in births
            ],
            "deaths": [self._death(event, index, energies, int(start)) for event in deaths],
            "now": self._now(generation),
        }

    def _happened(self, generation: int, kind: str) -> list[Frame]:
        """Births or deaths of a generation; what a damaged record lacks is absent from its row."""
        start, stop = np.searchsorted(self.events_when, [generation, generation + 1])
        rows = self.events.slice(int(start), int(stop - start))
        rows = rows.filter(pc.field("event") == kind).slice(0, MOST_EVENTS)
        return [{key: value for key, value in row.items() if value is not None} for row in rows.to_pylist()]

    def _place(self, ids: Sequence[int], index: Mapping[int, int]) -> tuple[float, float]:
        """The middle of where some organisms are; the pond's middle for nobody."""
        there = [self.places[index[identity]] for identity in ids if identity in index]
        x, y = np.mean(there, axis=0).round(DIGITS) if there else (0.0, 0.0)
        return float(x), float(y)

    def _energies(self, start: int, stop: int, births: Sequence[Frame]) -> NDArray[np.float64]:
        """(lives,): what some lives had when their generation ended; they were recorded before anybody paid a birth."""
        paid: dict[int, float] = defaultdict(float)
        for birth in births:
            payers = birth["payers"] if "payers" in birth else birth.get("parents", ())
            for payer, payment in zip(payers, birth.get("payments", ()), strict=False):  # one may be damaged
                paid[payer] += short(payment) or 0.0
        left: NDArray[np.float64] = self.energies[start:stop].copy()
        left -= [paid.get(identity, 0.0) for identity in self.ids[start:stop].tolist()]
        return left

    def _death(self, event: Frame, index: Mapping[int, int], energies: NDArray[np.float64], start: int) -> Frame:
        identity = event["organism_id"]
        x, y = self._place([identity], index)
        return {
            "id": identity,
            "cause": event.get("cause", "?"),
            "lineage": event.get("lineage", 0),
            "x": x,
            "y": y,
            "energy": short(energies[index[identity] - start]) if identity in index else 0.0,
        }

    def _mean_scores(self, start: int, stop: int) -> NDArray[np.float64]:
        """The mean score of some lives over their answers, NaN where one gave none; their rows alone are read."""
        lives = self.lives.slice(start, stop - start)
        means: NDArray[np.float64] = np.full(stop - start, np.nan)
        if {"answers", "scores"} <= set(lives.column_names) and len(lives):
            answers, scores = (_row_sums(lives[name]) for name in ("answers", "scores"))
            np.divide(scores, answers, out=means, where=answers > 0)
        return means

    def _now(self, generation: int) -> Frame:
        """The numbers of the strip above the pond; what a row lacks, or has as something else, is left out."""
        row = self.rows[generation]
        single = {key: short(row.get(key)) for key in ("num_living", "num_lineages", "mean_score", "num_tokens")}
        tables = {key: numbers(row.get(key)) for key in ("births", "deaths", "energy", "niche_stocks")}
        return {**single, **tables, "seconds": short(self.seconds.get(generation))}


def short(value: Any) -> float | None:
    """A number with six digits, enough for a picture; None for what is no finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        return None
    if isinstance(value, int) and abs(value) < 2**53:
        return value
    try:
        return float(f"{float(value):.6g}") if math.isfinite(value) else None
    except OverflowError:  # an integer beyond any float
        return None


def numbers(table: Any) -> dict[str, float]:
    """The entries of a row's table that are numbers."""
    if not isinstance(table, dict):
        return {}
    return {str(key): value for key, entry in table.items() if (value := short(entry)) is not None}


def _rounded(values: NDArray[np.float64]) -> list[float | None]:
    """Numbers to send, None for what is no number."""
    return [value if math.isfinite(value) else None for value in values.round(DIGITS).tolist()]


def _row_sums(column: Any) -> NDArray[np.float64]:
    """(lives,): the sum of each list of a column of equally long lists."""
    flat = np.asarray(pc.list_flatten(column).to_numpy(), dtype=np.float64)
    sums: NDArray[np.float64] = flat.reshape(len(column), -1).sum(axis=1)
    return sums

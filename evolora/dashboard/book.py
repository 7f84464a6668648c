"""One run, open: what the page asks about it, answered from its folder as it is now."""

import time
from pathlib import Path
from typing import Any

from evolora.dashboard.frames import Frames, numbers, short
from evolora.dashboard.reader import Reader
from evolora.record.run_data import RunData
from evolora.record.run_dir import METRICS
from evolora.viz.pond import niche_places
from evolora.viz.series import evenly
from evolora.viz.style import PALETTE

STRIP_POINTS = 600  # of the curve behind the scrubber
STILL_RUNNING = 5.0  # a run that was silent for so many generations' time, and a minute, has stopped
RECENT = 10  # generations that the estimate of the time left is made from
LONGEST_NAME = 80  # characters of a niche's name
MOST_PROBLEMS = 5

Row = dict[str, Any]


class Book:
    """A run that somebody looks at. Its plots have a reading of their own, so that the pond never waits for a plot."""

    def __init__(self, folder: Path, title: str) -> None:
        self.folder, self.title = folder, title
        self.life = Reader(folder)
        self.plots = Reader(folder)
        self.figures: dict[tuple[str, int | None, str], tuple[int, str]] = {}  # filled by figures.py
        self._frames: tuple[int, Frames] | None = None

    def frames(self) -> Frames:
        """The pond of the run as it is now."""
        with self.life.newest() as data:
            if self._frames is None or self._frames[0] != self.life.version:
                self._frames = (self.life.version, Frames(data))
            return self._frames[1]

    def overview(self) -> Row:
        """What the page needs to open the run: its name, length and niches, and the curves behind the scrubber."""
        with self.life.newest() as data:
            return {
                "title": self.title,
                "folder": str(self.folder).encode("utf-8", "replace").decode("utf-8"),
                "name": data.name,
                "seed": data.seed,
                "host": str(data.run.get("host", "")),
                "planned": _planned(data),
                "first": data.generations[0] if data.metrics else 0,
                "last": data.generations[-1] if data.metrics else 0,
                "state": self._state(data),
                "seconds_left": self._seconds_left(data),
                "niches": _niches(data),
                "palette": list(PALETTE),
                "peak": max((numbers(row.get("energy")).get("organisms", 0.0) for row in data.metrics), default=0.0),
                "strip": _strip(data),
                "problems": [str(problem) for problem in data.problems[:MOST_PROBLEMS]],
                "num_broken": data.num_broken,
                "is_thinned": data.is_thinned,
            }

    def _state(self, data: RunData) -> str:
        """running, finished, extinct, waiting (for its first generation) or stopped."""
        if not data.metrics:
            return "waiting"
        last, planned = data.metrics[-1], _planned(data)
        if last.get("num_living") == 0:
            return "extinct"
        if planned is not None and last["generation"] >= planned:
            return "finished"
        silence = time.time() - (self.folder / METRICS).stat().st_mtime
        return "running" if silence < 60.0 + STILL_RUNNING * (_pace(data) or 0.0) else "stopped"

    def _seconds_left(self, data: RunData) -> float | None:
        planned, pace = _planned(data), _pace(data)
        if planned is None or pace is None or self._state(data) != "running":
            return None
        return short(max(0, planned - data.generations[-1]) * pace)


def _planned(data: RunData) -> int | None:
    """How many generations the world's file asks for."""
    planned = data.world.get("generations")
    return planned if type(planned) is int and 0 <= planned < 2**31 else None


def _pace(data: RunData) -> float | None:
    """Seconds a generation took lately."""
    recent = [value for row in data.timing[-RECENT:] if (value := short(row.get("seconds"))) is not None]
    return sum(recent) / len(recent) if recent else None


def _strip(data: RunData) -> Row:
    rows = evenly(data.metrics, STRIP_POINTS)
    return {
        "generation": [row["generation"] for row in rows],
        "living": [short(row.get("num_living")) for row in rows],
        "score": [short(row.get("mean_score")) for row in rows],
    }


def _niches(data: RunData) -> list[Row]:
    """The niches with their places on the pond's shore."""
    places = niche_places(len(data.niches)).round(4).tolist()
    return [
        {"name": str(name)[:LONGEST_NAME], "x": x, "y": y} for name, (x, y) in zip(data.niches, places, strict=True)
    ]

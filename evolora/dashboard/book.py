"""One run, open: its data, the pond's frames and the figures drawn of it, kept until the run has grown."""

import threading
import time
from pathlib import Path
from typing import Any

from evolora.dashboard.frames import Frames, numbers, short
from evolora.dashboard.runs import refuse_strays
from evolora.record.run_data import RunData
from evolora.record.run_dir import METRICS
from evolora.viz.pond import niche_places
from evolora.viz.series import evenly
from evolora.viz.style import PALETTE

STRIP_POINTS = 600  # of the curve behind the scrubber
STILL_RUNNING = 5.0  # a run that was silent for so many generations' time, and a minute, has stopped
RECENT = 10  # generations that the estimate of the time left is made from


class Book:
    """A run that somebody looks at. Every method may be called from any thread; the folder is read under one lock."""

    def __init__(self, folder: Path, title: str) -> None:
        self.folder, self.title = folder, title
        self.lock = threading.Lock()
        refuse_strays(folder)
        self.data = RunData.open(folder)
        self.version = 0
        self._frames: tuple[int, Frames] | None = None
        self.figures: dict[tuple[str, int | None, str], tuple[int, str]] = {}

    def refresh(self) -> None:
        """Take in what was written since, unless somebody is drawing: whoever must have the newest asks for it."""
        if self.lock.acquire(blocking=False):
            try:
                self._refresh()
            finally:
                self.lock.release()

    def _refresh(self) -> None:
        refuse_strays(self.folder)
        if self.data.refresh():
            self.version += 1

    @property
    def frames(self) -> Frames:
        """The pond of the run as it is now; it never waits for a plot that is being drawn."""
        made = self._frames
        if made is not None and made[0] == self.version:
            return made[1]
        with self.lock:
            if self._frames is None or self._frames[0] != self.version:
                self._frames = (self.version, Frames(self.data))
            return self._frames[1]

    def overview(self) -> dict[str, Any]:
        """What the page needs to open the run: its name, length and niches, and the curves behind the scrubber."""
        with self.lock:
            self._refresh()
            data = self.data
            metrics = data.metrics
            shown = evenly(metrics, STRIP_POINTS)
            energies = [numbers(row.get("energy")).get("organisms", 0.0) for row in metrics]
            return {
                "title": self.title,
                "folder": str(self.folder).encode("utf-8", "replace").decode("utf-8"),
                "name": data.name,
                "seed": data.seed,
                "host": str(data.run.get("host", "")),
                "planned": _planned(data),
                "first": metrics[0]["generation"] if metrics else 0,
                "last": metrics[-1]["generation"] if metrics else 0,
                "state": self._state(),
                "seconds_left": self._seconds_left(),
                "niches": _niches(data),
                "palette": list(PALETTE),
                "peak": max(energies, default=0.0),
                "strip": {
                    "generation": [row["generation"] for row in shown],
                    "living": [short(row.get("num_living")) for row in shown],
                    "score": [short(row.get("mean_score")) for row in shown],
                },
                "problems": [str(problem) for problem in data.problems[:5]],
                "num_broken": data.num_broken,
                "is_thinned": data.is_thinned,
            }

    def _state(self) -> str:
        """running, finished, extinct, waiting (for its first generation) or stopped."""
        if not self.data.metrics:
            return "waiting"
        last = self.data.metrics[-1]
        planned = _planned(self.data)
        if last.get("num_living") == 0:
            return "extinct"
        if planned is not None and last["generation"] >= planned:
            return "finished"
        silence = time.time() - (self.folder / METRICS).stat().st_mtime
        return "running" if silence < 60.0 + STILL_RUNNING * (self._pace() or 0.0) else "stopped"

    def _pace(self) -> float | None:
        """Seconds a generation took lately."""
        recent = [value for row in self.data.timing[-RECENT:] if (value := short(row.get("seconds"))) is not None]
        return sum(recent) / len(recent) if recent else None

    def _seconds_left(self) -> float | None:
        planned, pace = _planned(self.data), self._pace()
        if planned is None or pace is None or self._state() != "running":
            return None
        return short(max(0, planned - self.data.metrics[-1]["generation"]) * pace)


def _planned(data: RunData) -> int | None:
    """How many generations the world's file asks for."""
    planned = data.world.get("generations")
    return planned if type(planned) is int and 0 <= planned < 2**31 else None


def _niches(data: RunData) -> list[dict[str, Any]]:
    names = data.niches
    return [
        {"name": str(name)[:80], "x": short(x), "y": short(y)}
        for name, (x, y) in zip(names, niche_places(len(names)).round(4).tolist(), strict=True)
    ]

"""How an experiment comes along, in the terminal: a line for every cell that ends, and whoever is at work."""

import time
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.status import Status

from evolora.experiment.plan import make_plan
from evolora.experiment.progress import how_far

if TYPE_CHECKING:
    from evolora.experiment.cell import Cell
    from evolora.experiment.plan import Plan

REFRESH = 1.0  # seconds between looks at the running cells' folders


class CellLines:
    """A line for every cell that ends, with what is left. A terminal has a line below of those that are running; a pipe
    or a log file is told when each begins."""

    def __init__(self, plan: "Plan", jobs: int, console: Console | None = None) -> None:
        self._plan, self._jobs = plan, jobs
        self._ended = plan.count("finished")
        self._console = console or Console(highlight=False, markup=False)
        live = self._console.is_terminal and not self._console.is_dumb_terminal
        self._status: Status | None = self._console.status("") if live else None
        self._looked = 0.0

    def __enter__(self) -> Self:
        if self._status is not None:
            self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._status is not None:
            self._status.stop()

    def started(self, cell: "Cell") -> None:
        if self._status is None:
            self._print(f"{cell.name}: begun")

    def running(self, cells: "Sequence[tuple[Cell, float]]") -> None:
        """`cells` are at work, each for so many seconds."""
        now = time.perf_counter()
        if self._status is not None and now - self._looked >= REFRESH:
            self._looked = now
            self._status.update("; ".join(under_way(cell, seconds) for cell, seconds in cells))

    def finished(self, cell: "Cell", seconds: float) -> None:
        left = make_plan(self._plan.experiment, self._plan.out).seconds_left(self._jobs)
        rest = "" if not left else f", about {roughly(left)} left"
        self._end(cell, f"finished in {roughly(seconds)}{rest}")

    def failed(self, cell: "Cell", reason: str) -> None:
        self._end(cell, f"failed: {reason} (log: {cell.folder / 'log.txt'})")

    def _end(self, cell: "Cell", what: str) -> None:
        self._ended += 1
        self._print(f"[{self._ended}/{len(self._plan.cells)}] {cell.name}: {what}")

    def _print(self, line: str) -> None:
        self._console.print(line, soft_wrap=True)


def under_way(cell: "Cell", seconds: float) -> str:
    """`evolved, seed 3 (generation 12 of 450, 2 min)`."""
    known = how_far(cell)
    return f"{cell.name} ({'' if known is None else f'{known}, '}{roughly(seconds)})"


def roughly(seconds: float) -> str:
    """`40 s`, `12 min`, `3.5 h`."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 100 * 60 else f"{seconds / 3600:.1f} h"

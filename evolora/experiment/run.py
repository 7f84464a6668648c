"""Doing cells: several at once, each behind those it waits for, whatever becomes of the others."""

import json
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from filelock import FileLock, Timeout

from evolora.errors import RunFolderError
from evolora.experiment.cell import FAILURE, LOG, RESULT, SPEC, Cell, read_json, ready
from evolora.experiment.places import Doing, Here, Place
from evolora.record.run_dir import write_atomically

GLANCE = 0.1  # seconds between looks at the cells
PATIENCE = 60.0  # seconds that cells have for an orderly end before they are killed


class Watcher(Protocol):
    """Somebody who is told how the cells come along."""

    def started(self, cell: Cell) -> None: ...

    def running(self, cells: Sequence[tuple[Cell, float]]) -> None:
        """Those at work, each with the seconds since it began; told several times a second."""

    def finished(self, cell: Cell, seconds: float) -> None: ...

    def failed(self, cell: Cell, reason: str) -> None: ...


@dataclass
class Tally:
    """What became of the cells: `failed` with reasons, `blocked` wait for a failed one, `dropped` were interrupted."""

    finished: list[Cell] = field(default_factory=list)
    failed: list[tuple[Cell, str]] = field(default_factory=list)
    blocked: list[Cell] = field(default_factory=list)
    dropped: list[Cell] = field(default_factory=list)
    stopped: bool = False


@dataclass(frozen=True)
class _Begun:
    cell: Cell
    doing: Doing
    began: float


def run_cells(
    cells: Sequence[Cell],
    jobs: int,
    watcher: Watcher,
    should_stop: Callable[[], bool] = lambda: False,
    place: Place | None = None,
) -> Tally:
    """Do every cell that is not finished, at most `jobs` at once, in the order of `cells` as far as they can start.

    They are done at `place`: in processes of this machine, if none is given.

    A cell that fails is reported and the others go on, but for those that wait for it. When `should_stop` says so the
    running cells are interrupted: those whose procedure can go on later keep what they have.

    Raises:
        RunFolderError: a cell's folder cannot be written.
    """
    tally = Tally(finished=[cell for cell in cells if cell.state() == "finished"])
    done = [cell.digest for cell in tally.finished]
    waiting = [cell for cell in cells if cell not in tally.finished]
    running: list[_Begun] = []
    place = Here() if place is None else place
    try:
        while waiting or running:
            if should_stop():
                tally.stopped = True
                break
            startable = [cell for cell in waiting if ready(cell, done)][: jobs - len(running)]
            for cell in startable:
                running.append(_Begun(cell, _start(cell, place), time.perf_counter()))
                waiting.remove(cell)
                watcher.started(cell)
            if not running:
                break  # what is left waits for a failed cell
            watcher.running([(begun.cell, time.perf_counter() - begun.began) for begun in running])
            time.sleep(GLANCE)
            for begun in [begun for begun in running if begun.doing.ended() is not None]:
                running.remove(begun)
                _conclude(begun, tally, watcher)
                done = [cell.digest for cell in tally.finished]
    finally:
        tally.dropped += _stop(running, tally, watcher)
    tally.blocked = [cell for cell in waiting if not tally.stopped]
    return tally


@contextmanager
def exclusive(out: Path) -> Iterator[None]:
    """Nobody else runs the experiment's cells in this folder.

    Raises:
        RunFolderError: somebody does.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        with FileLock(out / ".lock", timeout=0):
            yield
    except Timeout as error:
        raise RunFolderError(
            f"{out}: expected nobody else to run this experiment here, got one that does; wait, or choose another --out"
        ) from error


def _start(cell: Cell, place: Place) -> Doing:
    """Begin a cell. What is left of a cell with other settings is thrown away first."""
    folder = cell.folder
    spec = read_json(folder / SPEC)
    if folder.exists() and (spec is None or spec.get("digest") != cell.digest):
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name in (FAILURE, RESULT):
        (folder / name).unlink(missing_ok=True)
    cell.save_spec()
    (folder / LOG).touch()  # to be read even if the process fails before it writes
    return place.start(cell)


def _conclude(begun: _Begun, tally: Tally, watcher: Watcher) -> None:
    """Note what became of a cell that has ended."""
    cell, code = begun.cell, begun.doing.ended()
    assert code is not None  # it has ended
    begun.doing.close()
    if code == 0 and cell.state() == "finished":
        tally.finished.append(cell)
        watcher.finished(cell, time.perf_counter() - begun.began)
        return
    reason = _reason(cell, code)
    write_atomically(cell.folder / FAILURE, json.dumps({"digest": cell.digest, "reason": reason}) + "\n")
    tally.failed.append((cell, reason))
    watcher.failed(cell, reason)


def _reason(cell: Cell, code: int) -> str:
    """Why a cell failed: the last line that its process wrote, else how it ended."""
    lines = (cell.folder / LOG).read_text(encoding="utf-8", errors="replace").splitlines()
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    if code < 0:
        return f"killed by signal {-code}" + (f"; its last line: {last}" if last else "")
    return last.removeprefix("error: ") or f"ended with exit code {code}"


def _stop(running: Sequence[_Begun], tally: Tally, watcher: Watcher) -> list[Cell]:
    """Interrupt cells and wait for their orderly end; those that are not finished by then."""
    for begun in running:
        begun.doing.interrupt()
    left = list(running)
    try:
        deadline = time.perf_counter() + PATIENCE
        while left and time.perf_counter() < deadline:
            for begun in [begun for begun in left if begun.doing.ended() is not None]:
                left.remove(begun)
                begun.doing.close()  # what it held may be what others need to end
            time.sleep(GLANCE)
    finally:  # a second Ctrl-C ends the waiting
        for begun in left:
            begun.doing.close()
        dropped = []
        for begun in running:
            if begun.cell.state() == "finished":
                tally.finished.append(begun.cell)
                watcher.finished(begun.cell, time.perf_counter() - begun.began)
            else:
                dropped.append(begun.cell)
    return dropped

"""Doing cells: several processes at once, each cell behind those it waits for, whatever becomes of the others."""

import json
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Protocol

from filelock import FileLock, Timeout

from evolora.errors import RunFolderError
from evolora.experiment import child
from evolora.experiment.cell import FAILURE, LOG, RESULT, SPEC, Cell, read_json, ready
from evolora.experiment.nursery import Nursery, open_nursery
from evolora.record.run_dir import write_atomically

GLANCE = 0.1  # seconds between looks at the processes
PATIENCE = 60.0  # seconds that a process has for an orderly end before it is killed


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
class _Process:
    cell: Cell
    child: BaseProcess
    began: float


def run_cells(
    cells: Sequence[Cell], jobs: int, watcher: Watcher, should_stop: Callable[[], bool] = lambda: False
) -> Tally:
    """Do every cell that is not finished, at most `jobs` at once, in the order of `cells` as far as they can start.

    A cell that fails is reported and the others go on, but for those that wait for it. When `should_stop` says so the
    running cells are interrupted: those whose procedure can go on later keep what they have.

    Raises:
        RunFolderError: a cell's folder cannot be written.
    """
    tally = Tally(finished=[cell for cell in cells if cell.state() == "finished"])
    done = [cell.digest for cell in tally.finished]
    waiting = [cell for cell in cells if cell not in tally.finished]
    if not waiting:
        return tally
    running: list[_Process] = []
    nursery = open_nursery()
    try:
        while waiting or running:
            if should_stop():
                tally.stopped = True
                break
            startable = [cell for cell in waiting if ready(cell, done)][: jobs - len(running)]
            for cell in startable:
                running.append(_Process(cell, _start(cell, nursery), time.perf_counter()))
                waiting.remove(cell)
                watcher.started(cell)
            if not running:
                break  # what is left waits for a failed cell
            watcher.running([(process.cell, time.perf_counter() - process.began) for process in running])
            time.sleep(GLANCE)
            for process in [process for process in running if process.child.exitcode is not None]:
                running.remove(process)
                _conclude(process, tally, watcher)
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


def _start(cell: Cell, nursery: Nursery) -> BaseProcess:
    """The process that does a cell. What is left of a cell with other settings is thrown away first."""
    folder = cell.folder
    spec = read_json(folder / SPEC)
    if folder.exists() and (spec is None or spec.get("digest") != cell.digest):
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name in (FAILURE, RESULT):
        (folder / name).unlink(missing_ok=True)
    cell.save_spec()
    (folder / LOG).touch()  # to be read even if the process fails before it writes
    process: BaseProcess = nursery.Process(target=child.main, args=(folder, threads_of(cell), dict(os.environ)))
    process.start()
    return process


def threads_of(cell: Cell) -> int:
    """OpenMP threads that a cell computes with."""
    return cell.world.host.threads or 1


def _conclude(process: _Process, tally: Tally, watcher: Watcher) -> None:
    """Note what became of a process that has ended."""
    cell, code = process.cell, process.child.exitcode
    assert code is not None  # it has ended
    process.child.close()
    if code == 0 and cell.state() == "finished":
        tally.finished.append(cell)
        watcher.finished(cell, time.perf_counter() - process.began)
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


def _stop(running: Sequence[_Process], tally: Tally, watcher: Watcher) -> list[Cell]:
    """Interrupt processes and wait for their orderly end; the cells that are not finished by then."""
    for process in running:
        if process.child.exitcode is None and process.child.pid is not None:
            with suppress(ProcessLookupError):  # it ended just now
                os.kill(process.child.pid, signal.SIGINT)
    try:
        deadline = time.perf_counter() + PATIENCE
        for process in running:
            process.child.join(max(0.0, deadline - time.perf_counter()))
    finally:  # a second Ctrl-C ends the waiting
        dropped = []
        for process in running:
            if process.child.exitcode is None:
                process.child.kill()
                process.child.join()
            process.child.close()
            if process.cell.state() == "finished":
                tally.finished.append(process.cell)
                watcher.finished(process.cell, time.perf_counter() - process.began)
            else:
                dropped.append(process.cell)
    return dropped

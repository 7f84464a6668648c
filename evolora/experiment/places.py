"""Where cells are done: a process of this machine each, or, in `far`, one of a cluster's."""

import os
import signal
from contextlib import suppress
from multiprocessing.process import BaseProcess
from typing import Protocol

from evolora.experiment import child
from evolora.experiment.cell import Cell
from evolora.experiment.nursery import Nursery, open_nursery


class Doing(Protocol):
    """A cell at work somewhere. What it leaves is in its folder once it has ended."""

    def ended(self) -> int | None:
        """How it ended, as `child.main` says; None while it is at work."""
        ...

    def interrupt(self) -> None:
        """Ask for an orderly end."""
        ...

    def close(self) -> None:
        """Let go of it: one that is still at work is killed."""
        ...


class Place(Protocol):
    """Somewhere cells can be done."""

    def start(self, cell: Cell) -> Doing:
        """Begin a cell, whose folder holds its spec."""
        ...


class Here:
    """Processes of this machine, forked from one nursery."""

    def __init__(self) -> None:
        self._nursery: Nursery | None = None

    def start(self, cell: Cell) -> Doing:
        if self._nursery is None:
            self._nursery = open_nursery()
        process: BaseProcess = self._nursery.Process(
            target=child.main, args=(cell.folder, threads_of(cell), dict(os.environ))
        )
        process.start()
        return _Process(process)


class _Process:
    def __init__(self, process: BaseProcess) -> None:
        self._process = process

    def ended(self) -> int | None:
        return self._process.exitcode

    def interrupt(self) -> None:
        if self._process.exitcode is None and self._process.pid is not None:
            with suppress(ProcessLookupError):  # it ended just now
                os.kill(self._process.pid, signal.SIGINT)

    def close(self) -> None:
        if self._process.exitcode is None:
            self._process.kill()
            self._process.join()
        self._process.close()


def threads_of(cell: Cell) -> int:
    """OpenMP threads that a cell computes with."""
    return cell.world.host.threads or 1

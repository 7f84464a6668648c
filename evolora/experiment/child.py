"""The process that does one cell. It ends when its parent does."""

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping
from multiprocessing.connection import wait
from pathlib import Path

from evolora.errors import EvoloraError
from evolora.experiment.cell import LOG, load_cell
from evolora.experiment.registry import find_procedure

INTERRUPTED = 130  # what a shell reports for a command that Ctrl-C ended


def do_cell(folder: Path) -> None:
    """Do the cell whose spec lies in a folder, and write its result there.

    Raises:
        EvoloraError: what the procedure complains of.
        ValueError: it returned what JSON cannot hold.
    """
    cell = load_cell(folder)
    procedure = find_procedure(cell.procedure)
    began = time.perf_counter()
    values = procedure.function(cell, folder)
    cell.save_result(values, time.perf_counter() - began)


def main(folder: Path, threads: int, environment: Mapping[str, str]) -> None:
    """Do a cell with so many OpenMP threads; all that is printed goes to the log in its folder.

    Exit code 0: the result is written; 130: interrupted; 2: a mistake, in one line; 1: a defect, with traceback.
    """
    os.setpgid(0, 0)  # a Ctrl-C in the terminal is for the parent, which passes it on
    signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever started the parent may have made it deaf to it
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    _write_to(folder / LOG)
    os.environ.clear()
    os.environ.update(environment, OMP_NUM_THREADS=str(threads))
    if torch := sys.modules.get("torch"):  # it has read the nursery's environment
        torch.set_num_threads(threads)
    _follow_parent()
    try:
        do_cell(folder)
    except EvoloraError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _write_to(log: Path) -> None:
    with log.open("ab") as file:
        for stream in (sys.stdout, sys.stderr):
            os.dup2(file.fileno(), stream.fileno())


def _follow_parent() -> None:
    """Ask for an orderly end when the parent has ended, however it did."""
    parent = multiprocessing.parent_process()
    assert parent is not None  # `multiprocessing` started this process
    sentinel = parent.sentinel

    def follow() -> None:
        wait([sentinel])
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=follow, daemon=True).start()

"""The process that does one cell: `python -m evolora.experiment.child FOLDER`. It ends when its parent does."""

import os
import signal
import sys
import threading
import time
from pathlib import Path

from evolora.errors import EvoloraError
from evolora.experiment.cell import load_cell
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


def _follow_parent() -> None:
    """Ask for an orderly end when the other end of standard input is closed, which the parent's death does."""

    def wait() -> None:
        # Not through sys.stdin: its lock would be held when the interpreter ends.
        while os.read(0, 1024):
            pass
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=wait, daemon=True).start()


def main() -> None:
    """Exit code 0: the result is written; 130: interrupted; 2: a mistake, in one line; 1: a defect, with traceback."""
    # A shell without job control starts background commands, and so their children, deaf to SIGINT.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _follow_parent()
    try:
        do_cell(Path(sys.argv[1]))
    except EvoloraError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()

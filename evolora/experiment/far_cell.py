"""The far side of a cell: what runs on a machine of a cluster. It imports little, for every cell begins with it."""

import io
import multiprocessing
import os
import signal
import tempfile
import zipfile
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.process import BaseProcess
from pathlib import Path

from evolora.experiment import child


class FarCell:
    """Does one cell, in a process of its own, out of a `parcel` of folders and back into one."""

    def __init__(self, parcel: bytes, name: str, threads: int) -> None:
        self._parcel, self._name, self._threads = parcel, name, threads
        self._process: BaseProcess | None = None
        self._asked: list[signal.Signals] = []

    def do(self) -> tuple[int, bytes]:
        """How the process ended, as `child.main` says, and the cell's folder."""
        with tempfile.TemporaryDirectory(prefix="evolora-cell-") as temporary:
            cells = Path(temporary)
            unpack(self._parcel, cells)
            context = multiprocessing.get_context("spawn")
            process = context.Process(target=child.main, args=(cells / self._name, self._threads, dict(os.environ)))
            process.start()
            self._process = process
            for asked in list(self._asked):  # before it had begun
                self._send(asked)
            process.join()
            self._process = None  # its number may be another's from now on
            assert process.exitcode is not None  # it has ended
            return process.exitcode, pack(cells, [self._name])

    def interrupt(self) -> None:
        """Ask the process for an orderly end, if need be once it has begun."""
        self._send(signal.SIGINT)

    def kill(self) -> None:
        """End the process at once, likewise."""
        self._send(signal.SIGKILL)

    def _send(self, number: signal.Signals) -> None:
        self._asked.append(number)
        if self._process is not None and self._process.pid is not None:
            with suppress(ProcessLookupError):  # it ended just now
                os.kill(self._process.pid, number)


def pack(root: Path, names: Sequence[str]) -> bytes:
    """All files in folders below `root`."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as archive:
        for path in sorted(path for name in names for path in (root / name).rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(root))
    return whole.getvalue()


def unpack(parcel: bytes, root: Path) -> None:
    """What `pack` packed, below another `root`."""
    with zipfile.ZipFile(io.BytesIO(parcel)) as archive:
        archive.extractall(root)

"""A dashboard beside a run: a process of its own that reads the run's folder, started once and never waited for."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import IO

from evolora.dashboard.address import address_of, listen_on
from evolora.errors import EvoloraError


class Beside:
    """Starts the dashboard of a run folder when entered; on leaving, says what became of it.

    Whatever happens to the dashboard, the run goes on: it cannot be started, it is killed, it breaks, all of that is
    a line for `tell`. The address is known at once, since the socket is opened here and handed over. The process ends
    by itself when the run has ended and the last page that looks at it is closed.
    """

    def __init__(self, folder: Path, tell: Callable[[str], None]) -> None:
        self.folder, self.tell = folder, tell
        self.process: subprocess.Popen[bytes] | None = None
        self.address = ""
        self._complaints: IO[bytes] | None = None

    def __enter__(self) -> "Beside":
        try:
            self._start()
            self.tell(f"dashboard: {self.address}")
        except (OSError, EvoloraError) as error:
            self.tell(
                f"no dashboard ({error}); the run goes on, and `evolora watch {self.folder}` shows it at any time"
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process is not None and self._complaints is not None:
            code = self.process.poll()
            if code is None:
                self.tell(f"dashboard: {self.address} stays until its last page is closed")
            else:
                self.tell(
                    f"the dashboard ended early, with code {code}: {self._last_complaint() or 'it gave no reason'}"
                )
            self._complaints.close()

    def _start(self) -> None:
        with listen_on() as listening:
            self.address = address_of(listening)
            command = [sys.executable, "-m", "evolora", "watch", str(self.folder)]
            self._complaints = tempfile.TemporaryFile()  # noqa: SIM115 - closed on leaving
            self.process = subprocess.Popen(
                [*command, "--socket", str(listening.fileno()), "--beside", str(os.getpid())],
                env={**os.environ, "OMP_NUM_THREADS": "1"},  # the cores are the run's
                pass_fds=[listening.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._complaints,
                start_new_session=True,  # Ctrl-C is for the run
            )

    def _last_complaint(self) -> str:
        assert self._complaints is not None, "asked for only after a start"
        self._complaints.seek(0)
        lines = self._complaints.read().decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else ""

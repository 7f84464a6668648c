"""A dashboard beside a run: a process of its own that reads the run's folder, started when somebody looks."""

import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from multiprocessing.connection import wait
from pathlib import Path
from types import TracebackType
from typing import IO

from evolora.dashboard.address import address_of, listen_on, show_page
from evolora.errors import EvoloraError


class Beside:
    """Listens for a run folder's first visitor when entered, and then starts its dashboard; on leaving, says what
    became of it.

    Until somebody looks, it costs the run nothing but a thread that sleeps. Whatever happens to the dashboard, the run
    goes on: it cannot be started, it is killed, it breaks, all of that is a line for `tell`. The address answers at
    once, since the socket is opened here and handed over. The process ends by itself when the run has ended and the
    last page that looks at it is closed.
    """

    def __init__(self, folder: Path, tell: Callable[[str], None]) -> None:
        self.folder, self.tell = folder, tell
        self.process: subprocess.Popen[bytes] | None = None
        self.address = ""
        self.trouble = ""
        self._complaints: IO[bytes] | None = None
        self._porter: threading.Thread | None = None
        self._leaving: socket.socket | None = None  # closed to wake the porter

    def __enter__(self) -> "Beside":
        try:
            listening = listen_on()
            self._leaving, left = socket.socketpair()
        except (OSError, EvoloraError) as error:
            self.tell(self._without(str(error)))
            return self
        self.address = address_of(listening)
        self.tell(f"dashboard: {self.address}")
        self._porter = threading.Thread(target=self._wait_for_visitor, args=(listening, left), daemon=True)
        self._porter.start()
        threading.Thread(target=show_page, args=(self.address,), daemon=True).start()  # some browsers are waited for
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._porter is None or self._leaving is None:
            return
        self._leaving.close()
        self._porter.join()
        if self.trouble:
            self.tell(self._without(self.trouble))
        elif self.process is None:
            self.tell(f"nobody looked at the dashboard; `evolora watch {self.folder}` shows the run at any time")
        elif (code := self.process.poll()) is None:
            self.tell(f"dashboard: {self.address} stays until its last page is closed")
        else:
            self.tell(f"the dashboard ended early, with code {code}: {self._last_complaint() or 'it gave no reason'}")
        if self._complaints is not None:
            self._complaints.close()

    def _without(self, reason: str) -> str:
        return f"no dashboard ({reason}); the run goes on, and `evolora watch {self.folder}` shows it at any time"

    def _wait_for_visitor(self, listening: socket.socket, left: socket.socket) -> None:
        """Start the dashboard when a browser asks for it; closing the other end of `left` ends the waiting."""
        with listening, left:
            if listening in wait([listening, left]):
                try:
                    self._start(listening)
                except OSError as error:
                    self.trouble = str(error)

    def _start(self, listening: socket.socket) -> None:
        command = [sys.executable, "-m", "evolora", "watch", str(self.folder), "--no-browser"]
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

"""The dashboard beside a run: a process of its own, whose troubles are never the run's."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from urllib.request import urlopen

import pytest

from evolora.cli.watch import NICENESS
from evolora.dashboard import beside as beside_module
from evolora.dashboard.address import address_of, listen_on
from evolora.dashboard.beside import Beside
from evolora.errors import RunFolderError


def until(found: Callable[[], object], seconds: float = 60.0) -> None:
    """Wait for something that takes seconds on a busy machine."""
    deadline = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)


def visited(dashboard: Beside) -> "subprocess.Popen[bytes]":
    """The process of a dashboard that somebody has just looked at; its answer is not waited for."""
    with socket.create_connection(("127.0.0.1", int(dashboard.address.split(":")[-1].strip("/")))):
        until(lambda: dashboard.process is not None)
    assert dashboard.process is not None
    return dashboard.process


def test_it_answers_at_the_address_told_at_once_and_only_reads(pretend: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in pretend.rglob("*")}
    told: list[str] = []
    with Beside(pretend, told.append) as dashboard:
        assert told == [f"dashboard: {dashboard.address}"]
        process = visited(dashboard)
        try:
            with urlopen(f"{dashboard.address}api/runs", timeout=120) as answer:
                assert b"pretend" in answer.read()
            assert {path: path.stat().st_mtime_ns for path in pretend.rglob("*")} == before
            assert process.poll() is None
        finally:
            process.kill()
            process.wait()


def test_without_a_visitor_nothing_is_started_and_the_end_says_how_to_look(pretend: Path) -> None:
    told: list[str] = []
    with Beside(pretend, told.append) as dashboard:
        time.sleep(0.5)
        assert dashboard.process is None
    assert dashboard.process is None and not answers(int(dashboard.address.split(":")[-1].strip("/")))
    assert "nobody looked" in told[-1] and f"evolora watch {pretend}" in told[-1]


def test_where_there_is_a_screen_the_page_opens_by_itself(pretend: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    for screen, times in (("", 0), (":0", 1)):
        monkeypatch.setenv("DISPLAY", screen)
        with Beside(pretend, print) as dashboard:
            until(lambda times=times: len(opened) == times)  # type: ignore[misc]
        assert opened == [dashboard.address] * times


def test_a_browser_that_is_waited_for_holds_up_neither_the_page_nor_the_run(
    pretend: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = threading.Event()
    monkeypatch.setattr("webbrowser.open", lambda address: closed.wait(60))
    monkeypatch.setenv("DISPLAY", ":0")
    with Beside(pretend, print) as dashboard:
        process = visited(dashboard)
        process.kill()
        process.wait()
    assert not closed.is_set()
    closed.set()


def test_the_run_goes_first(pretend: Path) -> None:
    with Beside(pretend, print) as dashboard:
        process = visited(dashboard)
        try:
            urlopen(f"{dashboard.address}api/runs", timeout=120).close()  # it answers: it has started
            pid = process.pid
            assert os.getpriority(os.PRIO_PROCESS, pid) == os.getpriority(os.PRIO_PROCESS, 0) + NICENESS
            session = Path(f"/proc/{pid}/autogroup")
            if os.access("/proc/self/autogroup", os.W_OK):
                assert session.read_text().split()[-1] == str(NICENESS)
        finally:
            process.kill()
            process.wait()


def test_a_dashboard_that_is_killed_is_a_line_at_the_end(pretend: Path) -> None:
    told: list[str] = []
    with Beside(pretend, told.append) as dashboard:
        process = visited(dashboard)
        process.kill()
        process.wait()
    assert "ended early" in told[-1] and str(-signal.SIGKILL.value) in told[-1]


def test_a_dashboard_that_breaks_says_why(pretend: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(beside_module.sys, "executable", "/bin/false")
    with Beside(pretend, told.append) as dashboard:
        visited(dashboard).wait()
    assert "code 1" in told[-1] and "gave no reason" in told[-1]


def test_a_dashboard_that_cannot_start_is_a_line_and_the_run_goes_on(
    pretend: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(beside_module.sys, "executable", "/nowhere/python")
    with Beside(pretend, told.append) as dashboard:
        with socket.create_connection(("127.0.0.1", int(dashboard.address.split(":")[-1].strip("/")))):
            until(lambda: dashboard.trouble)
        assert dashboard.process is None
    assert "no dashboard" in told[-1] and f"evolora watch {pretend}" in told[-1]


def test_a_machine_without_a_free_port_is_a_line_and_the_run_goes_on(
    pretend: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_free() -> socket.socket:
        raise RunFolderError("expected a free port, got none")

    told: list[str] = []
    monkeypatch.setattr(beside_module, "listen_on", none_free)
    with Beside(pretend, told.append) as dashboard:
        assert dashboard.process is None
    (line,) = told
    assert "no dashboard (expected a free port, got none)" in line


def test_it_ends_by_itself_when_its_run_has_gone_and_nobody_looks(pretend: Path) -> None:
    script = f"""
from pathlib import Path
from urllib.request import urlopen
from evolora.dashboard.beside import Beside
with Beside(Path({str(pretend)!r}), lambda line: None) as dashboard:
    urlopen(dashboard.address + "api/runs", timeout=120).close()
    print(dashboard.address.split(":")[-1].strip("/"))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    until(lambda: not answers(int(done.stdout)))


def answers(port: int) -> bool:
    """Whether anybody listens at a port of this machine."""
    with socket.socket() as caller:
        return caller.connect_ex(("127.0.0.1", port)) == 0


def test_the_first_free_port_is_taken_unless_one_is_asked_for() -> None:
    with listen_on() as first, listen_on() as second:
        assert address_of(first) != address_of(second)
        port = first.getsockname()[1]
        with pytest.raises(RunFolderError, match=f"port {port}.*choose another --port"):
            listen_on("127.0.0.1", port)


def test_only_this_machine_is_listened_to_by_default() -> None:
    with listen_on() as listening:
        assert listening.getsockname()[0] == "127.0.0.1"
        assert address_of(listening) == f"http://127.0.0.1:{listening.getsockname()[1]}/"


def test_the_address_of_a_server_on_every_address_is_one_that_opens() -> None:
    with listen_on("0.0.0.0", 0) as listening:
        assert address_of(listening).startswith("http://127.0.0.1:")
    assert isinstance(listening, socket.socket)


def test_starting_a_dashboard_loads_nothing_heavy_into_the_run() -> None:
    script = "import sys; before = set(sys.modules); import evolora.dashboard.beside; print(*set(sys.modules) - before)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert "evolora.dashboard.address" in loaded
    assert not {name.partition(".")[0] for name in loaded} & {
        "starlette",
        "uvicorn",
        "plotly",
        "pandas",
        "numpy",
        "pyarrow",
    }

"""`evolora watch`, and `--watch` on `evolora simulate`, from the command line."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from urllib.request import urlopen

import pytest
import yaml
from asker import puddle
from fakes import FakeBuild

from evolora.cli import app
from evolora.record.run_dir import EVENTS, LIVES, METRICS

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}


def evolora(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Exit code of the command line."""
    monkeypatch.setattr(sys, "argv", ["evolora", *arguments])
    with pytest.raises(SystemExit) as left:
        app.main()
    return int(left.value.code or 0)


def test_watching_serves_until_it_is_interrupted(pretend: Path) -> None:
    command = [sys.executable, "-m", "evolora", "watch", str(pretend.parent), "--no-browser", "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    try:
        address = re.search(r"http://127\.0\.0\.1:\d+/", process.stdout.readline())
        assert address is not None
        with urlopen(f"{address[0]}api/runs", timeout=120) as answer:
            assert b'"title":"pretend"' in answer.read()
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=60)
    finally:
        process.kill()
    assert (process.returncode, output) == (0, "dashboard ended\n")


def test_a_folder_that_is_not_there_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert evolora(monkeypatch, "watch", "nowhere") == 2
    assert capfd.readouterr().err == "error: nowhere: expected a run folder or a folder of runs, got none; give one\n"


class FakeBeside:
    """Remembers which run folders a dashboard was wanted for."""

    wanted: list[Path]

    def __init__(self, folder: Path, tell: object) -> None:
        self.wanted.append(folder)

    def __enter__(self) -> None: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


@pytest.mark.parametrize(("options", "times"), [(["--watch"], 1), ([], 0)])
def test_simulate_opens_a_dashboard_only_when_asked(
    options: list[str], times: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pond.yaml").write_text("name: pond\ngenerations: 3\nniches: [{family: count_bits}]\n")
    monkeypatch.setitem(sys.modules, "evolora.build", FakeBuild(tmp_path / "run"))  # type: ignore[arg-type]
    monkeypatch.setattr(FakeBeside, "wanted", [], raising=False)
    monkeypatch.setattr("evolora.dashboard.beside.Beside", FakeBeside)
    assert evolora(monkeypatch, "simulate", str(tmp_path / "pond.yaml"), "--quiet", *options) == 0
    assert FakeBeside.wanted == [tmp_path / "run"] * times


def test_a_watched_run_whose_dashboard_is_killed_is_byte_for_byte_the_unwatched_one(
    lived: Path, tmp_path: Path
) -> None:
    (tmp_path / "puddle.yaml").write_text(yaml.safe_dump(puddle(12).model_dump(mode="json")))
    command = [sys.executable, "-m", "evolora", "simulate", str(tmp_path / "puddle.yaml"), "--out", str(tmp_path)]
    process = subprocess.Popen(
        [*command, "--watch", "--quiet"], env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    told = process.stderr.readline()
    assert told.startswith("dashboard: http://127.0.0.1:")
    with socket.create_connection(("127.0.0.1", int(told.rpartition(":")[2].strip().strip("/")))):
        killed = kill_dashboard_of(process)
    output, complaints = process.communicate(timeout=300)
    assert process.returncode == 0, complaints
    run = Path(output.strip())
    for log in (METRICS, EVENTS, LIVES):
        assert (run / log).read_bytes() == (lived / log).read_bytes()
    assert ("ended early" in complaints) == killed


def kill_dashboard_of(run: "subprocess.Popen[str]") -> bool:
    """Kill the dashboard that a run has started; False if the run was over first."""
    while run.poll() is None:
        listed = subprocess.run(["pgrep", "-P", str(run.pid), "-f", "evolora watch"], capture_output=True, text=True)
        for found in listed.stdout.split():
            os.kill(int(found), signal.SIGKILL)
            return True
        time.sleep(0.05)
    return False

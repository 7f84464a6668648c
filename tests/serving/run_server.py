"""A server in a process of its own, as `evolora serve` starts it, and the run it serves."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from puddle import world

from evolora.build import open_run

NUM_ORGANISMS = 32


def make_run(parent: Path, num_organisms: int = NUM_ORGANISMS) -> Path:
    """A run of one generation in which everybody lives on."""
    simulation = open_run(
        world(
            generations=1,
            population={"founders": num_organisms, "capacity": num_organisms, "founder_energy": 50.0},
            reproduction={"enabled": False},
        ),
        parent,
    )
    simulation.run()
    return simulation.run_dir.path


@contextmanager
def serving(run: Path, *options: str, threads: int = 1) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """`evolora serve RUN` on a free port: its address (with /v1) and its process."""
    process = subprocess.Popen(
        [sys.executable, "-m", "evolora", "serve", str(run), "--port", "0", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ
        | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "OMP_NUM_THREADS": str(threads)},
    )
    try:
        assert process.stdout is not None and process.stderr is not None
        first = process.stdout.readline()
        assert "http://" in first, first + process.stderr.read()
        yield first.split()[-1], process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
        process.communicate()


def resident_megabytes(process: "subprocess.Popen[str]") -> float:
    """Memory of a process now, in MiB."""
    for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("no VmRSS")


def wait_until(condition, seconds: float = 10.0) -> bool:  # type: ignore[no-untyped-def]
    """Whether `condition()` came true in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return False

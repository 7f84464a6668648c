"""What `--watch` costs a run, measured: the same run without a dashboard, with one that nobody looks at, and with one
whose page is open, over and over.

    python tests/dashboard/cost_of_watching.py [ROUNDS] [GENERATIONS] [WORLD]

The world is petri unless one is given.

Prints, for each round and as medians, how much slower than without the run was, and the processor time of the
dashboard and of the browser as shares of the run's own. Needs a machine that is otherwise idle: with others at work,
rounds differ by more than what is measured.
"""

import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psutil
from pages import CHROMIUM, DRIVER, Page, open_browser

TICK = 0.1  # seconds between looks at the processes' clocks
How = Literal["alone", "watched", "looked at"]
WAYS: tuple[How, ...] = ("alone", "watched", "looked at")


@dataclass(frozen=True)
class Lived:
    """One run: `seconds` of living by its own clock; processor seconds of the run, its dashboard, and the browser."""

    generations: int
    seconds: float
    run: float
    dashboard: float = 0.0
    browser: float = 0.0

    @property
    def rate(self) -> float:
        return self.generations / self.seconds


class Clock:
    """Processor seconds of a process, of all below it, or of both, those that have ended meanwhile included."""

    def __init__(self, root: psutil.Process, own: bool, below: bool) -> None:
        self.root, self.own, self.below = root, own, below
        self._last: dict[int, float] = {}

    def look(self) -> None:
        """Read the clocks of all that live."""
        try:
            family = [self.root] * self.own + (self.root.children(recursive=True) if self.below else [])
        except psutil.NoSuchProcess:
            return
        for process in family:
            try:
                times = process.cpu_times()
                self._last[process.pid] = times.user + times.system
            except psutil.NoSuchProcess:
                continue  # it has ended: what it had used when it was last looked at counts

    @property
    def seconds(self) -> float:
        return sum(self._last.values())


def live(world: str, folder: Path, generations: int, how: How, page: Page) -> Lived:
    """Live a world in a process of its own: alone, with `--watch`, or with its page open besides until it ends."""
    command = [sys.executable, "-m", "evolora", "simulate", world, "--quiet", "--out", str(folder)]
    command += ["--generations", str(generations)]
    if world == "petri":
        command += ["--set", "host.threads=1"]  # its batches are too small to share
    if how != "alone":
        command.append("--watch")
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stderr is not None
    run = psutil.Process(process.pid)
    clocks, before, opener = [Clock(run, own=True, below=False)], 0.0, None
    if how != "alone":
        page.address = process.stderr.readline().rpartition(" ")[2].strip()
        clocks.append(Clock(run, own=False, below=True))  # the dashboard, once somebody looks
    if how == "looked at":
        clocks.append(Clock(psutil.Process(page.driver.service.process.pid), own=True, below=True))
        clocks[2].look()
        before = clocks[2].seconds
        opener = threading.Thread(target=page.open)
        opener.start()
    while process.poll() is None:
        for clock in clocks:
            clock.look()
        time.sleep(TICK)
    if opener is not None:
        opener.join()
        page.driver.get("about:blank")  # the last page has gone: the dashboard ends by itself
    assert process.returncode == 0, process.stderr.read()
    timing = Path(process.stdout.read().strip()) / "timing.jsonl"
    seconds = sum(float(line.split('"seconds":')[1].split(",")[0]) for line in timing.open())
    used = [clock.seconds for clock in clocks] + [0.0, 0.0]
    return Lived(generations, seconds, used[0], used[1], used[2] - before if how == "looked at" else 0.0)


def measure(rounds: int, generations: int, world: str) -> dict[str, float]:
    """Medians over rounds, in each of which the run is lived in every way, one after the other, in turning order."""
    told: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name, open_browser(Path(name)) as driver:
        page = Page(driver, "")
        for number in range(rounds):
            order = WAYS[number % 3 :] + WAYS[: number % 3]
            lived = {how: live(world, Path(name) / "runs", generations, how, page) for how in order}
            row = {"generations/s alone": lived["alone"].rate}
            for how in WAYS[1:]:
                watched = lived[how]
                row |= {
                    f"{how}: slower by": lived["alone"].rate / watched.rate - 1,
                    f"{how}: run's processor time, over alone": watched.run / lived["alone"].run,
                    f"{how}: dashboard's share of the run's processor time": watched.dashboard / watched.run,
                }
            row["looked at: browser's share of the run's processor time"] = watched.browser / watched.run
            told.append(row)
            print(f"round {number + 1}: " + ", ".join(f"{key} {value:.3f}" for key, value in row.items()), flush=True)
    return {key: statistics.median(row[key] for row in told) for key in told[0]}


if __name__ == "__main__":
    assert CHROMIUM is not None and DRIVER is not None, "expected chromium and chromedriver, got none; install them"
    given = sys.argv[1:] + ["5", "60", "petri"][len(sys.argv) - 1 :]
    for key, value in measure(int(given[0]), int(given[1]), given[2]).items():
        print(f"median {key}: {value:.3f}")

"""What `--watch` costs a run, measured: pairs of the same run, without and with a dashboard whose page is open.

    python tests/dashboard/cost_of_watching.py [PAIRS] [GENERATIONS] [WORLD]

The world is petri unless one is given.

Prints, for each pair and as medians, generations a second without and with, how much slower the watched run was, and
the processor time of the dashboard and of the browser as shares of the run's own. Needs a machine that is otherwise
idle: with others at work, pairs differ by more than what is measured.
"""

import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
from pages import CHROMIUM, DRIVER, Page, open_browser

TICK = 0.1  # seconds between looks at the processes' clocks


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
    """Processor seconds of a process and all below it, those that have ended meanwhile included."""

    def __init__(self, root: psutil.Process, without: tuple[int, ...] = ()) -> None:
        self.root, self.without = root, without
        self._last: dict[int, float] = {}

    def look(self) -> None:
        """Read the clocks of all that live."""
        try:
            family = [self.root, *self.root.children(recursive=True)]
        except psutil.NoSuchProcess:
            return
        for process in family:
            try:
                if process.pid not in self.without:
                    times = process.cpu_times()
                    self._last[process.pid] = times.user + times.system
            except psutil.NoSuchProcess:
                continue  # it has ended: what it had used when it was last looked at counts

    @property
    def seconds(self) -> float:
        return sum(self._last.values())


def live(world: str, folder: Path, generations: int, page: Page | None) -> Lived:
    """Live a world in a process of its own; with a page, `--watch` it there until it ends."""
    command = [sys.executable, "-m", "evolora", "simulate", world, "--quiet", "--out", str(folder)]
    command += ["--generations", str(generations)]
    if world == "petri":
        command += ["--set", "host.threads=1"]  # its batches are too small to share
    process = subprocess.Popen(
        command + ["--watch"] * (page is not None),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None and process.stderr is not None
    clocks = [Clock(psutil.Process(process.pid))]
    if page is not None:
        page.address = process.stderr.readline().rpartition(" ")[2].strip()
        (dashboard,) = psutil.Process(process.pid).children()
        browser = psutil.Process(page.driver.service.process.pid)
        clocks = [Clock(clocks[0].root, without=(dashboard.pid,)), Clock(dashboard), Clock(browser)]
        clocks[2].look()
    before = clocks[-1].seconds if page is not None else 0.0
    opener = threading.Thread(target=page.open) if page is not None else None
    if opener is not None:
        opener.start()
    while process.poll() is None:
        for clock in clocks:
            clock.look()
        time.sleep(TICK)
    if opener is not None and page is not None:
        opener.join()
        page.driver.get("about:blank")  # the last page has gone: the dashboard ends by itself
    assert process.returncode == 0, process.stderr.read()
    run = Path(process.stdout.read().strip())
    seconds = sum(float(line.split('"seconds":')[1].split(",")[0]) for line in (run / "timing.jsonl").open())
    used = [clock.seconds for clock in clocks] + [0.0, 0.0]
    return Lived(generations, seconds, used[0], used[1], used[2] - before if page is not None else 0.0)


def measure(pairs: int, generations: int, world: str) -> dict[str, float]:
    """Medians over pairs, each lived one after the other, the first of a pair by turns."""
    told: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name, open_browser(Path(name)) as driver:
        page = Page(driver, "")
        for pair in range(pairs):
            order = (None, page) if pair % 2 == 0 else (page, None)
            lived = {shown is not None: live(world, Path(name) / "runs", generations, shown) for shown in order}
            without, watched = lived[False], lived[True]
            told.append(
                {
                    "generations/s without": without.rate,
                    "generations/s with": watched.rate,
                    "slower by": without.rate / watched.rate - 1,
                    "dashboard's share of the run's processor time": watched.dashboard / watched.run,
                    "browser's share of the run's processor time": watched.browser / watched.run,
                    "run's processor time, with over without": watched.run / without.run,
                }
            )
            print(f"pair {pair + 1}: " + ", ".join(f"{key} {value:.3f}" for key, value in told[-1].items()), flush=True)
    return {key: statistics.median(row[key] for row in told) for key in told[0]}


if __name__ == "__main__":
    assert CHROMIUM is not None and DRIVER is not None, "expected chromium and chromedriver, got none; install them"
    given = sys.argv[1:] + ["5", "60", "petri"][len(sys.argv) - 1 :]
    for key, value in measure(int(given[0]), int(given[1]), given[2]).items():
        print(f"median {key}: {value:.3f}")

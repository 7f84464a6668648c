"""Experiments without a language model, whose procedures lie beside the file that names them."""

from pathlib import Path

PROCEDURES = '''
import os, signal, sys, time

from evolora.errors import TaskError
from evolora.experiment.findings import Claim, Findings
from evolora.experiment.statistics import estimate


def note(cell, folder):
    """Leaves a mark for every time it is done."""
    with (folder.parents[2] / "order.txt").open("a") as file:
        file.write(f"{cell.arm} {cell.seed}\\n")
    return {"number": cell.seed * 10 + cell.params.get("add", 0)}


def follow(cell, folder):
    """Reads what the arm before it found."""
    before = cell.sibling("first")
    note(cell, folder)
    return {"number": before.values["number"] + 1, "folder": before.folder.name}


def fail(cell, folder):
    """Fails with seed 2: as a user's mistake, or as a defect."""
    if cell.seed == 2 and cell.params.get("defect"):
        raise ZeroDivisionError("by zero")
    if cell.seed == 2:
        raise TaskError("expected a good seed, got 2")
    return note(cell, folder)


def vanish(cell, folder):
    os.kill(os.getpid(), 9)


def not_json(cell, folder):
    return {"number": float("nan")}


def slow(cell, folder):
    """Takes up where it was: every visit leaves a tick, the fifth is the last."""
    ticks = folder / "ticks.txt"
    while (done := len(ticks.read_text()) if ticks.exists() else 0) < 5:
        ticks.write_text("x" * (done + 1))
        time.sleep(60 if done == 1 and not (folder.parents[2] / "hurry").exists() else 0)
    return {"number": done}


def stubborn(cell, folder):
    """Does not hear Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    (folder / "deaf").touch()
    time.sleep(100)


def threads(cell, folder):
    import torch
    return {"number": torch.get_num_threads(), "told": os.environ["OMP_NUM_THREADS"]}


def born(cell, folder):
    """Says what its process began with, and leaves something behind that the next must not find."""
    found = {"ready": "evolora.build" in sys.modules, "left": hasattr(sys, "left"), "air": os.environ.get("AIR")}
    sys.left = True
    return found


def compare(results):
    difference = estimate(results.difference("second", "first", "number"))
    return Findings([Claim("the second is one more", "yes" if difference.mean == 1 else "no", "difference",
                           difference.mean, difference.interval, difference.p, difference.n)])
'''
EXPERIMENT = """\
experiment: 1
name: pair
question: Is the second one more?
world: petri
seeds: [1, 2, 3]
procedure: "doings:note"
arms:
  second: {procedure: "doings:follow", after: [first]}
  first: {params: {add: 5}}
analysis: "doings:compare"
quick: {seeds: [7], params: {add: 1}, set: {generations: 2}}
"""


def write_experiment(folder: Path, text: str = EXPERIMENT, name: str = "pair.yaml") -> Path:
    """An experiment file in a folder, and the procedures it names; the folder must be the working directory."""
    (folder / "doings.py").write_text(PROCEDURES)
    path = folder / name
    path.write_text(text)
    return path


class Silent:
    """A watcher that remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def started(self, cell) -> None:
        self.told.append(f"started {cell.name}")

    def running(self, cells) -> None:
        pass

    def finished(self, cell, seconds) -> None:
        self.told.append(f"finished {cell.name}")

    def failed(self, cell, reason) -> None:
        self.told.append(f"failed {cell.name}: {reason}")

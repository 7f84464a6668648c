"""Cells on a Ray cluster with no folder in common: what they need travels, what they leave comes back."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from small_experiments import Silent

from evolora import __version__
from evolora.errors import WorkerError
from evolora.evaluation.ray_pool.cluster import Cluster, actor_resources, connect
from evolora.experiment.cell import Cell
from evolora.experiment.far import Far
from evolora.experiment.file import load_experiment
from evolora.experiment.plan import Plan, make_plan
from evolora.experiment.results import read_results
from evolora.experiment.run import run_cells

PROCEDURES = '''
import os, pathlib, signal, time

from evolora.errors import TaskError


def first(cell, folder):
    print("the first is at work")
    (folder / "left.txt").write_text(f"left by {cell.name}")
    return {"number": cell.seed, "where": str(folder)}


def second(cell, folder):
    return {"number": cell.seed, "read": (cell.sibling("first").folder / "left.txt").read_text()}


def fail(cell, folder):
    raise TaskError("expected somebody able, got nobody")


def vanish(cell, folder):
    os.kill(os.getpid(), 9)


def slow(cell, folder):
    """Takes up where it was: the second visit is the last."""
    ticks = folder / "ticks.txt"
    before = ticks.read_text() if ticks.exists() else ""
    ticks.write_text(before + "x")
    pathlib.Path(cell.params["begun"]).touch()
    time.sleep(0 if before else 600)
    return {"number": len(before) + 1}


def deaf(cell, folder):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    pathlib.Path(cell.params["begun"]).write_text(f"{os.getpid()} {folder}")
    time.sleep(600)


def orphaned(cell, folder):
    """Says who started it, who is killed for that, and is done the next time."""
    known = pathlib.Path(cell.params["begun"])
    again = known.exists()
    known.write_text(str(os.getppid()))
    time.sleep(0 if again else 600)
    return {"number": 1}
'''
EXPERIMENT = """\
experiment: 1
name: far
question: Does it travel?
world: petri
seeds: [1, 2]
procedure: "errands:first"
arms:
  second: {procedure: "errands:second", after: [first]}
  first: {}
analysis: "errands:first"
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("modules")
    (folder / "errands.py").write_text(PROCEDURES)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")]))
        patch.syspath_prepend(str(folder))
        connection = connect(None, num_cpus=2)
        yield connection
        connection.close()


def plan_of(folder: Path, text: str = EXPERIMENT) -> Plan:
    (folder / "far.yaml").write_text(text)
    return make_plan(load_experiment(folder / "far.yaml"), folder / "out")


def alone(folder: Path, doing: str, **params: object) -> Plan:
    """One cell that does something."""
    text = EXPERIMENT.replace("errands:first", f"errands:{doing}").replace("seeds: [1, 2]", "seeds: [1]")
    text = text.replace('  second: {procedure: "errands:second", after: [first]}\n', "")
    given = ", ".join(f'{name}: "{value}"' for name, value in params.items())
    return plan_of(folder, text.replace("first: {}", f"first: {{params: {{{given}}}}}"))


def test_cells_find_what_those_before_them_left_and_all_comes_back(cluster, tmp_path):
    tally = run_cells(plan_of(tmp_path).cells, 2, Silent(), place=Far(cluster))
    assert len(tally.finished) == 4 and not tally.failed, tally
    results = read_results(plan_of(tmp_path).cells)
    assert results.value("second", 2, "read") == "left by first, seed 2"
    folder = plan_of(tmp_path).cells[0].folder
    assert results.value("first", 1, "where") != str(folder), "it was done elsewhere"
    assert (folder / "left.txt").read_text() == "left by first, seed 1"
    assert "the first is at work" in (folder / "log.txt").read_text()
    assert {path.name for path in folder.parent.iterdir()} == {"seed-1", "seed-2"}, "nothing is left beside"


@pytest.mark.parametrize(
    ("doing", "reason"), [("fail", "expected somebody able, got nobody"), ("vanish", "killed by signal 9")]
)
def test_why_a_far_cell_failed_comes_back_too(cluster, tmp_path, doing, reason):
    plan = alone(tmp_path, doing)
    tally = run_cells(plan.cells, 1, Silent(), place=Far(cluster))
    assert [(cell.name, why) for cell, why in tally.failed] == [("first, seed 1", reason)]
    assert plan_of(tmp_path, plan.experiment.path.read_text()).states == ("failed",)


def test_an_interrupted_far_cell_goes_on_here_from_what_it_had(cluster, tmp_path):
    begun = tmp_path / "begun"
    plan = alone(tmp_path, "slow", begun=begun)
    tally = run_cells(plan.cells, 1, Silent(), begun.exists, Far(cluster))
    assert tally.stopped and tally.dropped == list(plan.cells)
    assert (plan.cells[0].folder / "ticks.txt").read_text() == "x"
    assert len(run_cells(plan.cells, 1, Silent()).finished) == 1
    assert read_results(plan.cells).value("first", 1, "number") == 2


def test_a_cell_whose_machine_is_lost_is_done_again(cluster, tmp_path):
    begun = tmp_path / "begun"
    plan = alone(tmp_path, "orphaned", begun=begun)
    killed: list[int] = []

    def kill_once() -> bool:
        if not killed and begun.exists() and begun.read_text():
            killed.append(int(begun.read_text()))
            os.kill(killed[0], signal.SIGKILL)
        return False

    tally = run_cells(plan.cells, 1, Silent(), kill_once, Far(cluster))
    assert killed and len(tally.finished) == 1, tally


def test_a_cell_that_asks_for_more_than_the_cluster_has_is_refused_and_not_waited_for(cluster, tmp_path):
    plan = plan_of(tmp_path, EXPERIMENT.replace("world: petri", "world: petri\nset: {host.threads: 3}"))
    with pytest.raises(WorkerError, match="expected a Ray cluster with 3 CPUs"):
        run_cells(plan.cells, 1, Silent(), place=Far(cluster))
    with pytest.raises(WorkerError, match="expected a Ray cluster with 3 CPUs"):
        Far(cluster).capacity(plan.cells)
    assert Far(cluster).capacity(plan_of(tmp_path).cells) == 2


class ClusterOf(Cluster):
    """One of these (CPUs, GPUs), without Ray."""

    def __init__(self, machines: list[tuple[int, int]]) -> None:
        super().__init__(started=False)
        object.__setattr__(self, "present", machines)

    machines = property(lambda self: self.present)
    num_cpus = property(lambda self: sum(cpus for cpus, _ in self.present))
    num_gpus = property(lambda self: sum(gpus for _, gpus in self.present))


def test_more_threads_than_the_largest_machine_has_are_refused_though_the_cluster_has_them():
    many = ClusterOf([(4, 0)] * 4)
    assert actor_resources(many, "cpu", 4, 1) == {"num_cpus": 4, "num_gpus": 0}
    with pytest.raises(WorkerError, match="expected at most the 4 CPUs of the cluster's largest machine, got 8"):
        actor_resources(many, "cpu", 8, 1)


def test_room_is_counted_machine_by_machine():
    two = ClusterOf([(3, 0), (3, 0)])
    assert two.room(2, 0) == 2 and two.room(3, 0) == 2 and two.room(1, 0) == 6
    assert actor_resources(two, "cpu", 2, 2) == {"num_cpus": 2, "num_gpus": 0}
    with pytest.raises(WorkerError, match=r"machines with room for 3 workers of 2 CPUs, got room for 2"):
        actor_resources(two, "cpu", 2, 3)
    uneven = ClusterOf([(8, 1), (1, 4)])
    assert uneven.room(2, 1) == 1
    with pytest.raises(WorkerError, match=r"room for 2 workers of 2 CPUs and a GPU, got room for 1"):
        actor_resources(uneven, "cuda", 2, 2)


def test_a_far_cell_that_does_not_hear_is_killed_and_leaves_nothing(cluster, tmp_path):
    begun = tmp_path / "begun"
    plan = alone(tmp_path, "deaf", begun=begun)
    doing = Far(cluster).start(prepared(plan.cells[0]))
    until = time.monotonic() + 60
    while not begun.exists() and time.monotonic() < until:
        time.sleep(0.05)
    process, folder = begun.read_text().split()
    doing.interrupt()
    doing.close()
    assert not psutil.pid_exists(int(process)) and not Path(folder).exists()


def test_a_machine_with_another_version_says_so_at_once(cluster, tmp_path):
    plan = alone(tmp_path, "first")
    cell = prepared(plan.cells[0])
    spec = cell.folder / "cell.json"
    spec.write_text(spec.read_text().replace(f'"evolora": "{__version__}"', '"evolora": "99"'))
    doing = Far(cluster).start(cell)
    while doing.ended() is None:
        time.sleep(0.05)
    doing.close()
    assert doing.ended() == 2 and "got one of 99; install the same version" in (cell.folder / "log.txt").read_text()


def prepared(cell: Cell) -> Cell:
    """As `run_cells` leaves it for the place that does it."""
    cell.folder.mkdir(parents=True)
    cell.save_spec()
    return cell


def test_a_cluster_that_is_not_there_is_one_line(tmp_path):
    plan_of(tmp_path)
    (tmp_path / "errands.py").write_text(PROCEDURES)
    command = [sys.executable, "-m", "evolora", "experiment", "run", "far.yaml", "--ray-address", "127.0.0.1:1"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode not in (0, 1) and done.stdout == "", done.stdout + done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: --ray-address 127.0.0.1:1: expected a Ray cluster, got ConnectionRefusedError")

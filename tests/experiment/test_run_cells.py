"""Doing cells in processes: order, resumption, failures, interruptions."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from small_experiments import EXPERIMENT, Silent, write_experiment

from evolora.errors import RunFolderError
from evolora.experiment.cell import read_result
from evolora.experiment.code import CODE
from evolora.experiment.file import load_experiment
from evolora.experiment.findings import Findings
from evolora.experiment.plan import make_plan
from evolora.experiment.report import mixed, render
from evolora.experiment.results import read_results
from evolora.experiment.run import exclusive, run_cells


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))


def plan_of(folder: Path, text: str = EXPERIMENT):
    return make_plan(load_experiment(write_experiment(folder, text)), folder / "out")


def done_in(folder: Path) -> list[str]:
    path = folder / "out" / "order.txt"
    return path.read_text().splitlines() if path.exists() else []


def test_every_cell_is_done_once_behind_those_it_waits_for_and_reads_their_values(tmp_path):
    watcher = Silent()
    tally = run_cells(plan_of(tmp_path).cells, 2, watcher)
    assert len(tally.finished) == 6 and not tally.failed and not tally.blocked and not tally.dropped
    order = done_in(tmp_path)
    assert len(order) == 6
    assert all(order.index(f"first {seed}") < order.index(f"second {seed}") for seed in (1, 2, 3))
    results = read_results(plan_of(tmp_path).cells)
    assert results.values("first", "number").tolist() == [15, 25, 35]
    assert results.difference("second", "first", "number").tolist() == [1, 1, 1]
    assert results.value("second", 2, "folder") == "seed-2"
    assert watcher.told.index("started first, seed 1") < watcher.told.index("finished first, seed 1")


def test_results_say_which_code_made_them_and_reports_whether_it_was_all_the_same(tmp_path):
    run_cells(plan_of(tmp_path).cells, 2, Silent())
    plan = plan_of(tmp_path)
    assert plan.code == (CODE,) and mixed(plan) == ""
    path = plan.cells[0].folder / "result.json"
    path.write_text(path.read_text().replace(CODE, "0123456789ab"))
    other = plan_of(tmp_path)
    assert other.count("finished") == 6  # code is not what a user sets
    assert "made by 2 versions of the code: 0123456789ab" in mixed(other)
    assert mixed(other) in render(other, Findings())


def test_finished_cells_are_not_done_again_and_changed_ones_are_with_all_that_follows_from_them(tmp_path):
    run_cells(plan_of(tmp_path).cells, 2, Silent())
    before = len(done_in(tmp_path))
    run_cells(plan_of(tmp_path).cells, 2, Silent())
    assert len(done_in(tmp_path)) == before

    changed = plan_of(tmp_path, EXPERIMENT.replace("add: 5", "add: 6").replace("[1, 2, 3]", "[1, 2]"))
    assert changed.states == ("changed",) * 4
    run_cells(changed.cells, 2, Silent())
    assert sorted(done_in(tmp_path)[before:]) == ["first 1", "first 2", "second 1", "second 2"]
    assert read_results(changed.cells).values("second", "number").tolist() == [17, 27]


@pytest.mark.parametrize(
    ("params", "reason"),
    [("{}", "expected a good seed, got 2"), ("{defect: true}", "ZeroDivisionError: by zero")],
)
def test_a_failing_cell_is_reported_and_only_those_that_wait_for_it_are_left_out(tmp_path, params, reason):
    text = EXPERIMENT.replace("first: {params: {add: 5}}", f'first: {{procedure: "doings:fail", params: {params}}}')
    watcher = Silent()
    tally = run_cells(plan_of(tmp_path, text).cells, 2, watcher)
    assert sorted(cell.name for cell in tally.finished) == [
        "first, seed 1", "first, seed 3", "second, seed 1", "second, seed 3",
    ]  # fmt: skip
    assert [(cell.name, why) for cell, why in tally.failed] == [("first, seed 2", reason)]
    assert [cell.name for cell in tally.blocked] == ["second, seed 2"]
    assert f"failed first, seed 2: {reason}" in watcher.told
    again = plan_of(tmp_path, text)
    assert again.count("failed") == 1 and again.count("finished") == 4 and again.count("missing") == 1


@pytest.mark.parametrize(("doing", "reason"), [("vanish", "killed by signal 9"), ("not_json", "Out of range float")])
def test_a_process_that_dies_or_returns_what_json_cannot_hold_is_a_failed_cell(tmp_path, doing, reason):
    text = EXPERIMENT.replace("doings:note", f"doings:{doing}").replace("[1, 2, 3]", "[1]")
    tally = run_cells(plan_of(tmp_path, text).cells, 1, Silent())
    assert [cell.name for cell, why in tally.failed if reason in why] == ["first, seed 1"]


def test_a_half_written_or_foreign_result_counts_as_none(tmp_path):
    plan = plan_of(tmp_path)
    run_cells(plan.cells, 2, Silent())
    for cell, content in zip(plan.cells[:2], ('{"digest":', "[]"), strict=True):
        (cell.folder / "result.json").write_text(content)
        assert read_result(cell.folder) is None
    assert plan_of(tmp_path).count("finished") == 4


def test_only_siblings_that_after_names_can_be_read(tmp_path):
    second = next(cell for cell in plan_of(tmp_path).cells if cell.arm == "second")
    with pytest.raises(RunFolderError, match="finished cell of first"):
        second.sibling("first")
    with pytest.raises(RunFolderError, match="name it there"):
        second.sibling("third")


def test_two_runs_in_one_folder_are_refused(tmp_path):
    with exclusive(tmp_path), pytest.raises(RunFolderError, match="nobody else"), exclusive(tmp_path):
        pass


SLOW = EXPERIMENT.replace("doings:note", "doings:slow").replace("[1, 2, 3]", "[1, 2]")


@pytest.mark.parametrize("way", ["asked to stop", "killed"])
def test_interrupted_cells_are_dropped_and_go_on_where_they_were(tmp_path, way):
    write_experiment(tmp_path, SLOW.replace("analysis", "# analysis"))
    with subprocess.Popen(
        [sys.executable, "-c", "from evolora.cli.app import main; main()",
         "experiment", "run", "pair.yaml", "--jobs", "2", "--out", "out"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    ) as process:  # fmt: skip
        ticks = [tmp_path / "out" / "cells" / "first" / f"seed-{seed}" / "ticks.txt" for seed in (1, 2)]
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and not all(t.exists() and len(t.read_text()) == 2 for t in ticks):
            time.sleep(0.05)
        process.send_signal(signal.SIGINT if way == "asked to stop" else signal.SIGKILL)
        shown = process.communicate(timeout=60)[0]
    if way == "asked to stop":
        assert process.returncode == 130, shown
        assert "stopped with 0 of 4 cells finished" in shown
    wait_for_orphans(tmp_path)
    assert [len(t.read_text()) for t in ticks] == [2, 2]

    (tmp_path / "out" / "hurry").touch()
    plan = plan_of(tmp_path, SLOW)
    assert plan.count("begun") == 2
    tally = run_cells(plan.cells, 2, Silent())
    assert len(tally.finished) == 4 and [len(t.read_text()) for t in ticks] == [5, 5]


def wait_for_orphans(folder: Path) -> None:
    """Until no process but this one has a log of this folder open any more; a failure after half a minute."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if not any(str(folder) in path for process in psutil.process_iter() for path in open_files(process)):
            return
        time.sleep(0.1)
    raise AssertionError("a process outlived the one that started it")


def open_files(process: psutil.Process) -> list[str]:
    try:
        return [file.path for file in process.open_files()] if process.pid != os.getpid() else []
    except psutil.Error:
        return []  # it has ended, or is somebody else's


def test_a_second_interruption_kills_what_does_not_end(tmp_path):
    cells = plan_of(tmp_path, SLOW.replace("doings:slow", "doings:stubborn")).cells

    def interrupt(number, frame):
        raise KeyboardInterrupt

    def deaf() -> bool:
        return (cells[0].folder / "deaf").exists()

    class StopOnceDeaf:
        def __call__(self) -> bool:
            if deaf():
                signal.setitimer(signal.ITIMER_REAL, 0.3)  # the second Ctrl-C, while it waits for an orderly end
            return deaf()

    previous = signal.signal(signal.SIGALRM, interrupt)
    began = time.monotonic()
    try:
        with pytest.raises(KeyboardInterrupt):
            run_cells(cells[:1], 1, Silent(), StopOnceDeaf())
    finally:
        signal.signal(signal.SIGALRM, previous)
    assert time.monotonic() - began < 50
    wait_for_orphans(tmp_path)


def test_each_cell_computes_with_its_worlds_threads(tmp_path):
    with_threads = EXPERIMENT.replace("doings:note", "doings:threads").replace(
        "first: {", "first: {set: {host.threads: 3}, "
    )
    cells = plan_of(tmp_path, with_threads.replace("[1, 2, 3]", "[1]")).cells
    run_cells([cell for cell in cells if cell.arm == "first"], 1, Silent())
    assert json.loads((cells[0].folder / "result.json").read_text())["values"] == {"number": 3, "told": "3"}
    assert os.environ.get("OMP_NUM_THREADS") != "3"


def test_a_cell_finds_its_libraries_imported_todays_environment_and_nothing_of_the_cells_before_it(
    tmp_path, monkeypatch
):
    cells = plan_of(tmp_path, EXPERIMENT.replace("doings:note", "doings:born").replace("[1, 2, 3]", "[1, 2]")).cells
    for air, cell in zip(("clear", "thick"), [cell for cell in cells if cell.arm == "first"], strict=True):
        monkeypatch.setenv("AIR", air)
        run_cells([cell], 1, Silent())
        values = json.loads((cell.folder / "result.json").read_text())["values"]
        assert values == {"ready": sys.platform.startswith("linux"), "left": False, "air": air}


def test_a_cell_is_the_same_cell_whether_or_not_its_world_holds_exams_and_its_world_still_holds_them(tmp_path):
    cell = plan_of(tmp_path).cells[0]
    record = cell.world.record.model_copy(update={"portfolio_every": 7})
    examined = replace(cell, world=cell.world.model_copy(update={"record": record}))
    assert examined.digest == cell.digest
    assert examined._essence()["world"]["record"]["portfolio_every"] == 7
    other = replace(cell, world=cell.world.model_copy(update={"generations": cell.world.generations + 1}))
    assert other.digest != cell.digest

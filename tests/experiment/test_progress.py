"""How an experiment comes along: who has begun, how far they are, what is left."""

import io

import pytest
from rich.console import Console
from small_experiments import write_experiment

from evolora.cli.cell_lines import CellLines, roughly
from evolora.experiment.file import load_experiment
from evolora.experiment.plan import make_plan
from evolora.experiment.progress import how_far


@pytest.fixture
def plan(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    return make_plan(load_experiment(write_experiment(tmp_path)), tmp_path / "out")


def live_to(cell, generation: int) -> None:
    run = cell.folder / "run"
    run.mkdir(parents=True, exist_ok=True)
    (run / "metrics.jsonl").write_text("{}\n" * generation)
    (run / "world.yaml").write_text("name: some\ngenerations: 7\nniches: []\n")


def test_how_far_a_cell_is_follows_from_its_run(plan):
    cell = plan.cells[0]
    assert how_far(cell) is None, "nothing lives in it, or not yet"
    live_to(cell, 2)
    assert how_far(cell) == "generation 2 of 7", "as the run's world has it: a fork goes on beyond its cell's"
    live_to(cell, 7)
    assert how_far(cell) == "lived"
    (cell.folder / "run" / "metrics.jsonl").unlink()
    assert how_far(cell) is None, "thrown away in this moment"


def test_a_log_file_is_told_when_each_cell_begins_and_ends(plan):
    file = io.StringIO()
    cell = plan.cells[0]
    with CellLines(plan, 1, Console(file=file, width=60)) as lines:
        lines.started(cell)
        lines.running([(cell, 700.0)])
        lines.finished(cell, 700.0)
        lines.failed(plan.cells[1], "it is tired")
    begun, ended, failed = file.getvalue().splitlines()
    assert begun == f"{cell.name}: begun"
    assert ended == f"[1/{len(plan.cells)}] {cell.name}: finished in 12 min"
    assert failed.startswith(f"[2/{len(plan.cells)}] {plan.cells[1].name}: failed: it is tired (log: ")


def test_a_terminal_shows_who_is_at_work(plan):
    file = io.StringIO()
    first, second = plan.cells[:2]
    live_to(first, 1)
    with CellLines(plan, 1, Console(file=file, width=200, force_terminal=True)) as lines:
        lines.started(first)
        lines.running([(first, 130.0), (second, 7.0)])
    shown = file.getvalue()
    assert f"{first.name} (generation 1 of 7, 2 min); {second.name} (7 s)" in shown
    assert "begun" not in shown


@pytest.mark.parametrize(("seconds", "text"), [(7.4, "7 s"), (99, "99 s"), (100, "2 min"), (9000, "2.5 h")])
def test_times_are_told_roughly(seconds, text):
    assert roughly(seconds) == text

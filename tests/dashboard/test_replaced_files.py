"""Files that are written whole, some after a run's end: who looks at a run notices that they are others."""

import json
import os
from pathlib import Path

import pytest
import yaml
from synthetic import write_run

from evolora.dashboard.book import Book
from evolora.dashboard.figures import draw_panel
from evolora.record.run_data import RunData


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return write_run(tmp_path / "run", generations=6, capacity=8)


def replace(path: Path, text: str) -> None:
    """As a run does it: by a rename, here with a time of its own, as clocks of file systems may be coarse."""
    path.with_suffix(".new").write_text(text)
    os.replace(path.with_suffix(".new"), path)


def test_a_run_that_goes_on_for_longer_is_no_finished_one(run: Path) -> None:
    book = Book(run, "run")
    world = yaml.safe_load((run / "world.yaml").read_text())
    assert world["generations"] == 6 and book.overview()["state"] == "finished"
    replace(run / "world.yaml", yaml.safe_dump({**world, "generations": 60}))
    overview = book.overview()
    assert (overview["planned"], overview["last"], overview["state"]) == (60, 6, "running")


def test_settings_are_read_again_only_when_they_are_others(run: Path) -> None:
    data = RunData.open(run)
    world, record = data.world, data.run
    assert not data.refresh() and data.world is world
    replace(run / "run.json", json.dumps({**record, "seed": 77}))
    assert data.refresh() and data.seed == 77
    assert not data.refresh()


def test_held_out_scores_that_come_after_the_end_are_drawn(run: Path) -> None:
    book = Book(run, "run")
    before = draw_panel(book, "held-out", None, "light")
    assert draw_panel(book, "held-out", None, "light") is before
    found = json.loads((run / "holdout.json").read_text())
    replace(run / "holdout.json", json.dumps({**found, "final": found["founders"]}))
    after = json.loads(draw_panel(book, "held-out", None, "light"))["data"]
    founders, final = (next(bars for bars in after if bars["name"].startswith(name)) for name in ("founders", "final"))
    assert founders["y"] == final["y"] and json.loads(before)["data"] != after

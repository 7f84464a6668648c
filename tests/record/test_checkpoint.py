"""Checkpoints on disk: what is safe before they are there, and which is the last."""

import os

import pytest
from hostless import make_world

from evolora.record.checkpoint import checkpoints, load_checkpoint, save_checkpoint


def test_logs_are_on_the_disk_before_a_checkpoint_that_counts_on_them(tmp_path, monkeypatch):
    world, _ = make_world(1)
    for log in ("metrics.jsonl", "lives.arrow", "unknown to it"):
        (tmp_path / log).write_text("row\n")
    names = {path.stat().st_ino: path.name for path in tmp_path.iterdir()}
    done: list[str] = []
    fsync, replace = os.fsync, os.replace

    def synced(handle):
        done.append(names.get(os.fstat(handle).st_ino, "other"))
        fsync(handle)

    def renamed(*paths):
        done.append("renamed")
        replace(*paths)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", renamed)
    sizes = {"metrics.jsonl": 4, "lives.arrow": 4, "portfolio.jsonl": 0}  # no exams yet: there is no such file
    saved = save_checkpoint(world, sizes, tmp_path, keep=2)
    before = done[: done.index("renamed")]
    assert {"metrics.jsonl", "lives.arrow"} <= set(before) and "unknown to it" not in done
    assert load_checkpoint(saved)[1] == sizes


@pytest.mark.parametrize("keep", [1, 2])
def test_the_last_checkpoints_are_those_of_the_highest_generations(tmp_path, keep):
    world, _ = make_world(1)
    for generation in (999_998, 999_999, 1_000_000, 1_000_001):
        world.generation = generation
        save_checkpoint(world, {}, tmp_path, keep)
    assert [load_checkpoint(path)[0].generation for path in checkpoints(tmp_path)] == [1_000_000, 1_000_001][-keep:]

"""Runs compared with their own founders on held-out tasks."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from evolora.blueprint import build_rules
from evolora.build import build_evaluator, check_host
from evolora.config.load import load_world
from evolora.errors import RunFolderError
from evolora.portfolio.holdout import holdout_scores
from evolora.portfolio.statistics import PairedEffect, paired_effect
from evolora.record.checkpoint import FOUNDERS, checkpoints, load_checkpoint
from evolora.record.run_dir import RunDir, write_atomically
from evolora.rng import stream

Scores = NDArray[np.float64]


@dataclass(frozen=True)
class RunScores:
    """Scores (niches, tasks) of one run: means over its founders and its final population, and of each niche's best
    organism, chosen on other tasks."""

    niches: tuple[str, ...]
    founders: Scores
    final: Scores
    best_founder: Scores
    best_final: Scores


def score_run(path: Path, num_tasks: int) -> RunScores:
    """Founders and last checkpoint of a run on the same held-out tasks; kept in the run folder as holdout.json.

    Raises:
        RunFolderError: no run, no founders' checkpoint, or a world that died out.
    """
    run_dir = RunDir.open(path)
    config = load_world(str(path / "world.yaml"))
    saved = checkpoints(path)
    if not saved or saved[0].name != FOUNDERS:
        raise RunFolderError(
            f"{path}: expected the founders' checkpoint {FOUNDERS}, got none; simulate the world again"
        )
    rules, evaluator = build_rules(config), build_evaluator(config)
    check_host(run_dir, evaluator.host.digest)
    both = []
    for checkpoint in (saved[0], saved[-1]):
        world, _ = load_checkpoint(checkpoint)
        if len(world.population) == 0:
            raise RunFolderError(
                f"{path}: expected a living population in {checkpoint.name}, got none; the world died out"
            )
        both.append(holdout_scores(world.population, rules.niches, rules.tasks, num_tasks, evaluator))
    founders, final = both
    scores = RunScores(
        founders.niches, founders.by_task(), final.by_task(), founders.best_by_task(), final.best_by_task()
    )
    rows = {
        name: value.round(6).tolist() if isinstance(value, np.ndarray) else list(value)
        for name, value in vars(scores).items()
    }
    write_atomically(
        path / "holdout.json",
        json.dumps({"generation": world.generation, "seed": config.seed, **rows}) + "\n",
    )
    return scores


def check_replicates(paths: Sequence[Path]) -> None:
    """Refuse to pool runs that are no replicates of each other: another world, or a seed twice.

    Raises:
        RunFolderError: naming the first that does not fit.
    """
    worlds: dict[str, Path] = {}
    seeds: dict[int, Path] = {}
    for path in paths:
        RunDir.open(path)
        config = load_world(str(path / "world.yaml"))
        host = config.host.model_copy(update={"threads": None, "device": "auto"})
        same = config.model_copy(update={"seed": 0, "workers": 0, "host": host, "record": type(config.record)()})
        worlds.setdefault(same.model_dump_json(), path)
        if len(worlds) > 1:
            first = next(iter(worlds.values()))
            raise RunFolderError(
                f"{path}: expected a replicate of the world of {first}, got another world; evaluate them one by one "
                f"(`evolora world diff {first / 'world.yaml'} {path / 'world.yaml'}` says what differs)"
            )
        if config.seed in seeds:
            raise RunFolderError(
                f"{path}: expected runs of different seeds, got {config.seed} again, as in {seeds[config.seed]}; "
                "leave one out"
            )
        seeds[config.seed] = path


def compare_runs(runs: Sequence[RunScores]) -> dict[str, PairedEffect]:
    """Final against founders, paired by task and pooled over runs: the population's mean, and each niche's best."""
    return {
        "population mean": paired_effect(
            [r.founders for r in runs], [r.final for r in runs], stream(0, "bootstrap", "mean")
        ),
        "best organism per niche": paired_effect(
            [r.best_founder for r in runs], [r.best_final for r in runs], stream(0, "bootstrap", "best")
        ),
    }

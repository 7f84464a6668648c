"""A run taken up again under other rules: the same organisms, energies, memories and books, another world."""

import os
import shutil
from pathlib import Path

from evolora.config.load import dump_world, load_world
from evolora.config.world import WorldConfig
from evolora.errors import ConfigError, RunFolderError
from evolora.record.checkpoint import checkpoints, load_checkpoint
from evolora.record.run_dir import RunDir, write_atomically

LEFT_BEHIND = ("encounters", "elites", "holdout.json", "report.html")  # what is about the old run's own end


def fork_run(source: Path, target: Path, world: WorldConfig, generations: int) -> int:
    """Copy a run to `target`, to be resumed there for `generations` more in `world`; its generation so far.

    The record before the fork is the old run's. Settings of niches, energies, death and so on may differ; host, adapted
    sites and names of niches may not.

    Raises:
        RunFolderError: `source` is no run with a checkpoint.
        ConfigError: the worlds do not go together.
    """
    RunDir.open(source)
    saved = checkpoints(source)
    if not saved:
        raise RunFolderError(f"{source}: expected a checkpoint to go on from, got none; live the run again")
    _refuse_strange(load_world(str(source / "world.yaml")), world)
    generation = load_checkpoint(saved[-1])[0].generation
    config = world.model_copy(update={"generations": generation + generations})
    aside = target.with_name(f".{target.name}.tmp")
    if aside.exists():
        shutil.rmtree(aside)
    shutil.copytree(source, aside, ignore=shutil.ignore_patterns(*LEFT_BEHIND))
    (aside / "encounters").mkdir()
    write_atomically(aside / "world.yaml", dump_world(config))
    os.replace(aside, target)
    return generation


def _refuse_strange(old: WorldConfig, new: WorldConfig) -> None:
    """Refuse a world that the organisms of the old one cannot live in."""
    niches = [[niche.name or niche.family for niche in world.niches] for world in (old, new)]
    same = {
        "host.name": (old.host.name, new.host.name),
        "genome": (old.genome, new.genome),
        "niches": (niches[0], niches[1]),
        "seed": (old.seed, new.seed),
    }
    problems = [
        f"{key}: expected the old run's ({before}) to go on from it, got {after}"
        for key, (before, after) in same.items()
        if before != after
    ]
    if problems:
        raise ConfigError(problems)

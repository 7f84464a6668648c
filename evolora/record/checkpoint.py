"""Checkpoints: a world's whole state as safetensors and JSON, written aside and renamed into place."""

import json
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from evolora.environment.difficulty import Track
from evolora.errors import RunFolderError
from evolora.history import History
from evolora.lifecycle.colony import Colonies
from evolora.lifecycle.ledger import Ledger
from evolora.organism.population import Population
from evolora.record.archive_state import WEIGHTS as ARCHIVE_WEIGHTS
from evolora.record.archive_state import describe_archive, restore_archive
from evolora.record.organism_state import describe, restore
from evolora.world import World

PREFIX = "checkpoint-"
NAME = re.compile(rf"{PREFIX}\d{{6,}}")
FOUNDERS = f"{PREFIX}000000"  # kept for ever: what the final population is compared with


def save_checkpoint(world: World, log_sizes: Mapping[str, int], folder: Path, keep: int) -> Path:
    """Write `checkpoint-GENERATION` and drop all but the founders' and the last `keep`.

    Everything is written to a hidden folder first, synced, then renamed: a crash leaves the old checkpoints whole. The
    logs in `folder` are synced before: a checkpoint that outlives a power cut finds in them what it counts on.
    """
    for log in log_sizes:
        if (folder / log).exists():  # exams are not held everywhere
            _sync(folder / log)
    target = folder / f"{PREFIX}{world.generation:06d}"
    aside = folder / f".{target.name}.tmp"
    if aside.exists():
        shutil.rmtree(aside)
    aside.mkdir()
    try:
        tensors: dict[str, Tensor] = {}
        organisms = [describe(organism, tensors, str(organism.id)) for organism in world.population]
        save_file(tensors, aside / "weights.safetensors")
        state = {
            "generation": world.generation,
            "next_id": world.population.next_id,
            "ledger": world.ledger.to_dict(),
            "history": world.history.to_dict(),
            "log_sizes": dict(log_sizes),
            "organisms": organisms,
            "tracks": {name: asdict(track) for name, track in world.tracks.items()},
            "colonies": world.colonies.to_dict(),
        }
        if world.archive is not None:
            archived: dict[str, Tensor] = {}
            state["archive"] = describe_archive(world.archive, archived)
            save_file(archived, aside / ARCHIVE_WEIGHTS)
        (aside / "state.json").write_text(json.dumps(state, sort_keys=True, allow_nan=False), encoding="utf-8")
        for path in (*aside.iterdir(), aside):
            _sync(path)
        if target.exists():  # left by a run that was cut off after it and resumed from an earlier one
            shutil.rmtree(target)
        os.replace(aside, target)
        _sync(folder)
    except SafetensorError as error:  # its writer reports a full disk as its own kind of error
        shutil.rmtree(aside, ignore_errors=True)
        raise OSError(str(error)) from error
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise
    for old in [path for path in checkpoints(folder) if path.name != FOUNDERS][:-keep]:
        shutil.rmtree(old)
    return target


def checkpoints(folder: Path) -> list[Path]:
    """Whole checkpoints of a run, oldest first."""
    named = (path for path in folder.glob(f"{PREFIX}*") if NAME.fullmatch(path.name))  # not a copy by another name
    whole = [path for path in named if (path / "state.json").is_file()]
    return sorted(whole, key=lambda path: int(path.name.removeprefix(PREFIX)))  # by name, the millionth comes too early


def load_checkpoint(path: Path) -> tuple[World, dict[str, int]]:
    """The world of a checkpoint, and the sizes its run's logs had.

    Raises:
        RunFolderError: the files are missing, damaged or do not belong together.
    """
    try:
        state = json.loads((path / "state.json").read_text(encoding="utf-8"))
        tensors = load_file(path / "weights.safetensors")
        organisms = [restore(row, tensors, str(row["id"])) for row in state["organisms"]]
        population = Population(organisms, state["next_id"])
        tracks = {name: _track(row) for name, row in state["tracks"].items()}
        ledger, history = Ledger.from_dict(state["ledger"]), History.from_dict(state["history"])
        colonies = Colonies.from_dict(state["colonies"])
        archive = None
        if "archive" in state:
            archive = restore_archive(state["archive"], load_file(path / ARCHIVE_WEIGHTS))
        world = World(int(state["generation"]), population, ledger, history, tracks, colonies, archive)
        return world, {str(log): int(size) for log, size in state["log_sizes"].items()}
    except (
        OSError,
        SafetensorError,
        KeyError,
        TypeError,
        ValueError,
        AttributeError,
        IndexError,
        RecursionError,
    ) as error:
        raise RunFolderError(
            f"{path}: expected a whole checkpoint, got {type(error).__name__}: {error}; "
            f"remove it to resume from an earlier one"
        ) from error


def _track(row: Mapping[str, Any]) -> Track:
    return Track(row["level"], row["success"], row["stayed"], tuple(row["short"]), tuple(row["long"]))


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

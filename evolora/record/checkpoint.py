"""Checkpoints: a world's whole state as safetensors and JSON, written aside and renamed into place."""

import json
import os
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
from evolora.organism.genome import Factors, Genome, OptimizerState
from evolora.organism.organism import Organism
from evolora.organism.population import Population
from evolora.organism.traits import Traits
from evolora.world import World

PREFIX = "checkpoint-"
FOUNDERS = f"{PREFIX}000000"  # kept for ever: what the final population is compared with


def save_checkpoint(world: World, log_sizes: Mapping[str, int], folder: Path, keep: int) -> Path:
    """Write `checkpoint-GENERATION` and drop all but the founders' and the last `keep`.

    Everything is written to a hidden folder first, synced, then renamed: a crash leaves the old checkpoints whole.
    """
    target = folder / f"{PREFIX}{world.generation:06d}"
    aside = folder / f".{target.name}.tmp"
    if aside.exists():
        shutil.rmtree(aside)
    aside.mkdir()
    try:
        tensors: dict[str, Tensor] = {}
        organisms = [_describe(organism, tensors) for organism in world.population]
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
    return sorted(path for path in folder.glob(f"{PREFIX}*") if (path / "state.json").is_file())


def load_checkpoint(path: Path) -> tuple[World, dict[str, int]]:
    """The world of a checkpoint, and the sizes its run's logs had.

    Raises:
        RunFolderError: the files are missing, damaged or do not belong together.
    """
    try:
        state = json.loads((path / "state.json").read_text(encoding="utf-8"))
        tensors = load_file(path / "weights.safetensors")
        organisms = [_restore(row, tensors) for row in state["organisms"]]
        population = Population(organisms, state["next_id"])
        tracks = {name: _track(row) for name, row in state["tracks"].items()}
        ledger, history = Ledger.from_dict(state["ledger"]), History.from_dict(state["history"])
        colonies = Colonies.from_dict(state["colonies"])
        world = World(state["generation"], population, ledger, history, tracks, colonies)
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise RunFolderError(
            f"{path}: expected a whole checkpoint, got {type(error).__name__}: {error}; "
            f"remove it to resume from an earlier one"
        ) from error
    return world, {str(log): int(size) for log, size in state["log_sizes"].items()}


def _describe(organism: Organism, tensors: dict[str, Tensor]) -> dict[str, Any]:
    """JSON-able fields of an organism; its tensors go to `tensors` under organism/part/site/factor.

    `sites` keeps each part's order of sites: operators draw in that order, so a resumed run must have it.
    """
    parts = {"genome": organism.genome.factors}
    if organism.learnt is not None:
        parts["learnt"] = organism.learnt.factors
    if organism.optimizer is not None:
        parts |= {"first": organism.optimizer.first, "second": organism.optimizer.second}
    for part, factors in parts.items():
        for site, own in factors.items():
            tensors[f"{organism.id}/{part}/{site}/a"] = own.a.clone()  # kin may share memory; safetensors refuses that
            tensors[f"{organism.id}/{part}/{site}/b"] = own.b.clone()
    return {
        "id": organism.id,
        "kind": organism.kind,
        "parents": list(organism.parents),
        "lineage": organism.lineage,
        "born": organism.born,
        "children": organism.children,
        "profit": organism.profit,
        "competence": organism.competence,
        "practice": organism.practice,
        "scaling": organism.genome.scaling,
        "traits": asdict(organism.genome.traits),
        "learnt_traits": None if organism.learnt is None else asdict(organism.learnt.traits),
        "optimizer_step": None if organism.optimizer is None else organism.optimizer.step,
        "sites": {part: list(factors) for part, factors in parts.items()},
    }


def _restore(row: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Organism:
    identity = row["id"]
    parts = {
        part: {
            site: Factors(tensors[f"{identity}/{part}/{site}/a"], tensors[f"{identity}/{part}/{site}/b"])
            for site in sites
        }
        for part, sites in row["sites"].items()
    }
    learnt = optimizer = None
    if row["learnt_traits"] is not None:
        learnt = Genome(parts["learnt"], Traits(**row["learnt_traits"]), row["scaling"])
    if row["optimizer_step"] is not None:
        optimizer = OptimizerState(row["optimizer_step"], parts["first"], parts["second"])
    return Organism(
        id=identity,
        genome=Genome(parts["genome"], Traits(**row["traits"]), row["scaling"]),
        kind=row["kind"],
        parents=tuple(row["parents"]),
        lineage=row["lineage"],
        born=row["born"],
        learnt=learnt,
        optimizer=optimizer,
        profit=row["profit"],
        competence=row["competence"],
        practice={niche: (tasks, mean) for niche, (tasks, mean) in row["practice"].items()},
        children=row["children"],
    )


def _track(row: Mapping[str, Any]) -> Track:
    return Track(row["level"], row["success"], row["stayed"], tuple(row["short"]), tuple(row["long"]))


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

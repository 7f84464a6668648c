"""The organisms of a run's last checkpoint, with names that never mean another organism's weights."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evolora.errors import RunFolderError
from evolora.lifecycle.archive import Elite
from evolora.organism.genome import Genome
from evolora.organism.organism import Organism
from evolora.record.checkpoint import checkpoints, load_checkpoint
from evolora.record.run_dir import EVENTS, RunDir
from evolora.world import World

_DIGITS = 12  # of the weights' digest in a name: 48 bits


def merit(organism: Organism) -> float:
    """Sum of its smoothed scores over niches; a niche never visited counts 0."""
    return sum(organism.competence.values())


def weights_digest(genome: Genome) -> str:
    """SHA-256 of what a genome computes with: its sites, their factors in float32, and the scaling."""
    digest = hashlib.sha256(f"scaling {genome.scaling!r}\n".encode())
    for site in sorted(genome.factors):
        for half, tensor in (("a", genome.factors[site].a), ("b", genome.factors[site].b)):
            digest.update(f"{site} {half} {tuple(tensor.shape)}\n".encode())
            digest.update(tensor.detach().float().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


@dataclass(frozen=True, eq=False)
class Resident:
    """One organism of a run. `digest` is of its active weights; `name` joins run, id and digest.

    An organism that learns on has another digest, and so another name: servers that cache by name (vLLM's prefix
    cache does) never mix the keys and values of two sets of weights.
    """

    organism: Organism
    name: str
    digest: str

    @property
    def id(self) -> int:
        return self.organism.id


@dataclass(frozen=True, eq=False)
class Residents:
    """Who lives in a run after `generation`, best first (by `merit`, then by id); `run` is its run.json.

    Organisms whose weights are not finite are left out: nobody can use them. They are in `world`, the whole state.
    """

    path: Path
    generation: int
    run: dict[str, Any]
    members: tuple[Resident, ...]
    world: World

    def find(self, wanted: str) -> Resident:
        """The resident with an id (`42`, `organism-42`) or a full name.

        Raises:
            RunFolderError: nobody has it.
        """
        number = re.fullmatch(r"(?:organism-)?0*(\d{1,18})", wanted)
        for resident in self.members:
            if resident.name == wanted or (number is not None and resident.id == int(number[1])):
                return resident
        ids = ", ".join(str(identity) for identity in sorted(resident.id for resident in self.members)[:12])
        more = ", ..." if len(self.members) > 12 else ""
        raise RunFolderError(
            f"{self.path}: expected the id of an organism alive in generation {self.generation} ({ids}{more}), "
            f"got {wanted[:80]}"
        )


def open_residents(path: Path) -> Residents:
    """The organisms of a run's last checkpoint. No host is loaded.

    Raises:
        RunFolderError: no run, no whole checkpoint, or nobody alive.
    """
    run_dir = RunDir.open(path)
    saved = checkpoints(path)
    if not saved:
        raise RunFolderError(
            f"{path}: expected a checkpoint, got none; simulate the world again (a bundle brings no checkpoint: "
            "the organisms in it are PEFT adapters, in elites/ and portfolio/)"
        )
    world, _ = load_checkpoint(saved[-1])
    name = re.sub(r"[^A-Za-z0-9_-]", "_", path.resolve().name)
    members = []
    for organism in sorted(world.population, key=lambda organism: (-merit(organism), organism.id)):
        if organism.active.is_finite():
            digest = weights_digest(organism.active)
            members.append(Resident(organism, f"{name}-{organism.id:06d}-{digest[:_DIGITS]}", digest))
    if not members:
        raise RunFolderError(
            f"{path}: expected living organisms in {saved[-1].name}, got none; the world died out, choose another run"
        )
    return Residents(path, world.generation, run_dir.info(), tuple(members), world)


def open_archive(path: Path) -> list[Elite]:
    """The elites in the archive of a run's last checkpoint, by cell. No host is loaded.

    Raises:
        RunFolderError: no run, no whole checkpoint, no archive, or nobody in it.
    """
    RunDir.open(path)
    saved = checkpoints(path)
    if not saved:
        raise RunFolderError(f"{path}: expected a checkpoint, got none; simulate the world again")
    archive = load_checkpoint(saved[-1])[0].archive
    if archive is None or not archive.elites:
        got = "none" if archive is None else "an empty one"
        raise RunFolderError(
            f"{path}: expected an archive of elites in {saved[-1].name}, got {got}; "
            "set archive.enabled=true in the world, and let it live"
        )
    return archive.elites


def ancestry(path: Path, organism_id: int) -> list[dict[str, Any]]:
    """The births (rows of events.jsonl) of an organism and all its ancestors, youngest first."""
    births = {row["organism_id"]: row for row in RunDir.open(path).read(EVENTS) if row["event"] == "birth"}
    found: dict[int, dict[str, Any]] = {}
    waiting = [organism_id]
    while waiting:
        identity = waiting.pop()
        if identity in births and identity not in found:
            found[identity] = births[identity]
            waiting += births[identity]["parents"]
    return [found[identity] for identity in sorted(found, reverse=True)]  # ids are given out in order of birth


def first_line(births: Sequence[dict[str, Any]], organism_id: int) -> list[int]:
    """Ids from an organism back to its founder, each the first parent of the one before."""
    by_id = {row["organism_id"]: row for row in births}
    line = [organism_id]
    while line[-1] in by_id and by_id[line[-1]]["parents"]:
        line.append(by_id[line[-1]]["parents"][0])
    return line

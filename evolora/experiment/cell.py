"""A cell: one arm with one seed. What it is, where it lies, whether it is done."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from pydantic import JsonValue

from evolora import __version__
from evolora.config.world import WorldConfig
from evolora.errors import RunFolderError
from evolora.experiment.code import CODE
from evolora.experiment.file import Arm, Experiment
from evolora.record.run_dir import to_json, write_atomically

CELLS = "cells"
RESULT, FAILURE, SPEC, LOG = "result.json", "failure.json", "cell.json", "log.txt"
EXAMS = ("portfolio_every", "portfolio")  # settings of record
State = Literal["finished", "changed", "failed", "begun", "missing"]


@dataclass(frozen=True)
class Finished:
    """A cell that is done: its folder and the values its procedure returned."""

    folder: Path
    values: Mapping[str, JsonValue]


@dataclass(frozen=True)
class Cell:
    """One arm with one seed. `digest` is of all that a user sets, its siblings' digests included."""

    arm: str
    seed: int
    procedure: str
    params: Mapping[str, JsonValue]
    world: WorldConfig
    after: Mapping[str, str]  # name of a sibling arm -> digest of its cell
    folder: Path

    @property
    def name(self) -> str:
        """`arm, seed N`, as people read it."""
        return f"{self.arm}, seed {self.seed}"

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the arm's name, world, procedure and params, the siblings' digests and Evolora's version: not of
        its code, which the result names, so that a report can tell whether all cells were made by the same.

        The world's exams are left out: they look on, and no value follows from them.
        """
        essence = self._essence()
        for key in EXAMS:
            del essence["world"]["record"][key]
        return hashlib.sha256(to_json(essence).encode()).hexdigest()

    def sibling(self, arm: str) -> Finished:
        """The finished cell of the same seed of an arm that `after` names.

        Raises:
            RunFolderError: `after` does not name it, or it is not finished.
        """
        if arm not in self.after:
            named = ", ".join(self.after) or "none"
            raise RunFolderError(
                f"{self.name}: expected an arm named in its `after` ({named}), got {arm}; name it there"
            )
        folder = self.folder.parent.parent / arm / self.folder.name
        result = read_result(folder)
        if result is None or result["digest"] != self.after[arm]:
            raise RunFolderError(f"{folder}: expected the finished cell of {arm}, got none; run the experiment again")
        return Finished(folder, result["values"])

    def state(self) -> State:
        """Whether it is finished, or was with other settings, or failed, or was begun and broken off."""
        result = read_result(self.folder)
        if result is not None:
            return "finished" if result["digest"] == self.digest else "changed"
        failure = read_json(self.folder / FAILURE)
        if failure is not None and failure.get("digest") == self.digest:
            return "failed"
        return "begun" if (self.folder / SPEC).is_file() else "missing"

    def save_spec(self) -> None:
        """Write down what the cell is: what the process that does it reads."""
        spec = {"seed": self.seed, "digest": self.digest, **self._essence()}
        write_atomically(self.folder / SPEC, json.dumps(spec, indent=1, sort_keys=True, allow_nan=False) + "\n")

    def save_result(self, values: Mapping[str, JsonValue], seconds: float) -> None:
        """Write the result, which makes the cell a finished one. Raises `ValueError` for NaN and infinities."""
        which = {"arm": self.arm, "seed": self.seed, "digest": self.digest, "code": CODE}
        result = {**which, "seconds": round(seconds, 3)}
        write_atomically(self.folder / RESULT, to_json({**result, "values": dict(values)}) + "\n")

    def _essence(self) -> dict[str, Any]:
        return {
            "arm": self.arm,
            "procedure": self.procedure,
            "params": dict(self.params),
            "world": self.world.model_dump(mode="json"),
            "after": dict(self.after),
            "evolora": __version__,
        }


def load_cell(folder: Path) -> Cell:
    """The cell whose spec lies in a folder.

    Raises:
        RunFolderError: there is none, or it is damaged, or another version of Evolora wrote it.
    """
    spec = read_json(folder / SPEC)
    if spec is None:
        raise RunFolderError(f"{folder / SPEC}: expected what a cell is, got no such file or a damaged one")
    if spec["evolora"] != __version__:
        raise RunFolderError(
            f"{folder / SPEC}: expected a cell of Evolora {__version__}, which is here, got one of {spec['evolora']}; "
            "install the same version on all machines"
        )
    world = WorldConfig.model_validate(spec["world"])
    return Cell(spec["arm"], spec["seed"], spec["procedure"], spec["params"], world, spec["after"], folder)


def make_cells(experiment: Experiment, out: Path) -> list[Cell]:
    """All cells, seed by seed, each behind those it waits for."""
    arms = {arm.name: arm for arm in experiment.arms}
    cells: list[Cell] = []
    for seed in experiment.seeds:
        digests: dict[str, str] = {}
        for name in experiment.order:
            cell = _make_cell(arms[name], seed, digests, out / CELLS / name / f"seed-{seed}")
            digests[name] = cell.digest
            cells.append(cell)
    return cells


def _make_cell(arm: Arm, seed: int, digests: Mapping[str, str], folder: Path) -> Cell:
    world = arm.world.model_copy(update={"seed": seed})
    after = {name: digests[name] for name in arm.after}
    return Cell(arm.name, seed, arm.procedure, arm.params, world, after, folder)


def read_result(folder: Path) -> dict[str, Any] | None:
    """What result.json holds; None where there is none, or it is not whole."""
    result = read_json(folder / RESULT)
    return result if result is not None and {"digest", "values", "seconds"} <= result.keys() else None


def read_json(path: Path) -> dict[str, Any] | None:
    """The JSON object in a file; None where there is no file, or no object in it."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def ready(cell: Cell, done: Sequence[str]) -> bool:
    """Whether all that a cell waits for is among the digests `done`."""
    return set(cell.after.values()) <= set(done)

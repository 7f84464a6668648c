"""What an experiment has to do: its cells, which are done, and how long the rest will take."""

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evolora.experiment.cell import EXAMS, Cell, State, make_cells, read_result
from evolora.experiment.file import Arm, Experiment
from evolora.experiment.places import threads_of
from evolora.record.run_dir import to_json

DEFAULT_OUT = Path("checkpoints") / "experiments"


@dataclass(frozen=True)
class Plan:
    """An experiment's cells with their states; `seconds` are those of the finished ones, by place in `cells`; `code`
    are the versions of the code that made these (empty: one that did not say)."""

    experiment: Experiment
    out: Path
    cells: tuple[Cell, ...]
    states: tuple[State, ...]
    seconds: tuple[float | None, ...]
    code: tuple[str, ...]

    @property
    def design(self) -> str:
        """SHA-256 of the arms and the analysis: what another run has in common that differs in its seeds alone."""
        return hashlib.sha256(
            to_json(
                {"arms": [_design(arm) for arm in self.experiment.arms], "analysis": self.experiment.analysis}
            ).encode()
        ).hexdigest()

    def count(self, *states: State) -> int:
        """How many cells are in one of these states."""
        return sum(state in states for state in self.states)

    def seconds_of(self, arm: str) -> float | None:
        """Mean time of an arm's finished cells; None where none is."""
        known = [s for cell, s in zip(self.cells, self.seconds, strict=True) if cell.arm == arm and s is not None]
        return sum(known) / len(known) if known else None

    def seconds_left(self, jobs: int) -> float | None:
        """Time that the cells not finished will take, by the finished ones of their arm, else of all arms.

        None where none is finished. Cells that wait for each other are taken to find company.
        """
        known = [seconds for seconds in self.seconds if seconds is not None]
        if not known:
            return None
        mean = sum(known) / len(known)
        arms = {cell.arm: self.seconds_of(cell.arm) for cell in self.cells}
        left = [cell.arm for cell, state in zip(self.cells, self.states, strict=True) if state != "finished"]
        return sum(mean if (own := arms[arm]) is None else own for arm in left) / jobs


def _design(arm: Arm) -> Mapping[str, Any]:
    """What an arm is, but for seeds and for exams, which look on."""
    world = arm.world.model_dump(mode="json", exclude={"seed": True, "record": set(EXAMS)})
    return {"arm": arm.name, "procedure": arm.procedure, "params": dict(arm.params), "world": world}


def default_out(experiment: Experiment) -> Path:
    """Where an experiment's cells lie if nobody says."""
    return DEFAULT_OUT / "-".join(part for part in (experiment.name, experiment.variant) if part)


def make_plan(experiment: Experiment, out: Path | None = None) -> Plan:
    """The cells of an experiment, and what is done of them in its folder."""
    folder = (default_out(experiment) if out is None else out).absolute()
    cells = make_cells(experiment, folder)
    states = [cell.state() for cell in cells]
    results = [
        read_result(cell.folder) if state == "finished" else None for cell, state in zip(cells, states, strict=True)
    ]
    seconds = [None if result is None else float(result["seconds"]) for result in results]
    code = sorted({str(result.get("code", "")) for result in results if result is not None})
    return Plan(experiment, folder, tuple(cells), tuple(states), tuple(seconds), tuple(code))


def default_jobs(cells: Sequence[Cell]) -> int:
    """As many cells at once as this process may use cores, by the threads of the hungriest."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, cores // max((threads_of(cell) for cell in cells), default=1))

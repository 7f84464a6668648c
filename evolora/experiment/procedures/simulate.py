"""`simulate`: live the cell's world, and say in numbers what became of it."""

import shutil
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Literal

from pydantic import Field, JsonValue, field_validator

from evolora.config.section import Count, Section
from evolora.config.world import WorldConfig
from evolora.experiment.cell import Cell
from evolora.experiment.chance import chance_values
from evolora.experiment.measurements import describe
from evolora.experiment.registry import procedure
from evolora.stopping import OrderlyStop

RUN = "run"
ENCOUNTERS = "encounters"


class SimulateParams(Section):
    """Params of `simulate`."""

    latest: Count = Field(10, description="Generations at the end that `tail` is the mean of.")
    series: list[str] = Field([], description="Numbers kept for every generation, as metrics.jsonl calls them.")
    held_out: int = Field(
        0,
        ge=0,
        description="Held-out tasks of each niche for founders and final population, 2 or more; 0: none.",
    )
    keep: Literal["all", "lean", "nothing"] = Field(
        "lean", description="What stays of the run folder; lean: all but every single answer (encounters/)."
    )

    @field_validator("held_out")
    @classmethod
    def _halved(cls, held_out: int) -> int:
        if held_out == 1:
            raise ValueError("expected 0, or at least 2 (the best organism is chosen by one half of them), got 1")
        return held_out


@procedure("simulate", SimulateParams)
def simulate(cell: Cell, folder: Path) -> Mapping[str, JsonValue]:
    """Live the world into `folder/run`.

    Values: those of `measurements.describe`, `end`, `chance` (`chance.chance_values`) and `held_out`.

    Interrupted, it saves the run and goes on with it the next time.
    """
    params = SimulateParams.model_validate(cell.params)
    run = folder / RUN
    end = live(cell.world, run)
    values = numbers_of(run, params)
    thin_out(run, params.keep)
    return {"end": end, **values}


def live(world: WorldConfig, run: Path) -> str:
    """Live a world into a run folder, or go on with what is there; how it ended.

    Raises:
        KeyboardInterrupt: somebody wants an end; the run is saved.
    """
    from evolora.build import open_run, resume_run
    from evolora.record.checkpoint import checkpoints

    resumable = bool(checkpoints(run))
    if run.exists() and not resumable:
        shutil.rmtree(run)  # broken off before its founders were saved
    simulation = resume_run(run) if resumable else open_run(world, run.parent, name=run.name)
    with closing(simulation), OrderlyStop() as stop:
        summary = simulation.run(should_stop=stop)
    if summary.end == "stopped":
        raise KeyboardInterrupt
    return summary.end


def numbers_of(run: Path, params: SimulateParams, after: int = 0) -> dict[str, JsonValue]:
    """What a run's metrics after a generation say, its last state, and, if asked for, held-out tasks."""
    from evolora.record.checkpoint import checkpoints, load_checkpoint
    from evolora.record.run_dir import METRICS, RunDir

    run_dir = RunDir.open(run)
    rows = [row for row in run_dir.read(METRICS) if row["generation"] > after]
    values = describe(rows, params.latest, params.series)
    world, _ = load_checkpoint(checkpoints(run)[-1])
    values["chance"] = chance_values(world.history, run_dir.info()["seed"])
    if params.held_out and len(world.population):
        values["held_out"] = held_out(run, params.held_out)
    return values


def held_out(run: Path, num_tasks: int) -> JsonValue:
    """Mean held-out scores of founders and final population, and by niche."""
    from evolora.portfolio.against_founders import score_run

    scores = score_run(run, num_tasks)
    return {
        part: {
            "mean": round(float(values.mean()), 6),
            "niches": {
                niche: round(float(mean), 6) for niche, mean in zip(scores.niches, values.mean(axis=1), strict=True)
            },
        }
        for part, values in vars(scores).items()
        if part != "niches"
    }


def thin_out(run: Path, keep: str) -> None:
    """Throw away what of a run folder is not to be kept."""
    if keep == "nothing":
        shutil.rmtree(run)
    elif keep == "lean" and (run / ENCOUNTERS).exists():
        shutil.rmtree(run / ENCOUNTERS)

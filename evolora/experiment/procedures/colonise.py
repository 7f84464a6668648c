"""`colonise`: live the cell's world of colonies, and see whether who joins one outlives loners like it."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import Field, JsonValue

from evolora.config.section import Count
from evolora.experiment.cell import Cell
from evolora.experiment.procedures.simulate import RUN, SimulateParams, live, numbers_of, thin_out
from evolora.experiment.registry import procedure
from evolora.experiment.survival import match_survival, summarise
from evolora.record.lives import read_lives
from evolora.record.run_dir import LIVES, METRICS, RunDir


class ColoniseParams(SimulateParams):
    """Params of `colonise`."""

    horizon: Count = Field(10, description="Generations for which who joins and its matches are followed.")


@procedure("colonise", ColoniseParams)
def colonise(cell: Cell, folder: Path) -> Mapping[str, JsonValue]:
    """Values: those of `simulate`, `survival` (`survival.summarise`) and `colony_books`, sums over the whole run."""
    params = ColoniseParams.model_validate(cell.params)
    run = folder / RUN
    end = live(cell.world, run)
    values = numbers_of(run, params)
    rows = [row["colonies"] for row in RunDir.open(run).read(METRICS) if "colonies" in row]
    survival = summarise(match_survival(read_lives(run / LIVES), params.horizon), params.horizon)
    thin_out(run, params.keep)
    return {"end": end, **values, "survival": survival, "colony_books": colony_books(rows)}


def colony_books(rows: list[Mapping[str, float | None]]) -> dict[str, JsonValue]:
    """Sums over all generations, as the row's `colonies` calls them: colonies begun and ended, members expelled, trials
    of newcomers and those passed."""
    names = ("births", "deaths", "expelled", "trials", "passed")
    return {name: round(sum(row[name] or 0.0 for row in rows)) for name in names}

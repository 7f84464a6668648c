"""`go_on`: the same evolved community, under the cell's own rules from now on."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import Field, JsonValue

from evolora.config.section import Count
from evolora.experiment.cell import Cell
from evolora.experiment.fork import fork_run
from evolora.experiment.procedures.simulate import RUN, SimulateParams, live, numbers_of, thin_out
from evolora.experiment.registry import procedure
from evolora.record.checkpoint import checkpoints


class GoOnParams(SimulateParams):
    """Params of `go_on`."""

    of: str = Field(description="The arm, named in `after`, whose final population lives on.")
    generations: Count = Field(description="For how many generations; the world's own number does not count.")


@procedure("go_on", GoOnParams)
def go_on(cell: Cell, folder: Path) -> Mapping[str, JsonValue]:
    """Live on from the last state of a sibling's run; the values are of the generations since, `before` of its last.

    Everything random follows from seed and generation: arms that differ in one setting draw the same luck.
    """
    params = GoOnParams.model_validate(cell.params)
    source, run = cell.sibling(params.of).folder / RUN, folder / RUN
    if not checkpoints(run):
        fork_run(source, run, cell.world, params.generations)
    end = live(cell.world, run)
    forked_at = int(checkpoints(source)[-1].name.rpartition("-")[2])
    values = numbers_of(run, params, after=forked_at)
    before = cell.sibling(params.of).values
    thin_out(run, params.keep)
    return {"end": end, "before": before["last"], **values}

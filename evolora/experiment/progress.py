"""How far a cell that is being done has come."""

import re

from evolora.experiment.cell import Cell
from evolora.experiment.procedures.simulate import RUN
from evolora.record.run_dir import METRICS

_WHOLE = re.compile(r"^generations: (\d+)$", re.MULTILINE)


def how_far(cell: Cell) -> str | None:
    """`generation 12 of 450` of a cell that lives a world, `lived` once that is over; None of any other."""
    run = cell.folder / RUN
    try:  # the cell's own process may throw its run away at any moment
        generations = (run / METRICS).read_bytes().count(b"\n")
        world = (run / "world.yaml").read_text(encoding="utf-8")  # not the cell's: a fork lives longer
    except OSError:
        return None
    whole = _WHOLE.search(world)
    if whole is None:
        return f"generation {generations}"
    return f"generation {generations} of {whole[1]}" if generations < int(whole[1]) else "lived"

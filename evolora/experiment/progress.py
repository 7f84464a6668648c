"""How far a cell that is being done has come."""

from evolora.experiment.cell import Cell
from evolora.experiment.procedures.simulate import RUN
from evolora.record.run_dir import METRICS


def how_far(cell: Cell) -> str | None:
    """`generation 12 of 450` of a cell that lives a world, `lived` once that is over; None of any other."""
    metrics = cell.folder / RUN / METRICS
    if not metrics.is_file():
        return None
    generations = metrics.read_bytes().count(b"\n")
    whole = cell.world.generations
    return f"generation {generations} of {whole}" if generations < whole else "lived, being examined"

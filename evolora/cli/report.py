"""`evolora report`: runs as one HTML file."""

from pathlib import Path
from typing import Annotated

import typer

from evolora.errors import RunFolderError

RUNS = typer.Argument(help="Run folders, running or finished; several come into one report.", show_default=False)
OUT = typer.Option(
    "-o", "--out", help="The file to write; several runs need one. (default: RUN/report.html)", show_default=False
)


def report(runs: Annotated[list[Path], RUNS], out: Annotated[Path | None, OUT] = None) -> None:
    """Write plots, numbers, the world and the methods of runs into one HTML file that works without a network."""
    from evolora.record.run_data import RunData
    from evolora.record.run_dir import write_atomically
    from evolora.viz.report import render

    if out is None and len(runs) > 1:
        raise RunFolderError(f"expected a file for the report of {len(runs)} runs, got none; add -o report.html")
    path = runs[0] / "report.html" if out is None else out
    opened = [RunData.open(run) for run in runs]
    page = render(opened)
    try:
        write_atomically(path, page)
    except OSError as error:
        raise RunFolderError(
            f"{path}: expected to write the report, got {error.strerror or error}; choose another file with -o"
        ) from error
    for run in opened:
        for problem in [*run.problems, *([f"{run.num_broken} damaged lines passed over"] if run.num_broken else [])]:
            typer.echo(f"note: {run.path}: {problem}", err=True)
    typer.echo(f"{path} ({len(page) / 1e6:.1f} MB)")

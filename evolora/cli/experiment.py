"""`evolora experiment`: plan, run, look at and report experiments out of files."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from evolora.experiment.cell import State
    from evolora.experiment.far import Far
    from evolora.experiment.findings import Findings, Table
    from evolora.experiment.plan import Plan
    from evolora.experiment.run import Tally

experiment_app = typer.Typer(
    help="Experiments out of files: arms times seeds, done once each, and what follows.", no_args_is_help=True
)
INTERRUPTED = 130  # what a shell reports for a command that Ctrl-C ended
FAILED = 1

File = Annotated[
    str,
    typer.Argument(help="An experiment file, a folder of them, or the name of one.", show_default=False),
]
Quick = Annotated[bool, typer.Option("--quick", help="As the file's `quick` section has it: minutes, no evidence.")]
Out = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Where cells and report lie; of several experiments, each in a folder of its name. "
        "(default: checkpoints/experiments/NAME)",
    ),
]
Seeds = Annotated[
    str | None,
    typer.Option(
        metavar="SEEDS",
        help="Replicate over these instead of the file's: 746-750, or 1,2,5. (default folder: NAME-seeds-SEEDS)",
        show_default=False,
    ),
]
Jobs = Annotated[int | None, typer.Option(min=1, help="Cells done at once. (default: cores by the threads of a cell)")]
RayAddress = Annotated[
    str | None,
    typer.Option(
        metavar="ADDR",
        help="Do the cells on the machines of a Ray cluster, as `ray start --head` names it; `auto`: the one here.",
        show_default=False,
    ),
]


@experiment_app.command("list")
def list_experiments() -> None:
    """Show the experiments in experiments/ here, and those that come with Evolora."""
    from rich.console import Console
    from rich.table import Column
    from rich.table import Table as Grid

    from evolora.experiment.file import known_experiments, load_experiment

    known = known_experiments()
    grid = Grid(Column("name", min_width=max(map(len, known), default=0)), "question", "cells")
    for name, path in known.items():
        experiment = load_experiment(path)
        grid.add_row(name, experiment.question, str(len(experiment.arms) * len(experiment.seeds)))
    Console(markup=False).print(grid)


@experiment_app.command("plan")
def plan(file: File, quick: Quick = False, seeds: Seeds = None, out: Out = None, jobs: Jobs = None) -> None:
    """Show the cells, what is finished of them, and what the rest will take."""
    from evolora.cli.cell_lines import roughly
    from evolora.experiment.plan import default_jobs

    for one in _plans(file, quick, seeds, out):
        at_once = jobs or default_jobs(one.cells)
        _show_states(one)
        typer.echo(f"folder: {one.out}")
        left = one.seconds_left(at_once)
        count = len(one.cells) - one.count("finished")
        unknown = f"unknown, no cell is finished; the head of {one.experiment.path} may tell"
        time = unknown if left is None else f"about {roughly(left)} with {at_once} at once"
        typer.echo(f"{count} of {len(one.cells)} cells to do: {time}\n")


@experiment_app.command("status")
def status(file: File, quick: Quick = False, seeds: Seeds = None, out: Out = None) -> None:
    """Show what is finished, how far what was begun has come, and why what failed did."""
    from evolora.experiment.cell import FAILURE, read_json
    from evolora.experiment.progress import how_far

    for one in _plans(file, quick, seeds, out):
        _show_states(one)
        for cell, state in zip(one.cells, one.states, strict=True):
            if state == "failed":
                typer.echo(f"{cell.name} failed: {(read_json(cell.folder / FAILURE) or {}).get('reason')}")
            if state == "begun" and (known := how_far(cell)) is not None:
                typer.echo(f"{cell.name}: {known}")


@experiment_app.command("run")
def run(
    file: File,
    quick: Quick = False,
    seeds: Seeds = None,
    jobs: Jobs = None,
    out: Out = None,
    ray_address: RayAddress = None,
) -> None:
    """Do every cell that is not finished, then report. Exit code 1 if a cell failed.

    Ctrl-C interrupts the running cells: those that can save what they have, and the same command goes on with them.
    A second Ctrl-C stops at once.
    """
    from evolora.experiment.plan import make_plan

    failed = False
    for one in _plans(file, quick, seeds, out):
        tally = _do_cells(one, jobs, ray_address)
        if tally.stopped:
            typer.echo(
                f"stopped with {len(tally.finished)} of {len(one.cells)} cells finished; go on with the same command"
            )
            raise typer.Exit(INTERRUPTED)
        for cell in tally.blocked:
            typer.echo(f"{cell.name}: not done, it waits for a failed cell", err=True)
        failed = failed or bool(tally.failed)
        _report(make_plan(one.experiment, one.out))
    if failed:
        raise typer.Exit(FAILED)


def _do_cells(plan: "Plan", jobs: int | None, ray_address: str | None) -> "Tally":
    """Do a plan's cells here, or on a cluster, until they are done or somebody stops them."""
    from evolora.cli.cell_lines import CellLines
    from evolora.experiment.plan import default_jobs
    from evolora.experiment.run import exclusive, run_cells
    from evolora.stopping import OrderlyStop

    announce = b"\nending the running cells; Ctrl-C again stops at once\n"
    # os.write, not print: a signal may arrive inside another print, whose buffer cannot be re-entered.
    with ExitStack() as stack:
        stack.enter_context(exclusive(plan.out))
        far = None if ray_address is None else stack.enter_context(_cluster(ray_address))
        stop = stack.enter_context(OrderlyStop(lambda: os.write(2, announce)))
        at_once = jobs or (default_jobs(plan.cells) if far is None else far.capacity(plan.cells))
        typer.echo(
            f"{plan.experiment.name}: {len(plan.cells) - plan.count('finished')} of {len(plan.cells)} cells to do, "
            f"{at_once} at once, in {plan.out}"
        )
        lines = stack.enter_context(CellLines(plan, at_once))
        return run_cells(plan.cells, at_once, lines, stop, far)


@contextmanager
def _cluster(address: str) -> Iterator["Far"]:
    """A Ray cluster as a place for cells; this process lets go of it afterwards."""
    from evolora.evaluation.ray_pool.cluster import connect
    from evolora.experiment.far import Far

    cluster = connect(address, 0)
    try:
        yield Far(cluster)
    finally:
        cluster.close()


@experiment_app.command("report")
def report(file: File, quick: Quick = False, seeds: Seeds = None, out: Out = None) -> None:
    """Analyse the finished cells; write report.html and findings.json, and print the tables."""
    for one in _plans(file, quick, seeds, out):
        _report(one)


@experiment_app.command("agree")
def agree(
    first: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where the one lies.", show_default=False)],
    second: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where the other lies.", show_default=False)],
) -> None:
    """Hold an experiment's claims against those of the same with other seeds: does it come out again?

    A claim agrees where the 95 % interval of the difference (Welch's) includes 0.
    """
    from evolora.experiment.agreement import agreement_table, read_findings

    _print_table(agreement_table(read_findings(first), read_findings(second)))


def _plans(file: str, quick: bool, seeds: str | None, out: Path | None) -> "list[Plan]":
    """The plan of every experiment that `file` means. Raises `ConfigError` with the mistakes of all."""
    from evolora.errors import ConfigError
    from evolora.experiment.file import find_experiments, load_experiment
    from evolora.experiment.plan import make_plan
    from evolora.experiment.seeds import parse_seeds

    chosen = () if seeds is None else parse_seeds(seeds)
    paths = find_experiments(file)
    experiments, problems = [], []
    for path in paths:
        try:
            experiments.append(load_experiment(path, quick, chosen))
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(problems)
    several = len(paths) > 1
    return [make_plan(one, out / one.name if several and out is not None else out) for one in experiments]


def _show_states(plan: "Plan") -> None:
    from rich.console import Console
    from rich.table import Table as Grid

    names: tuple[State, ...] = ("finished", "begun", "changed", "failed", "missing")
    used = [name for name in names if plan.count(name)]
    grid = Grid("arm", *used, "seconds a cell", title=f"{plan.experiment.name}: {plan.experiment.question}")
    for arm in plan.experiment.arms:
        states = [state for cell, state in zip(plan.cells, plan.states, strict=True) if cell.arm == arm.name]
        seconds = plan.seconds_of(arm.name)
        counts = [str(states.count(name)) for name in used]
        grid.add_row(arm.name, *counts, "-" if seconds is None else f"{seconds:.0f}")
    Console(markup=False, highlight=False).print(grid)


def _report(plan: "Plan") -> None:
    from evolora.experiment.report import find, mixed, write_report

    findings = find(plan)
    path = write_report(plan, findings)
    _print_findings(findings)
    if missing := len(plan.cells) - plan.count("finished"):
        typer.echo(f"incomplete: {missing} of {len(plan.cells)} cells are not finished")
    typer.echo(f"report: {path}{mixed(plan)}\n")


def _print_findings(findings: "Findings") -> None:
    from evolora.experiment.findings import shown, shown_interval

    for table in findings.tables:
        _print_table(table)
    for claim in findings.claims:
        parts = [
            "" if claim.estimate is None else f"{claim.quantity} {shown(claim.estimate)}",
            "" if claim.interval is None else f"95 % interval {shown_interval(claim.interval)}",
            "" if claim.p is None else f"p {shown(claim.p)}",
            f"n {claim.n}",
            claim.note,
        ]
        typer.echo(f"{claim.holds:9}  {claim.text}\n           {', '.join(part for part in parts if part)}")


def _print_table(table: "Table") -> None:
    from rich.console import Console
    from rich.table import Table as Grid

    from evolora.experiment.findings import shown

    grid = Grid(title=table.title, caption=table.note or None)
    for place, name in enumerate(table.head):
        grid.add_column(name, justify="left" if place == 0 else "right", overflow="fold")
    for row in table.rows:
        grid.add_row(*(shown(entry) for entry in row))
    Console(markup=False, highlight=False).print(grid)

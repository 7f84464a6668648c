"""`evolora simulate`: live a world, or take up an interrupted run."""

import os
import shlex
from contextlib import closing, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evolora.errors import ConfigError
from evolora.stopping import OrderlyStop

if TYPE_CHECKING:
    from evolora.config.world import WorldConfig
    from evolora.dashboard.beside import Beside
    from evolora.simulation import Simulation


def simulate(
    world: Annotated[
        str | None, typer.Argument(help="A world file, or a name from `evolora world list`.", show_default=False)
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Change a setting: energy.upkeep=0.2, niches.0.price=2. Repeatable.",
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Everything random follows from it.")] = None,
    generations: Annotated[
        int | None, typer.Option(help="How long to run; with --resume, counted from the run's start.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where the run's folder is made. (default: checkpoints)"),
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(metavar="RUN", help="The folder of a run to go on with, instead of a WORLD."),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(min=0, help="Ray processes that answer and learn; 0: this one alone. (default: the world's)"),
    ] = None,
    ray_address: Annotated[
        str | None,
        typer.Option(metavar="ADDR", help="A Ray cluster to run them on, as `ray start --head` names it."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Live one generation in memory, say what the run will take, and leave.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print only the run's folder.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Show the run in a browser while it lives.")] = False,
) -> None:
    """Live a world: organisms answer, earn, die and reproduce, generation by generation.

    Ctrl-C (or SIGTERM) finishes the generation and saves; a second one stops at once.
    """
    _check_options(world, settings, seed, generations, out, resume, dry_run)
    if resume is not None:
        from evolora.build import resume_run

        _live(resume_run(resume, generations, workers, ray_address), quiet, watch)
        return
    from evolora.config.load import load_world

    config = load_world(str(world), settings or (), seed=seed, generations=generations, workers=workers)
    if dry_run:
        _show_plan(config)
        return
    from evolora.build import open_run

    _live(open_run(config, out, ray_address), quiet, watch)


def _check_options(
    world: str | None,
    settings: list[str] | None,
    seed: int | None,
    generations: int | None,
    out: Path | None,
    resume: Path | None,
    dry_run: bool,
) -> None:
    """Raise `ConfigError` with every pair of options that contradict each other."""
    if resume is None:
        if world is None:
            raise ConfigError("expected a WORLD or --resume RUN, got neither; try `evolora simulate tidepool`")
        return
    beside = {
        "WORLD": world,
        "--set": " ".join(settings or ()) or None,
        "--seed": seed,
        "--out": out,
        "--dry-run": dry_run or None,
    }
    problems = [
        f"--resume {resume}: expected no {name} beside it, got {value}; a run keeps its own world"
        for name, value in beside.items()
        if value is not None
    ]
    if generations is not None and generations < 1:
        problems.append(f"--generations: expected an integer >= 1, got {generations}")
    if problems:
        raise ConfigError(problems)


def _show_plan(config: "WorldConfig") -> None:
    from rich.console import Console
    from rich.table import Table

    from evolora.forecast import plan

    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    for name, value in plan(config).rows:
        table.add_row(name, value)
    Console(markup=False, highlight=False).print(table)


def _live(simulation: "Simulation", quiet: bool, watch: bool) -> None:
    """Run to the end or to Ctrl-C, and say where the record is and how to go on."""
    from evolora.cli.terminal import open_view

    folder = simulation.run_dir.path
    how_to_resume = f"evolora simulate --resume {shlex.quote(str(folder))}"
    dashboard = _dashboard(folder) if watch else nullcontext()
    with closing(simulation), dashboard, OrderlyStop(announce_stop) as stop:
        view = None if quiet else open_view(simulation.name, simulation.generations, folder, stop)
        if view is not None and view.shows_stopping:
            stop.announce = lambda: None
        try:
            with view or nullcontext():
                summary = simulation.run([] if view is None else [view], stop)
        except KeyboardInterrupt:
            typer.echo(f"stopped at once; go on from the last checkpoint with: {how_to_resume}", err=True)
            raise typer.Exit(stop.exit_code) from None
    for loss in simulation.losses:
        typer.echo(f"a worker was lost, and its work done again: {loss}", err=True)
    if summary.end == "stopped":
        typer.echo(f"stopped and saved; go on with: {how_to_resume}", err=True)
        raise typer.Exit(stop.exit_code)
    _export_elites(folder, quiet)
    if summary.num_living == 0:
        typer.echo(f"extinct after {summary.generation} generations", err=True)
    typer.echo(str(folder) if quiet else f"run folder: {folder}")


def _dashboard(folder: Path) -> "Beside":
    from evolora.dashboard.beside import Beside

    return Beside(folder, lambda line: typer.echo(line, err=True))


def announce_stop() -> None:
    """What the first Ctrl-C writes. Not by print: it may arrive inside another, whose buffer cannot be re-entered."""
    os.write(2, b"\nstopping after this generation; Ctrl-C again stops at once\n")


def _export_elites(folder: Path, quiet: bool) -> None:
    from evolora.share.elites import export_elites

    exported = export_elites(folder)
    if exported and not quiet:
        typer.echo(f"{len(exported)} best organisms as PEFT adapters: {exported[0].parent}")

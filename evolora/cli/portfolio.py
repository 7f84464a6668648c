"""`evolora portfolio`: some organisms of a run, with a router, kept as one folder and measured."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from evolora.cli.given import refuse_idle
from evolora.errors import ConfigError, RunFolderError

if TYPE_CHECKING:
    from evolora.portfolio.examine import Examined
    from evolora.routing.tokens import TokenMeter


Ancestor = Annotated[
    int | None,
    typer.Option(
        min=0,
        max=8,
        metavar="N",
        help="Keep the bare host too, shown N worked examples, for what a recogniser does not recognise.",
        show_default=False,
    ),
]


TrustCode = Annotated[
    bool, typer.Option("--trust-code", help="Import a saved portfolio's own task families from PYTHONPATH.")
]
CHOICE = ("size", "router", "ancestor", "candidates", "source", "selection")  # what says how to make one


def portfolio(
    context: typer.Context,
    run: Annotated[
        Path, typer.Argument(metavar="RUN", help="The folder of a run, or of a saved portfolio.", show_default=False)
    ],
    size: Annotated[int, typer.Option(min=1, help="Organisms to keep.")] = 6,
    to: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Save it as this folder; serve, chat, export and pack find RUN/portfolio.",
            show_default=False,
        ),
    ] = None,
    router: Annotated[str, typer.Option(help="ridge, recogniser, centroid, arrow or fixed.")] = "ridge",
    ancestor: Ancestor = None,
    candidates: Annotated[int, typer.Option(min=1, help="Organisms that answer selection tasks, best in life.")] = 24,
    source: Annotated[
        Literal["living", "archive"],
        typer.Option("--from", help="Candidates: who is alive, or the archive's elites, dead ones included."),
    ] = "living",
    selection: Annotated[int, typer.Option(min=2, help="Selection tasks of each niche.")] = 24,
    tasks: Annotated[int, typer.Option(min=2, help="Test tasks of each niche or family.")] = 60,
    shifts: Annotated[bool, typer.Option("--shifts", help="Test under shifts as well (our own families).")] = False,
    samples: Annotated[
        int, typer.Option(min=0, metavar="N", help="Answers each member samples besides, for self-consistency.")
    ] = 0,
    trust_code: TrustCode = False,
) -> None:
    """Choose organisms of a run by what they cover of selection tasks, fit a router, and test on tasks of neither.

    When it is asked, the router sees the question only, as the frozen host reads it; for fitting, a recogniser is told
    besides which selection questions share a niche. A saved portfolio is loaded and tested as it is.
    """
    from evolora.portfolio.folder import INDEX
    from evolora.portfolio.session import open_saved, portfolio_of_run, save, test

    saved = (run / INDEX).is_file()
    if saved:
        refuse_idle(context, CHOICE, "expected none beside a saved portfolio, which is tested as it is; give its run")
    else:
        refuse_idle(context, ["trust_code"], "expected a saved portfolio beside it; a run's own families are imported")
    _check_options(router, ancestor, samples, to)
    session = (
        open_saved(run, trust_code)
        if saved
        else portfolio_of_run(run, size, candidates, selection, router, source == "archive", ancestor)
    )
    if to is not None:
        save(session, to)
        typer.echo(str(to))
    for examined in test(session, tasks, shifts, samples):
        _show(examined)
    _show_tokens(session.meter)
    if to is None and not saved:
        typer.echo(f"not saved: with --to {run / 'portfolio'} serve, chat, export and pack find it", err=True)


def _check_options(router: str, ancestor: int | None, samples: int, to: Path | None) -> None:
    from evolora.portfolio.portfolio import ARROW
    from evolora.routing.router import ROUTERS

    if router not in (*ROUTERS, ARROW):
        raise ConfigError(f"--router: expected one of {', '.join([*ROUTERS, ARROW])}, got {router}")
    if ancestor is not None and router != "recogniser":
        raise ConfigError(f"--ancestor: expected --router recogniser, which alone sends it questions, got {router}")
    if samples == 1:
        raise ConfigError("--samples: expected 0, or at least 2 to agree with each other, got 1")
    if to is not None and to.exists():
        raise RunFolderError(f"--to {to}: expected a new folder, got one that exists; choose another")


def _show(examined: "Examined") -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(
        title=f"{examined.shift}: {len(examined.families)} questions of {len(set(examined.families))} families"
    )
    for column in ("", "score", "95 % interval", "over host", "tokens a correct answer"):
        table.add_column(column, justify="left" if not column else "right")
    for mode, answered in examined.answered.items():
        level = examined.level(mode)
        table.add_row(
            mode,
            f"{level.second:.3f}",
            f"[{level.low:.3f}, {level.high:.3f}]",
            f"{level.second - examined.level('host').second:+.3f}",
            f"{answered.tokens_per_correct:.0f}",
        )
    Console(markup=False).print(table)


def _show_tokens(meter: "TokenMeter") -> None:
    for purpose, tokens in meter.by_purpose.items():
        typer.echo(f"{purpose}: {tokens:,} token passes")

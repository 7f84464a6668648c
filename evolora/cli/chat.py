"""`evolora chat`: talk to an organism, a colony or a routed portfolio."""

import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evolora.cli.serve import PORTFOLIO
from evolora.errors import ConfigError, RunFolderError

if TYPE_CHECKING:
    from rich.console import Console

    from evolora.serving.session import Session


def chat(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.", show_default=False)],
    organism: Annotated[
        str | None,
        typer.Option(
            metavar="WHO",
            help="Who answers: an id, `portfolio`, `colony-ID` or `host`. (default: the best)",
            show_default=False,
        ),
    ] = None,
    temperature: Annotated[float, typer.Option(min=0, max=2, help="0 is greedy.")] = 0.0,
    max_tokens: Annotated[
        int | None, typer.Option(min=1, max=1024, help="Most tokens of an answer. (default: the organism's own limit)")
    ] = None,
    portfolio: Annotated[list[Path] | None, PORTFOLIO] = None,
) -> None:
    """Talk to an organism of a run, to a colony or to a saved portfolio; /help lists what else can be done.

    Each answer comes with who gave it, why it was chosen where somebody chose, its tokens and what they cost by the
    world's prices. From a pipe, every line is a question of its own and every answer one line.
    """
    from evolora.serving.opening import open_speakers
    from evolora.serving.session import Session

    speakers = open_speakers(run, portfolio)
    if max_tokens is not None and max_tokens >= speakers.context:
        raise ConfigError(
            f"--max-tokens: expected fewer than the {speakers.context} tokens that the host reads at a time, "
            f"got {max_tokens}; ask for less"
        )
    speaker = speakers.first if organism is None else speakers.find(organism)
    if speaker is None:
        assert organism is not None
        if organism.startswith(("portfolio", "colony")):
            there = ", ".join(team.name for team in speakers.teams) or "none"
            raise RunFolderError(
                f"{run}: expected one of its portfolios and living colonies ({there}), got {organism}; save a "
                "portfolio with `evolora portfolio RUN --to RUN/portfolio`"
            )
        speakers.residents.find(organism)  # raises, saying who there is
        raise RunFolderError(f"{run}: expected the id of an organism, got {organism}")
    session = Session(speakers, speaker, temperature, max_tokens)
    if sys.stdin.isatty() and sys.stdout.isatty():
        _talk(session)
    else:
        _pipe(session)


def _pipe(session: "Session") -> None:
    """A line in, an answer out, on one line; everything else goes to stderr."""
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="replace")
    for line in sys.stdin:
        question = line.strip()
        if question == "/quit":
            break
        if question.startswith("/"):
            typer.echo("\n".join(session.command(question)), err=True)
        elif question:
            try:
                typer.echo(" ".join(session.ask(question, remember=False).text.split()))
            except ConfigError as error:  # this question cannot be asked; the next may
                typer.echo("")
                typer.echo(f"error: {error}", err=True)
            sys.stdout.flush()  # whoever is at the other end may be waiting
    typer.echo(session.total(), err=True)


def _talk(session: "Session") -> None:
    """The conversation of somebody at a terminal."""
    import readline  # noqa: F401  # gives input() its line editing and history

    from rich.console import Console

    console = Console(markup=False, highlight=False)
    _show(console, session.who())
    _show(console, ["/help lists the commands"])
    while True:
        try:
            question = input("\nyou > ").strip()
        except (EOFError, KeyboardInterrupt):
            break
        if question in ("/quit", "/exit"):
            break
        if question.startswith("/"):
            _show(console, session.command(question))
        elif question:
            _answer(console, session, question)
    _show(console, ["", session.total()])


def _answer(console: "Console", session: "Session", question: str) -> None:
    try:
        with console.status("thinking", spinner="dots"):
            answer = session.ask(question)
    except KeyboardInterrupt:
        _show(console, ["given up"])
        return
    except ConfigError as error:
        _show(console, [str(error)])
        return
    console.print(answer.speaker.title, style="bold green", end=" > ")
    console.print(answer.text or "(nothing)", markup=False)
    _show(console, session.explain(answer))


def _show(console: "Console", lines: list[str]) -> None:
    for line in lines:
        console.print(line, style="dim", markup=False, soft_wrap=True)

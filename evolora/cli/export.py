"""`evolora export`: organisms as PEFT adapters, held-out tasks for lm-evaluation-harness."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evolora.errors import ConfigError

if TYPE_CHECKING:
    from evolora.record.residents import Resident, Residents


def export(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.", show_default=False)],
    to: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write adapters into this folder, one directory each.", show_default=False),
    ] = None,
    elites: Annotated[bool, typer.Option("--elites", help="The best organisms, as many as record.elites.")] = False,
    organism: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="This organism. Repeatable.", show_default=False)
    ] = None,
    everybody: Annotated[bool, typer.Option("--all", help="Everybody who is alive.")] = False,
) -> None:
    """Write organisms of a run as PEFT adapters that PEFT, vLLM and lm-evaluation-harness open.

    Without a choice the elites are written. Names join run, organism and weights, so no two are alike; nothing is
    ever overwritten.
    """
    choices = [name for name, given in (("--elites", elites), ("--organism", organism), ("--all", everybody)) if given]
    if len(choices) > 1:
        raise ConfigError(f"expected one of --elites, --organism and --all, got {' and '.join(choices)}")
    if to is None:
        raise ConfigError("expected --to DIR, got none; say where the adapters go")
    from evolora.config.load import load_world
    from evolora.record.residents import open_residents
    from evolora.share.export import export_organisms

    residents = open_residents(run)
    chosen = _choose(residents, organism, everybody)
    prompt = load_world(str(run / "world.yaml")).host.system_prompt
    folders, bare = export_organisms(residents, chosen, prompt, to)
    for resident in bare:
        typer.echo(f"organism {resident.id} adapts nothing: it is the bare host, and was passed over", err=True)
    for folder in folders:
        typer.echo(str(folder))


def _choose(residents: "Residents", wanted: list[str] | None, everybody: bool) -> "list[Resident]":
    if wanted:
        return list({resident.id: resident for resident in map(residents.find, wanted)}.values())
    return list(residents.members if everybody else residents.members[: residents.run["elites"]])

"""`evolora export`: organisms as PEFT adapters, held-out tasks for lm-evaluation-harness."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evolora.cli.given import refuse_idle
from evolora.errors import ConfigError, RunFolderError

if TYPE_CHECKING:
    from evolora.record.residents import Resident, Residents


def export(
    context: typer.Context,
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.", show_default=False)],
    to: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write adapters into this folder, one directory each.", show_default=False),
    ] = None,
    elites: Annotated[bool, typer.Option("--elites", help="The best organisms, as many as record.elites.")] = False,
    organism: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="This organism. Repeatable.", show_default=False)
    ] = None,
    portfolio: Annotated[bool, typer.Option("--portfolio", help="The members of RUN/portfolio.")] = False,
    everybody: Annotated[bool, typer.Option("--all", help="Everybody who is alive.")] = False,
    archive: Annotated[
        bool, typer.Option("--archive", help="The archive's elites, dead ones included, into a new folder.")
    ] = False,
    lm_eval: Annotated[
        Path | None,
        typer.Option(
            "--lm-eval", metavar="DIR", help="Write held-out tasks for lm-evaluation-harness.", show_default=False
        ),
    ] = None,
    tasks: Annotated[int, typer.Option(min=1, help="Held-out tasks of each niche, for --lm-eval.")] = 100,
) -> None:
    """Write organisms of a run as PEFT adapters that PEFT, vLLM and lm-evaluation-harness open.

    Without a choice the elites are written. Names join run, organism and weights, so no two are alike; nothing is
    ever overwritten. With --lm-eval the tasks that `evolora evaluate` tests with are written as a task folder: prompts
    have as many worked examples, and answers as much room, as the chosen organisms lived with.
    """
    wanted = {"--elites": elites, "--organism": organism, "--portfolio": portfolio, "--all": everybody}
    choices = [name for name, given in wanted.items() if given]
    if len(choices) > 1:
        raise ConfigError(f"expected one of {', '.join(wanted)}, got {' and '.join(choices)}")
    if to is None and lm_eval is None:
        raise ConfigError("expected --to DIR or --lm-eval DIR, got neither; say where adapters or tasks go")
    if lm_eval is None:
        refuse_idle(context, ["tasks"], "expected --lm-eval DIR beside it, whose tasks it counts; give both or neither")
    if archive:
        _export_archive(run, to, [*choices, *(["--lm-eval"] if lm_eval is not None else [])])
        return
    from evolora.config.load import load_world
    from evolora.record.residents import open_residents
    from evolora.share.export import export_organisms

    residents = open_residents(run)
    chosen = _members(residents) if portfolio else _choose(residents, organism, everybody)
    if lm_eval is not None:
        _export_tasks(run, chosen, tasks, lm_eval)
    if to is None:
        return
    prompt = load_world(str(run / "world.yaml")).host.system_prompt
    folders, bare = export_organisms(residents, chosen, prompt, to)
    for resident in bare:
        typer.echo(f"organism {resident.id} adapts nothing: it is the bare host, and was passed over", err=True)
    for folder in folders:
        typer.echo(str(folder))


def _members(residents: "Residents") -> "list[Resident]":
    """The organisms of the run's portfolio."""
    from evolora.build import reopen
    from evolora.portfolio.beside_run import portfolios_of, residents_in

    saved = portfolios_of(residents.path)
    if not saved:
        raise RunFolderError(
            f"{residents.path}: expected a saved portfolio, got none; make one with "
            f"`evolora portfolio {residents.path} --to {residents.path}/portfolio`"
        )
    return residents_in(saved[0], residents, reopen(residents.path)[0].sites)


def _choose(residents: "Residents", wanted: list[str] | None, everybody: bool) -> "list[Resident]":
    if wanted:
        return list({resident.id: resident for resident in map(residents.find, wanted)}.values())
    return list(residents.members if everybody else residents.members[: residents.run["elites"]])


def _export_tasks(run: Path, chosen: "list[Resident]", num_tasks: int, target: Path) -> None:
    from evolora.blueprint import build_rules
    from evolora.build import reopen
    from evolora.config.load import load_world
    from evolora.share.lm_eval import Suite, export_lm_eval

    config = load_world(str(run / "world.yaml"))
    rules = build_rules(config)
    evaluator, _ = reopen(run)
    traits = [resident.organism.active.traits for resident in chosen]
    suite = Suite(
        world=config.name,
        niches=rules.niches,
        families=[(niche.family, niche.settings) for niche in config.niches],
        source=rules.tasks,
        num_tasks=num_tasks,
        shots=sorted({own.num_examples for own in traits}),
        limit=max(own.answer_limit for own in traits),
        host=evaluator.host,
        prompts=evaluator.prompts,
    )
    groups = export_lm_eval(suite, target)
    typer.echo(
        f"{target}: lm_eval --include_path {target} --tasks {','.join(groups)} "
        "--model hf --model_args pretrained=HOST_FOLDER,peft=ADAPTER"
    )


def _export_archive(run: Path, to: Path | None, others: list[str]) -> None:
    from evolora.share.archive_export import export_archive

    if to is None or others:
        beside = f"got {' and '.join(others)}" if others else "got no --to"
        raise ConfigError(f"--archive: expected --to DIR and nothing else beside it, {beside}; make a call for each")
    for folder in export_archive(run, to):
        typer.echo(str(folder))

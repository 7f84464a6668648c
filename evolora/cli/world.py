"""`evolora world`: find, read, write, check and compare world files."""

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from evolora.errors import ConfigError

world_app = typer.Typer(help="World files: list, show, write, check and compare them.", no_args_is_help=True)

World = Annotated[str, typer.Argument(help="A world file, a run's folder, or the name of a world.")]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change a setting: energy.upkeep=0.2. Repeatable."),
]


@world_app.command("list")
def list_worlds() -> None:
    """Show the worlds that have a name: those in worlds/ here, and those that come with Evolora."""
    from rich.console import Console
    from rich.table import Table

    from evolora.config.load import WORLDS
    from evolora.config.shipped import shipped_files

    here = {path.stem: path for path in sorted(Path(WORLDS).glob("*.yaml"))}
    table = Table("name", "what", "where")
    for name, path in sorted({**shipped_files(WORLDS), **here}.items()):
        table.add_row(name, _headline(path, name), str(path) if name in here else "shipped")
    console = Console(markup=False)
    console.print(table)
    console.print("`evolora world new NAME --from WORLD` copies one to change.", soft_wrap=True)


def _headline(path: Path, name: str) -> str:
    """The first sentence of a world file's head, without its name."""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    head = next((line for line in lines if line.startswith("# ") and "yaml-language-server" not in line), "")
    title, colon, rest = head.removeprefix("# ").partition(": ")
    return rest if colon and title.lower().replace(" ", "_") == name else head.removeprefix("# ")


@world_app.command("show")
def show(
    world: World,
    settings: Settings = None,
    comments: Annotated[bool, typer.Option("--comments", help="Say above each setting what it means.")] = False,
) -> None:
    """Print a world with all its settings: what it extends, what is set here, and the defaults."""
    from evolora.config.comments import commented
    from evolora.config.load import dump_world, load_world

    config = load_world(world, settings or ())
    text = commented(type(config), config.model_dump(mode="json")) if comments else dump_world(config)
    typer.echo(text, nl=False)


@world_app.command("new")
def new(
    name: Annotated[str, typer.Argument(help="Name of the world; or its file, like worlds/pond.yaml.")],
    source: Annotated[
        str | None,
        typer.Option("--from", metavar="WORLD", help="Copy this world, comments and all, instead of a small one."),
    ] = None,
) -> None:
    """Write a world file to change, with its comments and a schema that lets editors complete it."""
    from evolora.config.json_schema import SCHEMA_FILE
    from evolora.config.load import WORLDS, find_file
    from evolora.config.new import copied_world, small_world
    from evolora.record.run_dir import write_atomically

    path = Path(name if name.endswith((".yaml", ".yml")) else f"{name}.yaml")
    if os.path.lexists(path):
        raise ConfigError(f"{path}: expected a name that is free, got a file that is there; choose another")
    if not path.parent.is_dir():
        raise ConfigError(f"{path}: expected an existing folder, got none at {path.parent}; make it first")
    _check_name(path.stem)
    base = None if source is None else find_file(source, WORLDS)
    write_atomically(path, small_world(path.stem, path) if base is None else copied_world(path.stem, base, path))
    write_atomically(path.parent / SCHEMA_FILE, _schema_text())
    typer.echo(f"wrote {path}, and beside it {SCHEMA_FILE} for your editor's completion")
    typer.echo(f"check it with: evolora world validate {path}")
    typer.echo(f"live it with:  evolora simulate {path}")


def _check_name(name: str) -> None:
    import re

    from evolora.config.world import WorldConfig

    pattern = WorldConfig.model_json_schema()["properties"]["name"]["pattern"]
    if not re.search(pattern, name):
        raise ConfigError(f"expected a name of letters, digits, - and _, beginning with a letter or digit, got {name}")


@world_app.command("validate")
def validate(
    worlds: Annotated[list[str], typer.Argument(help="World files, or names of worlds.", show_default=False)],
) -> None:
    """Report every mistake in world files at once, each with its line and column; exit code 2 if there is one."""
    problems: list[str] = []
    for world in worlds:
        try:
            typer.echo(_approve(world))
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(problems)
    typer.echo("the host, its modules and families of your own are tried by: evolora simulate WORLD --dry-run")


def _approve(world: str) -> str:
    """One line about a world without mistakes. Raises `ConfigError` with all mistakes of any other."""
    from evolora.cli.world_check import check_world
    from evolora.config.load import WORLDS, find_file

    path = find_file(world, WORLDS)
    config = check_world(path)
    return (
        f"{path}: no mistakes: {config.name}, {config.population.founders} founders in {len(config.niches)} niches "
        f"on {config.host.name}, {config.generations} generations"
    )


@world_app.command("diff")
def diff(
    old: World,
    new: Annotated[
        str | None, typer.Argument(help="The other world; the same one, with --set, if not given.", show_default=False)
    ] = None,
    settings: Settings = None,
) -> None:
    """Say in words how two worlds differ, setting by setting; --set changes the second."""
    from evolora.config.compare import differences
    from evolora.config.load import load_world

    if new is None and not settings:
        raise ConfigError(f"expected a second world, or --set KEY=VALUE, to compare {old} with; got neither")
    first, second = load_world(old), load_world(new or old, settings or ())
    sentences = differences(first, second)
    if not sentences:
        typer.echo("the same world: no setting differs")
        return
    number = f"{len(sentences)} setting{'s' if len(sentences) > 1 else ''}"
    typer.echo(f"from {old} to {new or f'{old} with --set'}, {number}:")
    for sentence in sentences:
        typer.echo(f"  {sentence}")


@world_app.command("schema")
def schema(
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write it there instead of printing it.")] = None,
) -> None:
    """Print the JSON schema of world files, which editors complete and check by."""
    from evolora.record.run_dir import write_atomically

    if out is None:
        typer.echo(_schema_text(), nl=False)
        return
    write_atomically(out, _schema_text())
    typer.echo(f"wrote {out}; make a world file's first line: # yaml-language-server: $schema={out.name}")


def _schema_text() -> str:
    from evolora.config.json_schema import world_schema

    return json.dumps(world_schema(), indent=2, ensure_ascii=False) + "\n"

"""`evolora import`: PEFT adapters from anywhere become founders of a world."""

import json
import os
import shlex
from pathlib import Path
from typing import Annotated

import typer

from evolora.errors import ConfigError


def import_(
    adapters: Annotated[
        list[Path], typer.Argument(metavar="DIR...", help="Folders of PEFT LoRA adapters.", show_default=False)
    ],
    into: Annotated[str, typer.Option(metavar="WORLD", help="The world they are to live in.", show_default=False)],
    to: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a world file that extends WORLD by them.", show_default=False),
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a setting of WORLD. Repeatable.")
    ] = None,
) -> None:
    """Check that adapters fit a world's host, and let them live in it from the start, beside the founders.

    Any plain LoRA for the same host fits if the world adapts the modules it adapts. Weights are read from safetensors
    only, nothing is run.
    """
    if to is not None and to.exists():
        raise ConfigError(f"{to}: expected a new file, got one that exists; give another --to")
    from evolora.blueprint import immigrant
    from evolora.build import build_evaluator
    from evolora.config.document import to_yaml
    from evolora.config.load import dump_world, find_file, load_world

    base = find_file(into, "worlds")
    config = load_world(into, settings or ())
    first = len(config.population.immigrants)
    paths = [*config.population.immigrants, *(str(path.resolve()) for path in adapters)]
    sites = build_evaluator(config).sites
    for number, path in enumerate(adapters, start=first):
        genome = immigrant(config, sites, path, number)
        traits = genome.traits
        typer.echo(
            f"{path}: {len(genome.factors)} of {len(sites)} sites, rank {traits.rank}, "
            f"{traits.num_examples} example(s), at most {traits.answer_limit} tokens"
        )
    listed = json.dumps(paths)
    changes = [*(settings or ()), f"population.immigrants={listed}"]
    whole = load_world(into, changes)  # which says whether there is room
    if to is None:
        command = " ".join(f"--set {shlex.quote(change)}" for change in changes)
        typer.echo(f"they fit; live with: evolora simulate {shlex.quote(into)} {command}")
        return
    to.parent.mkdir(parents=True, exist_ok=True)
    if settings:  # resolved: what extends a world lays sections over its sections, and settings may replace them
        text = dump_world(whole)
    else:
        relative = os.path.relpath(base.resolve(), to.resolve().parent)
        text = to_yaml({"extends": relative, "population": {"immigrants": [*paths]}})
    said = f"# {Path(base).stem} with adapters from outside, which live from the start beside the founders."
    with to.open("x", encoding="utf-8") as file:
        file.write(f"{said}\n{text}")
    typer.echo(f"they fit; live with: evolora simulate {shlex.quote(str(to))}")

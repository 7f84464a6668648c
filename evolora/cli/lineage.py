"""`evolora lineage`: where an organism of a run came from."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.text import Text
    from rich.tree import Tree

    from evolora.record.ancestry import Forebear


def lineage(
    run: Annotated[Path, typer.Argument(help="A run folder.", show_default=False)],
    organism: Annotated[int, typer.Argument(help="Id of an organism that ever lived there.", show_default=False)],
    as_json: Annotated[bool, typer.Option("--json", help="Print the ancestors as JSON instead.")] = False,
) -> None:
    """Show an organism's ancestry back to its founders: each ancestor's life, and what changed at each birth.

    First parents follow each other down the page; the other parent of a merge opens a branch of its own, which ends
    where it meets somebody already shown.
    """
    from rich.console import Console

    from evolora.record.ancestry import trace_ancestry
    from evolora.record.run_dir import RunDir

    run_dir = RunDir.open(run)
    forebears = trace_ancestry(run_dir, organism)
    if as_json:
        ancestors = [asdict(forebear) for forebear in forebears.values()]
        typer.echo(json.dumps({"run": str(run), "organism": organism, "ancestors": ancestors}, allow_nan=False))
        return
    console = Console(markup=False, highlight=False)
    console.print(draw_ancestry(forebears, organism))
    founders = [forebear for forebear in forebears.values() if not forebear.parents]
    shares = ", ".join(f"{own.id} ({own.share:.0%})" for own in sorted(founders, key=lambda own: -own.share))
    console.print(f"{len(forebears) - 1} ancestors; genome from founders {shares}", soft_wrap=True)


def draw_ancestry(forebears: "Mapping[int, Forebear]", organism: int) -> "Tree":
    """The organism's first-parent line from child to founder, with branches for the other parents of merges.

    Shallow branches are drawn first, so that everybody is shown as near to the main line as can be.
    """
    from rich.text import Text
    from rich.tree import Tree

    tree = Tree(Text(f"ancestry of organism {organism}", "bold"), guide_style="dim")
    shown: set[int] = set()
    lines: list[tuple[Tree, int]] = [(tree, organism)]
    for branch, start in lines:  # grows while it is walked: breadth first
        node: int | None = start
        while node is not None:
            forebear = forebears[node]
            if node in shown:
                branch.add(Text(f"{node} and before: shown elsewhere", "dim"))
                break
            shown.add(node)
            leaf = branch.add(_label(forebear))
            lines += [(leaf, other) for other in forebear.parents[1:]]
            node = forebear.parents[0] if forebear.parents else None
    return tree


def _label(own: "Forebear") -> "Text":
    """A line for the life, a second for what changed at its birth."""
    from rich.text import Text

    fate = "alive" if own.died is None else f"died {own.died} of {own.cause}"
    text = Text.assemble(
        (f"{own.id}", "bold green" if own.died is None else "bold"), f"  born {own.born}, {fate}, age {own.age}"
    )
    text.append(f"; {own.children} child{'' if own.children == 1 else 'ren'}; earned {own.earned:.1f}")
    if own.best_niche is not None:
        text.append(f"; best in {own.best_niche} ({own.best_score:.2f})")
    text.append("\n" + _origin(own), "dim")
    return text


def _origin(own: "Forebear") -> str:
    if not own.parents:
        return "founder"
    how = f"{own.kind} of {' and '.join(map(str, own.parents))} by {own.operator}"
    steps = [(name, f"{before:.3g}", f"{now:.3g}") for name, (before, now) in own.changes.items()]
    visible = [f"{name} {before} to {now}" for name, before, now in steps if before != now]
    return "; ".join([how, ", ".join(visible)] if visible else [how])

"""`evolora bench`: what a population costs beside the bare host and beside PEFT, on this machine."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from evolora.errors import ConfigError

if TYPE_CHECKING:
    from rich.table import Table

    from evolora.benchmark import Bench, Part

QUICK = ("answering",)


def bench(
    host: Annotated[str, typer.Option(help="The host to time.")] = "smollm2-135m",
    dtype: Annotated[Literal["auto", "float32", "bfloat16"], typer.Option(help="auto, float32 or bfloat16.")] = "auto",
    layers: Annotated[
        Literal["all", "upper_half", "upper_third"],
        typer.Option(help="Adapted layers: all, upper_half or upper_third."),
    ] = "upper_half",
    modules: Annotated[
        str, typer.Option(help="Adapted modules, separated by commas; the default is tidepool's.")
    ] = "o_proj,down_proj",
    rounds: Annotated[int, typer.Option(min=1, help="Interleaved rounds; medians are printed.")] = 3,
    rows: Annotated[
        int | None,
        typer.Option(min=4, help="Prompts of a batch; by default 64, fewer where five minutes would not do."),
    ] = None,
    part: Annotated[
        list[str] | None,
        typer.Option(help="answering, peft, format, scale, overhead or ray; repeatable. (default: all)"),
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Only the part `answering`.")] = False,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write the figures here too.")
    ] = None,
) -> None:
    """Time answering and learning: our engine, transformers' generate(), PEFT, growing populations, Ray."""
    from rich.console import Console

    from evolora.benchmark import PARTS, ROWS, Bench, affordable_rows, sized
    from evolora.record.run_dir import write_atomically

    chosen = part or (QUICK if quick else tuple(PARTS))
    if unknown := [name for name in chosen if name not in PARTS]:
        raise ConfigError(f"--part: expected {', '.join(PARTS)}, got {unknown[0]}")
    if json_file is not None and not json_file.parent.is_dir():
        raise ConfigError(f"--json {json_file}: expected a file in a folder that exists, got none such; make it first")
    what = Bench(host, dtype, layers, tuple(modules.split(",")), rounds)
    console = Console(markup=False)
    if rows is None:
        with console.status("how fast is this machine?"):
            rows = affordable_rows(what)
        if rows < ROWS:
            console.print(f"{ROWS} prompts at a time would take this machine too long: {rows} (--rows {ROWS} for all)")
    what = sized(what, rows)
    found = {}
    for name in chosen:
        with console.status(f"timing: {name}"):
            figures = PARTS[name](what)
        title = _title(name, what, figures)
        console.print(_table(title, figures) if figures.timings else title)
        for label, value in figures.figures.items():
            console.print(f"{label}: {_readable(label, value)}", highlight=False)
        found[name] = figures.to_row()
        if json_file is not None:
            write_atomically(json_file, json.dumps(found, indent=2) + "\n")


def _title(name: str, what: "Bench", part: "Part") -> str:
    facts = part.facts
    layers = len({site.name.rsplit(".", 3)[1] for site in facts.sites})
    adapters = f"rank 8 on {', '.join(what.modules)} of {layers} layers"
    return f"{name}: {facts.name}, {facts.device}, {facts.dtype}; {adapters}"


def _table(title: str, part: "Part") -> "Table":
    from rich.table import Table

    table = Table(title=title)
    for column in ("case", "seconds", "tokens/s", "speed", "against"):
        table.add_column(column, justify="left" if column in ("case", "against") else "right")
    for timing in part.timings:
        ratio = "" if timing.ratio is None else f"{timing.ratio:.2f}"
        against = "" if timing.against is None else timing.against.rpartition(", ")[2]
        table.add_row(timing.name, f"{timing.seconds:.3f}", f"{timing.tokens_per_second:,.0f}", ratio, against)
    return table


def _readable(label: str, value: float) -> str:
    if "bytes" in label:
        return f"{value / 2**20:,.1f} MiB"
    return f"{value:.1%}" if "share" in label else f"{value:,.6g}"

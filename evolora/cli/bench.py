"""`evolora bench`: what a population costs beside the bare host, on this machine."""

import json
from pathlib import Path
from typing import Annotated

import typer


def bench(
    host: Annotated[str, typer.Option(help="The host to time.")] = "smollm2-135m",
    dtype: Annotated[str, typer.Option(help="auto, float32 or bfloat16.")] = "auto",
    layers: Annotated[str, typer.Option(help="Adapted layers: all, upper_half or upper_third.")] = "upper_half",
    rows: Annotated[int, typer.Option(min=1, help="Prompts in the batch.")] = 64,
    adapters: Annotated[int, typer.Option(min=1, help="Different organisms among them.")] = 32,
    repeats: Annotated[int, typer.Option(min=1, help="Interleaved rounds; medians are printed.")] = 5,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write the figures here too.")
    ] = None,
) -> None:
    """Time one batch: our decoder with adapters, without, transformers' generate(), and a learning step."""
    from rich.console import Console
    from rich.table import Table

    from evolora.build import build_evaluator
    from evolora.config.world import GenomeConfig, WorldConfig
    from evolora.evaluation.bench import run_bench
    from evolora.record.run_dir import write_atomically

    genome = {"layers": layers}
    world = WorldConfig.model_validate(
        {
            "name": "bench",
            "host": {"name": host, "dtype": dtype, "max_batch_tokens": 1_000_000},
            "genome": genome,
            "niches": [{"family": "swap_words"}],
        }
    )
    evaluator = build_evaluator(world)
    timings = run_bench(evaluator, rows, adapters, repeats)
    number_format = str(evaluator.host.dtype).removeprefix("torch.")
    modules = ", ".join(GenomeConfig().modules)
    seconds = {timing.name: timing.seconds for timing in timings}
    table = Table(title=f"{host}, {evaluator.host.device}, {number_format}, {rows} rows, {modules} of {layers} layers")
    for column in ("case", "seconds", "tokens/s", "speed against our bare decoder"):
        table.add_column(column, justify="left" if column == "case" else "right")
    for timing in timings:
        bare = seconds.get(timing.name.partition(",")[0] + ", our decoder, no adapters")
        table.add_row(
            timing.name,
            f"{timing.seconds:.3f}",
            f"{timing.tokens_per_second:,.0f}",
            f"{bare / timing.seconds:.2f}" if bare else "",
        )
    Console().print(table)
    if json_file is not None:
        write_atomically(json_file, json.dumps([vars(timing) for timing in timings], indent=2) + "\n")

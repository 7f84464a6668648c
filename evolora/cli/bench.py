"""`evolora bench`: what a population costs beside the bare host and beside PEFT, on this machine."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from evolora.evaluation.bench import Case, Timing
    from evolora.evaluation.local import LocalEvaluator

ROWS = 64
ADAPTERS = 32


def bench(
    host: Annotated[str, typer.Option(help="The host to time.")] = "smollm2-135m",
    dtype: Annotated[str, typer.Option(help="auto, float32 or bfloat16.")] = "auto",
    layers: Annotated[str, typer.Option(help="Adapted layers: all, upper_half or upper_third.")] = "upper_half",
    modules: Annotated[
        str, typer.Option(help="Adapted modules, separated by commas; the default is tidepool's.")
    ] = "o_proj,down_proj",
    rounds: Annotated[int, typer.Option(min=1, help="Interleaved rounds; medians are printed.")] = 3,
    quick: Annotated[bool, typer.Option("--quick", help="Leave out PEFT and the second number format.")] = False,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write the figures here too.")
    ] = None,
) -> None:
    """Time answering and learning: our engine, transformers' generate(), and PEFT."""
    from rich.console import Console

    from evolora.evaluation.bench import time_cases
    from evolora.record.run_dir import write_atomically

    evaluator = _evaluator(host, dtype, layers, modules)
    cases = _cases(evaluator)
    if not quick:
        cases += _peft_cases(evaluator)
    timings = time_cases(cases, rounds)
    console = Console()
    _show(console, evaluator, timings)
    figures = {str(evaluator.host.dtype).removeprefix("torch."): [asdict(timing) for timing in timings]}
    if not quick:
        other = _evaluator(host, "float32" if "bfloat16" in figures else "bfloat16", layers, modules)
        timings = time_cases(_few_cases(other), 2)
        _show(console, other, timings)
        figures[str(other.host.dtype).removeprefix("torch.")] = [asdict(timing) for timing in timings]
    if json_file is not None:
        write_atomically(json_file, json.dumps(figures, indent=2) + "\n")


def _evaluator(host: str, dtype: str, layers: str, modules: str) -> "LocalEvaluator":
    from evolora.build import build_evaluator
    from evolora.config.world import WorldConfig

    return build_evaluator(
        WorldConfig.model_validate(
            {
                "name": "bench",
                "host": {"name": host, "dtype": dtype, "max_batch_tokens": 1_000_000},
                "genome": {"layers": layers, "modules": modules.split(",")},
                "niches": [{"family": "swap_words"}],
            }
        )
    )


def _cases(evaluator: "LocalEvaluator") -> list["Case"]:
    from evolora.evaluation.bench import SAMPLES, answering_cases, learning_case, make_prompts
    from evolora.rng import stream

    even = make_prompts(evaluator, [64] * ROWS)
    lengths = stream(0, "bench lengths").integers(24, 120, size=ROWS).tolist()  # as tidepool's own prompts
    uneven = make_prompts(evaluator, lengths)
    many = make_prompts(evaluator, [64] * 128)
    return [
        *answering_cases(evaluator, f"{ROWS} prompts of 64 tokens", even, (1, 8, ADAPTERS, 64)),
        *answering_cases(evaluator, "128 prompts of 64 tokens", many, (128,)),
        *answering_cases(evaluator, f"{ROWS} prompts of 24 to 119 tokens", uneven, (ADAPTERS,)),
        *answering_cases(
            evaluator, f"{ADAPTERS} of 24 to 119 tokens, {SAMPLES} answers", uneven[:ADAPTERS], (ADAPTERS,), SAMPLES
        ),
        learning_case(evaluator, 16, 8),
    ]


def _few_cases(evaluator: "LocalEvaluator") -> list["Case"]:
    from evolora.evaluation.bench import answering_cases, make_prompts

    even = make_prompts(evaluator, [64] * ROWS)
    return answering_cases(evaluator, f"{ROWS} prompts of 64 tokens", even, (ADAPTERS,))


def _peft_cases(evaluator: "LocalEvaluator") -> list["Case"]:
    from evolora.evaluation.bench import make_lessons, make_prompts
    from evolora.evaluation.bench_peft import PeftPopulation
    from evolora.host.load import load_host

    name, number_format = evaluator.host.name, str(evaluator.host.dtype).removeprefix("torch.")
    label, even = f"{ROWS} prompts of 64 tokens", make_prompts(evaluator, [64] * ROWS)
    answering = PeftPopulation(load_host(name, evaluator.host.device.type, number_format), evaluator.sites, ADAPTERS)
    learning = PeftPopulation(load_host(name, evaluator.host.device.type, number_format), evaluator.sites, 16)
    return [
        *answering.answering_cases(label, even, f"{label}, our decoder, {ADAPTERS} adapters"),
        learning.learning_case(make_lessons(evaluator, 16, 8), "learning, 16 organisms x 8 answers, ours"),
    ]


def _show(console: object, evaluator: "LocalEvaluator", timings: Sequence["Timing"]) -> None:
    from rich.console import Console
    from rich.table import Table

    assert isinstance(console, Console)
    host = evaluator.host
    modules = ", ".join(dict.fromkeys(site.name.rpartition(".")[2] for site in evaluator.sites))
    layers = len({site.name.rsplit(".", 3)[1] for site in evaluator.sites})
    number_format = str(host.dtype).removeprefix("torch.")
    table = Table(title=f"{host.name}, {host.device}, {number_format}; rank 8 on {modules} of {layers} layers")
    for column in ("case", "seconds", "tokens/s", "speed", "against"):
        table.add_column(column, justify="left" if column in ("case", "against") else "right")
    for timing in timings:
        ratio = "" if timing.ratio is None else f"{timing.ratio:.2f}"
        against = "" if timing.against is None else timing.against.rpartition(", our decoder, ")[2]
        table.add_row(
            timing.name, f"{timing.seconds:.3f}", f"{timing.tokens_per_second:,.0f}", ratio, against.rpartition(", ")[2]
        )
    console.print(table)

"""`evolora host`: which language models there are, bring one, try one."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from evolora.errors import HostError
from evolora.host.bring import bring, host_folder, is_brought
from evolora.host.registry import HOSTS, HostEntry, cache_dir, resolve

if TYPE_CHECKING:  # torch takes seconds to import: only when a host is loaded
    from torch import Tensor

    from evolora.host.load import Host

host_app = typer.Typer(help="The language models worlds run on: list them, bring one, try one.", no_args_is_help=True)

_QUESTION = "What is the capital of France?"
_EXAMPLE = ("What is the capital of Italy?", "Rome")


@host_app.command("list")
def list_hosts() -> None:
    """Show the hosts with a name, and whether they are on this machine."""
    table = Table("name", "what", "here", "size")
    for entry in HOSTS.values():
        here, size = _presence(entry)
        table.add_row(entry.name, entry.what, here, size)
    console = Console(markup=False)
    console.print(table)
    console.print(
        "host.name may also be a directory of a transformers model, a .gguf file or a hub id (owner/name).",
        f"Cache: {cache_dir()}",
        sep="\n",
        soft_wrap=True,
    )


@host_app.command("pull")
def pull_host(
    name: Annotated[str, typer.Argument(help="A name from `evolora host list`, or a hub id.")],
) -> None:
    """Bring a host onto this machine; afterwards no network is needed."""
    console = Console(markup=False)
    source = resolve(name)
    if source.kind == "packaged":
        packaged = HOSTS[name].packaged
        assert packaged is not None
        folder = bring(name, packaged)
    elif source.kind == "hub":
        from evolora.host.hub import fetch_from_hub

        folder = fetch_from_hub(name)
    else:
        built = "built in memory when asked for" if source.kind == "tiny" else f"read from {source.path}"
        console.print(f"{name} is {built}: nothing to bring", soft_wrap=True)
        return
    console.print(f"{name}: {_megabytes(folder)} in {folder}", soft_wrap=True)


@host_app.command("check")
def check_host(
    name: Annotated[str, typer.Argument(help="A name, directory, .gguf file or hub id.")] = "smollm2-135m",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    dtype: Annotated[str, typer.Option(help="auto, float32 or bfloat16.")] = "auto",
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads; torch's choice if not given.")] = None,
    ask: Annotated[str, typer.Option(help="The question to ask.")] = _QUESTION,
) -> None:
    """Load a host, ask it one question and show what it is."""
    import torch

    from evolora.evaluation.local import LocalEvaluator
    from evolora.host.load import load_host
    from evolora.host.prompt import PromptBuilder
    from evolora.host.sites import find_sites, linear_modules

    begun = time.perf_counter()
    host = load_host(name, device=device, dtype=dtype, threads=threads)
    loaded = time.perf_counter() - begun
    builder = PromptBuilder(host.tokenizer)
    prompt = torch.tensor([builder.build(ask, [_EXAMPLE])], device=host.device)
    number_format = str(host.dtype).removeprefix("torch.")
    try:
        answer = _generate(host, prompt, 1)  # also sets things up, so not timed
        begun = time.perf_counter()
        _generate(host, prompt, 24)
        elapsed = time.perf_counter() - begun
    except (RuntimeError, ValueError) as error:
        raise HostError(
            f"host {name}: expected it to generate on {host.device} in {number_format}, "
            f"got {str(error).splitlines()[0]}; try --device cpu --dtype float32"
        ) from error
    modules = linear_modules(host.model)
    sites = find_sites(host.model, modules)
    LocalEvaluator(host, sites, "", len(prompt[0]), len(prompt[0]), 1.0)  # refuses what our engine cannot run
    table = Table(show_header=False)
    for key, value in (
        ("host", f"{name} ({type(host.model).__name__})"),
        ("parameters", f"{host.num_parameters:,}"),
        ("device, dtype", f"{host.device}, {number_format}, {torch.get_num_threads()} CPU threads"),
        ("digest", host.digest),
        ("loaded in", f"{loaded:.1f} s"),
        ("sites", f"{len(sites)}: {', '.join(modules)} in {len(sites) // max(1, len(modules))} layers"),
        ("asked", f"{ask} ({prompt.shape[1]} tokens with one worked example)"),
        ("answered", repr(builder.decode(answer))),
        ("speed", f"{24 / elapsed:.0f} tokens/s for one answer (worlds run many at once)"),
    ):
        table.add_row(key, Text(value, overflow="fold"))
    Console(markup=False).print(table)


def _generate(host: "Host", prompt: "Tensor", at_least: int) -> list[int]:
    """Greedy ids after `prompt` (1, tokens): 24 at most, `at_least` before it may stop."""
    import torch

    with torch.inference_mode():
        full = host.model.generate(
            prompt,
            attention_mask=torch.ones_like(prompt),
            min_new_tokens=at_least,
            max_new_tokens=24,
            do_sample=False,
            eos_token_id=sorted(host.eos_ids),
            pad_token_id=host.pad_id,
        )
    return [int(token) for token in full[0, prompt.shape[1] :]]


def _presence(entry: HostEntry) -> tuple[str, str]:
    if entry.shipped is not None:
        return "yes, part of evolora", _megabytes(entry.shipped)
    if entry.packaged is None:
        return "built in memory", "-"
    folder = host_folder(entry.name, entry.packaged)
    if is_brought(folder):
        return "yes", _megabytes(folder)
    return "no: brought when first used", f"{entry.packaged.wheel_bytes / 1e6:.0f} MB download"


def _megabytes(folder: Path) -> str:
    return f"{sum(path.stat().st_size for path in folder.iterdir() if path.is_file()) / 1e6:.0f} MB"

"""PEFT adapter directories: how an organism leaves the world, and an adapter enters it."""

import json
import math
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from evolora.errors import GenomeError
from evolora.organism.genome import Factors, Genome, SiteShape

CONFIG_FILE = "adapter_config.json"
WEIGHTS_FILE = "adapter_model.safetensors"
PREFIX = "base_model.model."
# Settings that change what the weights mean; an adapter using one of them is not a plain LoRA.
UNSUPPORTED = ("use_dora", "rank_pattern", "alpha_pattern", "modules_to_save", "fan_in_fan_out", "lora_bias")


def export_peft(genome: Genome, directory: Path, base_model_name: str, sites: Sequence[SiteShape]) -> None:
    """Write `genome` as a PEFT adapter directory, whole or not at all, replacing one that is there.

    `lora_alpha` is scaling · rank, so that PEFT's alpha / rank is the world's scaling. `target_modules` lists
    the full path of each adapted site: sites the genome has dropped get no adapter, and PEFT finds every
    key. PEFT refuses an adapter without any module, so a genome without any site is written as zeros at the
    first of `sites`.

    Raises:
        GenomeError: weights are not finite, ranks differ, or a site is not among `sites`.
    """
    genome.validated()
    _check_shapes(genome.factors, sites)
    if not genome.is_finite():
        raise GenomeError(f"export: expected finite weights, got NaN or infinity; {directory} was not written")
    rank = genome.traits.rank
    factors = dict(genome.factors)
    if not factors:
        first = sites[0]
        zeros = Factors(a=torch.zeros(rank, first.in_features), b=torch.zeros(first.out_features, rank))
        factors = {first.name: zeros}
    tensors: dict[str, Tensor] = {}
    for site in sorted(factors):
        tensors[f"{PREFIX}{site}.lora_A.weight"] = factors[site].a.float().cpu().clone().contiguous()
        tensors[f"{PREFIX}{site}.lora_B.weight"] = factors[site].b.float().cpu().clone().contiguous()
    alpha = genome.scaling * rank
    config = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base_model_name,
        "r": rank,
        "lora_alpha": int(alpha) if alpha == int(alpha) else alpha,  # vLLM reads an integer
        "target_modules": sorted(factors),
        "lora_dropout": 0.0,
        "bias": "none",
        "use_rslora": False,
        "use_dora": False,
        "fan_in_fan_out": False,
        "inference_mode": True,
        "init_lora_weights": True,
    }
    _write(directory, config, tensors)


def _write(directory: Path, config: dict[str, object], tensors: dict[str, Tensor]) -> None:
    """Both files into a hidden sibling, which then takes the directory's name."""
    partial = directory.with_name(f".{directory.name}.partial")
    replaced = directory.with_name(f".{directory.name}.replaced")
    for leftover in (partial, replaced):
        if leftover.exists():
            shutil.rmtree(leftover)
    partial.mkdir(parents=True)
    (partial / CONFIG_FILE).write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    save_file(tensors, partial / WEIGHTS_FILE, metadata={"format": "pt"})
    if directory.exists():
        os.rename(directory, replaced)  # a directory that is not empty cannot be replaced in one step
    os.rename(partial, directory)
    if replaced.exists():
        shutil.rmtree(replaced)


def import_peft(directory: Path, sites: Sequence[SiteShape], scaling: float) -> dict[str, Factors]:
    """Factors of a PEFT adapter for a world with `scaling`: site -> factors, all of the adapter's rank.

    B is rescaled by (the adapter's scaling / `scaling`), so the delta is the adapter's own. Sites of the
    world that the adapter lacks are absent. Only safetensors are read: a pickle can run code.

    Raises:
        GenomeError: a file is missing or unreadable, the adapter is not a plain LoRA, or its weights are
            not finite, not of one rank, or not for `sites`.
    """
    config = _read_config(directory)
    rank, adapter_scaling = _rank_and_scaling(config, directory)
    halves: dict[str, dict[str, Tensor]] = {}
    for key, tensor in _read_weights(directory).items():
        site, dot, half = key.removeprefix(PREFIX).removesuffix(".weight").rpartition(".")
        if not key.startswith(PREFIX) or not dot or half not in ("lora_A", "lora_B"):
            raise GenomeError(f"{directory}: expected keys {PREFIX}<module>.lora_A.weight or lora_B, got {key}")
        halves.setdefault(site, {})[half] = tensor.to(torch.float32)
    factors: dict[str, Factors] = {}
    for site in sorted(halves):
        if halves[site].keys() != {"lora_A", "lora_B"}:
            raise GenomeError(f"{directory}: expected lora_A and lora_B at {site}, got only {next(iter(halves[site]))}")
        found = Factors(a=halves[site]["lora_A"], b=halves[site]["lora_B"] * (adapter_scaling / scaling))
        if found.rank != rank:
            raise GenomeError(f"{directory}: expected rank {rank} (r in {CONFIG_FILE}) at {site}, got {found.rank}")
        if not bool(torch.isfinite(found.a).all() and torch.isfinite(found.b).all()):
            raise GenomeError(f"{directory}: expected finite weights, got NaN or infinity at {site}")
        factors[site] = found
    _check_shapes(factors, sites)
    return factors


def _check_shapes(factors: Mapping[str, Factors], sites: Sequence[SiteShape]) -> None:
    widths = {site.name: (site.in_features, site.out_features) for site in sites}
    for name, f in factors.items():
        if name not in widths:
            raise GenomeError(
                f"adapter: expected modules among the world's {len(widths)} sites, got {name};"
                " set genome.modules and genome.layers so that the world has it"
            )
        if (f.a.shape[1], f.b.shape[0]) != widths[name]:
            raise GenomeError(
                f"adapter: expected (in, out) widths {widths[name]} at {name}, "
                f"got {(f.a.shape[1], f.b.shape[0])}; it was made for another host"
            )


def _read_config(directory: Path) -> dict[str, Any]:
    path = directory / CONFIG_FILE
    if not path.is_file():
        raise GenomeError(f"{path}: expected a PEFT adapter's configuration, got no such file")
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise GenomeError(f"{path}: expected JSON, got {error}") from error
    if not isinstance(config, dict):
        raise GenomeError(f"{path}: expected a JSON object, got {type(config).__name__}")
    return config


def _rank_and_scaling(config: dict[str, Any], directory: Path) -> tuple[int, float]:
    """Rank and alpha / rank (alpha / sqrt(rank) with rslora) of a plain LoRA."""
    path = directory / CONFIG_FILE
    if config.get("peft_type") != "LORA":
        raise GenomeError(f"{path}: expected peft_type LORA, got {config.get('peft_type')}")
    used = [name for name in UNSUPPORTED if config.get(name)]
    if config.get("bias", "none") != "none":
        used.append("bias")
    if used:
        raise GenomeError(f"{path}: expected a plain LoRA, got one that uses {', '.join(used)}")
    rank, alpha = config.get("r"), config.get("lora_alpha")
    if not isinstance(rank, int) or rank < 1 or not isinstance(alpha, int | float) or not math.isfinite(alpha):
        raise GenomeError(f"{path}: expected a rank r >= 1 and a finite lora_alpha, got {rank} and {alpha}")
    return rank, alpha / math.sqrt(rank) if config.get("use_rslora") else alpha / rank


def _read_weights(directory: Path) -> dict[str, Tensor]:
    path = directory / WEIGHTS_FILE
    if not path.is_file():
        raise GenomeError(f"{path}: expected the adapter's weights, got no such file; .bin pickles are not read")
    try:
        tensors: dict[str, Tensor] = load_file(path)
    except SafetensorError as error:
        raise GenomeError(f"{path}: expected safetensors, got {error}") from error
    if not tensors:
        raise GenomeError(f"{path}: expected at least one tensor, got none")
    return tensors

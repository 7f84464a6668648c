"""PEFT adapter directories: how an organism leaves the world, and an adapter enters it."""

import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn.functional import pad

from evolora.errors import GenomeError
from evolora.organism.genome import Factors, Genome, SiteShape
from evolora.record.adapter import PREFIX, WEIGHTS_FILE, check_shapes, import_peft
from evolora.record.adapter_config import CONFIG_FILE

__all__ = ["CONFIG_FILE", "WEIGHTS_FILE", "export_peft", "import_peft"]


def export_peft(
    genome: Genome, directory: Path, base_model_name: str, sites: Sequence[SiteShape], rank: int | None = None
) -> None:
    """Write `genome` as a PEFT adapter directory, whole or not at all, replacing one that is there.

    `rank` (None: the genome's) is at least the genome's; directions beyond its own are zero. `lora_alpha` is
    scaling · rank, so that PEFT's alpha / rank is the world's scaling; where that is no whole number, which vLLM
    asks for, it is the rank, and B carries the scaling. `target_modules` lists the full path of each adapted site:
    sites the genome has dropped get no adapter, and PEFT finds every key. PEFT refuses an adapter without any
    module, so a genome without any site is written as zeros at the first of `sites`.

    Raises:
        GenomeError: weights are not finite, ranks differ, or a site is not among `sites`.
    """
    genome.validated()
    check_shapes(genome.factors, sites)
    if not genome.is_finite():
        raise GenomeError(f"export: expected finite weights, got NaN or infinity; {directory} was not written")
    rank = rank or genome.traits.rank
    factors = dict(genome.factors)
    if not factors:
        first = sites[0]
        zeros = Factors(a=torch.zeros(rank, first.in_features), b=torch.zeros(first.out_features, rank))
        factors = {first.name: zeros}
    alpha, carried = genome.scaling * rank, 1.0
    if alpha != int(alpha):
        alpha, carried = rank, genome.scaling
    tensors: dict[str, Tensor] = {}
    for site in sorted(factors):
        a, b = factors[site].a.float().cpu(), factors[site].b.float().cpu() * carried
        missing = rank - factors[site].rank
        tensors[f"{PREFIX}{site}.lora_A.weight"] = pad(a, (0, 0, 0, missing)).clone().contiguous()
        tensors[f"{PREFIX}{site}.lora_B.weight"] = pad(b, (0, missing)).clone().contiguous()
    config = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base_model_name,
        "r": rank,
        "lora_alpha": int(alpha),
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

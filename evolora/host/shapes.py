"""The shapes of a host's sites, without its weights."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from evolora.host.bring import host_folder, is_brought
from evolora.host.registry import HOSTS
from evolora.host.sites import LayerChoice, find_sites
from evolora.host.tiny import tiny_config
from evolora.organism.genome import SiteShape


def site_shapes(name: str, modules: Sequence[str], layers: LayerChoice) -> list[SiteShape] | None:
    """The sites of a host with a name, from its configuration alone; None where it has no name or is not here.

    Other hosts are not looked for: `name` may come from a stranger and be any path.

    Raises:
        HostError: the host has no such modules or layers.
    """
    if name not in HOSTS:
        return None
    packaged, shipped = HOSTS[name].packaged, HOSTS[name].shipped
    if shipped is not None:
        return find_sites(_empty_model(_read_config(shipped)), modules, layers)
    if packaged is None:
        return find_sites(_empty_model(tiny_config(name)), modules, layers)
    folder = host_folder(name, packaged)
    return find_sites(_empty_model(_read_config(folder)), modules, layers) if is_brought(folder) else None


def _read_config(folder: Path) -> Any:
    from transformers import AutoConfig

    return AutoConfig.from_pretrained(folder, local_files_only=True)


def _empty_model(config: Any) -> Any:
    """The model of a configuration with shapes and no numbers."""
    from transformers import AutoModelForCausalLM

    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(config)

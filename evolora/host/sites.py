"""Which matrices of a host can carry an adapter."""

from collections.abc import Sequence
from typing import Any, Literal

from torch import nn

from evolora.errors import HostError
from evolora.organism.genome import SiteShape

LayerChoice = Literal["all", "upper_half", "upper_third"] | Sequence[int]


def find_sites(model: Any, modules: Sequence[str], layers: LayerChoice = "all") -> list[SiteShape]:
    """The linear modules of the chosen decoder layers whose own name is in `modules`.

    Ordered by layer, then as the model itself orders them, whatever the order of `modules`: genomes of
    two worlds that name the same modules line up.

    Raises:
        HostError: a module or layer the model does not have, or a model without a list of decoder layers.
    """
    prefix, blocks = _decoder_layers(model)
    chosen = _choose_layers(layers, len(blocks))
    linears = [
        (number, path, module)
        for number in range(len(blocks))
        for path, module in blocks[number].named_modules()
        if isinstance(module, nn.Linear)
    ]
    present = linear_modules(model)
    unknown = [name for name in modules if name not in present]
    if unknown or not modules:
        raise HostError(
            f"genome.modules: expected some of {', '.join(present) or '(this host has no linear modules)'}, "
            f"got {', '.join(unknown) or 'none'}; name modules of this host"
        )
    wanted = set(modules)
    return [
        SiteShape(f"{prefix}.{number}.{path}", module.in_features, module.out_features)
        for number, path, module in linears
        if number in chosen and path.rpartition(".")[2] in wanted
    ]


def linear_modules(model: Any) -> list[str]:
    """Names of all modules of this host that can carry an adapter, in the model's order."""
    _, blocks = _decoder_layers(model)
    paths = [path for block in blocks for path, module in block.named_modules() if isinstance(module, nn.Linear)]
    return list(dict.fromkeys(path.rpartition(".")[2] for path in paths))


def _decoder_layers(model: Any) -> tuple[str, nn.ModuleList]:
    """The path and the modules of the text decoder's layers: `get_decoder` leaves image towers out."""
    blocks = dict(model.get_decoder().named_children()).get("layers")
    if not isinstance(blocks, nn.ModuleList):
        raise HostError(
            f"host model {type(model).__name__}: expected decoder layers in a list named `layers` (as Llama, "
            "Qwen, Gemma and Mistral have), got none; choose another host"
        )
    return next(path for path, module in model.named_modules() if module is blocks), blocks


def _choose_layers(layers: LayerChoice, count: int) -> set[int]:
    if isinstance(layers, str):
        parts = {"all": 1, "upper_half": 2, "upper_third": 3}
        if layers not in parts:
            raise HostError(f"genome.layers: expected {', '.join(parts)} or a list of numbers, got '{layers}'")
        return set(range(count - -(-count // parts[layers]), count))  # rounded up: never no layer
    outside = sorted({number for number in layers if not 0 <= number < count})
    if outside or not layers:
        raise HostError(
            f"genome.layers: expected numbers from 0 to {count - 1} (this host's layers), "
            f"got {', '.join(map(str, outside)) or 'none'}; remove them"
        )
    return set(layers)

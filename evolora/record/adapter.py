"""Reading a PEFT adapter directory that anybody may have written: nothing in it is trusted, nothing in it is run."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from evolora.errors import GenomeError
from evolora.organism.genome import Factors, SiteShape
from evolora.record.adapter_config import CONFIG_FILE, AdapterConfig, read_config

WEIGHTS_FILE = "adapter_model.safetensors"
PREFIX = "base_model.model."
NUMBER_FORMATS = ("F64", "F32", "F16", "BF16")
MOST_WEIGHT = 1e6  # far above anything anybody trains; the squares of a merged delta are finite in float32
HEADER_BYTES = 4_000_000  # what a weights file may hold besides its numbers


def import_peft(directory: Path, sites: Sequence[SiteShape], scaling: float) -> dict[str, Factors]:
    """Factors of a PEFT adapter for a world with `scaling`: site -> factors, all of one rank.

    B is rescaled by (the adapter's scaling / `scaling`), so the delta is the adapter's own. Sites of the
    world that the adapter lacks are absent. Directions that are zero everywhere, which exports are padded with,
    are dropped. Only safetensors are read, a pickle can run code; names, shapes, number formats and size are
    checked before any weight is read.

    Raises:
        GenomeError: a file is missing, unreadable or too large, the adapter is not a plain LoRA, or its weights are
            not finite or vast, not of one rank, or not for `sites`.
    """
    config = read_config(directory)
    halves: dict[str, dict[str, Tensor]] = {}
    for site, half, tensor in _read_weights(directory, sites, config):
        halves.setdefault(site, {})[half] = tensor.to(torch.float32)
    factors: dict[str, Factors] = {}
    for site in sorted(halves):
        if halves[site].keys() != {"lora_A", "lora_B"}:
            raise GenomeError(f"{directory}: expected lora_A and lora_B at {site}, got only {next(iter(halves[site]))}")
        found = Factors(a=halves[site]["lora_A"], b=halves[site]["lora_B"] * (config.scaling / scaling))
        largest = float(torch.maximum(found.a.abs().max(), found.b.abs().max()))  # NaN if there is one
        if not largest <= MOST_WEIGHT:
            raise GenomeError(
                f"{directory}: expected finite weights of at most {MOST_WEIGHT:g} (with the adapter's own scaling), "
                f"got {largest:g} at {site}"
            )
        factors[site] = found
    return _without_padding(factors)


def check_shapes(factors: Mapping[str, Factors], sites: Sequence[SiteShape]) -> None:
    """Refuse factors at other sites, or of other widths, than `sites`.

    Raises:
        GenomeError: naming the first that does not fit.
    """
    widths = widths_of(sites)
    for name, f in factors.items():
        _check_width(name, (f.a.shape[1], f.b.shape[0]), widths)


def widths_of(sites: Sequence[SiteShape]) -> dict[str, tuple[int, int]]:
    """Site -> (in, out)."""
    return {site.name: (site.in_features, site.out_features) for site in sites}


def _check_width(name: str, got: tuple[int | None, int | None], widths: Mapping[str, tuple[int, int]]) -> None:
    """`got` is (in, out); None for the one that is not known yet."""
    if name not in widths:
        raise GenomeError(
            f"adapter: expected modules among the world's {len(widths)} sites, got {name[:120]};"
            " set genome.modules and genome.layers so that the world has it"
        )
    for own, expected, which in zip(got, widths[name], ("in", "out"), strict=True):
        if own is not None and own != expected:
            raise GenomeError(
                f"adapter: expected {which} width {expected} at {name}, got {own}; it was made for another host"
            )


def _without_padding(factors: dict[str, Factors]) -> dict[str, Factors]:
    """Without the directions that are zero in A and B of every site; an adapter of zeros keeps one."""
    kept = torch.stack([(f.a != 0).any(dim=1) | (f.b != 0).any(dim=0) for f in factors.values()]).any(dim=0)
    if not bool(kept.any()):
        kept[0] = True
    if bool(kept.all()):
        return factors
    return {site: Factors(a=f.a[kept], b=f.b[:, kept]) for site, f in factors.items()}


def _read_weights(
    directory: Path, sites: Sequence[SiteShape], config: AdapterConfig
) -> Iterator[tuple[str, str, Tensor]]:
    """(site, lora_A or lora_B, tensor) of everything in the weights file, each checked before it is read."""
    path, rank, widths = directory / WEIGHTS_FILE, config.rank, widths_of(sites)
    if not path.is_file():
        raise GenomeError(f"{path}: expected the adapter's weights, got no such file; .bin pickles are not read")
    most = HEADER_BYTES + 8 * rank * sum(inside + outside for inside, outside in widths.values())
    if path.stat().st_size > most:
        raise GenomeError(f"{path}: expected at most {most:,} bytes at rank {rank}, got {path.stat().st_size:,}")
    try:
        with safe_open(path, framework="pt") as file:
            keys = list(file.keys())
            for key in keys:
                site, half = _checked(directory, key, file.get_slice(key), rank, widths)
                if not config.adapts(site):
                    raise GenomeError(
                        f"{directory}: expected weights of modules that {CONFIG_FILE} has in target_modules and in "
                        f"layers_to_transform, and not in exclude_modules, got {site}"
                    )
                yield site, half, file.get_tensor(key)
    except (SafetensorError, OSError) as error:
        raise GenomeError(f"{path}: expected safetensors, got {str(error)[:200]}") from error
    if not keys:
        raise GenomeError(f"{path}: expected at least one tensor, got none")


def _checked(
    directory: Path, key: str, header: Any, rank: int, widths: Mapping[str, tuple[int, int]]
) -> tuple[str, str]:
    """The site and the half that a key names, once its header fits the host. `header` is safetensors' slice."""
    site, dot, half = key.removeprefix(PREFIX).removesuffix(".weight").rpartition(".")
    if not key.startswith(PREFIX) or not key.endswith(".weight") or not dot or half not in ("lora_A", "lora_B"):
        raise GenomeError(f"{directory}: expected keys {PREFIX}<module>.lora_A.weight or lora_B, got {key[:160]}")
    shape, number_format = list(header.get_shape()), header.get_dtype()
    if number_format not in NUMBER_FORMATS:
        raise GenomeError(f"{directory}: expected {', '.join(NUMBER_FORMATS)} at {site}, got {number_format}")
    if len(shape) != 2:
        raise GenomeError(f"{directory}: expected two dimensions at {site}, got {len(shape)}")
    own_rank, width = shape if half == "lora_A" else (shape[1], shape[0])
    _check_width(site, (width, None) if half == "lora_A" else (None, width), widths)
    if own_rank != rank:
        raise GenomeError(
            f"{directory}: LoRA factors do not fit: expected rank {rank} (r in {CONFIG_FILE}) at {site}, got {own_rank}"
        )
    return site, half

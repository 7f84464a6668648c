"""What the adapters of a bundle must be: plain LoRA weights that fit the host, finite, and no code."""

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from evolora.config.world import WorldConfig
from evolora.errors import BundleError, EvoloraError
from evolora.share.strict_json import parse_object

if TYPE_CHECKING:  # torch takes seconds to import: only where there are weights to look at
    from evolora.organism.genome import SiteShape

FOLDERS = ("elites/", "portfolio/adapters/")
CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
MAX_RANK = 1024
MAX_ALPHA = 1e6
# What a plain LoRA is told by. Others name classes, modules and files that PEFT would import or open.
CONFIG_KEYS = (
    *("peft_type", "task_type", "base_model_name_or_path", "r", "lora_alpha", "target_modules", "lora_dropout", "bias"),
    *("use_rslora", "use_dora", "fan_in_fan_out", "inference_mode", "init_lora_weights", "peft_version"),
)


def check_adapters(folder: Path, names: Iterable[str], world: WorldConfig) -> bool:
    """Look at every adapter among `names`, files of a bundle that lie in `folder`.

    Their shapes are compared with the host's where it is on this machine. Whether it was, or there is none to compare.

    Raises:
        BundleError: an adapter is half there, no plain LoRA, not float32, not finite, or does not fit.
    """
    own = {name for name in names if name.startswith(FOLDERS)}
    adapters = sorted({name.rpartition("/")[0] for name in own})
    for adapter in adapters:
        missing = {f"{adapter}/{CONFIG}", f"{adapter}/{WEIGHTS}"} - own
        if missing:
            raise BundleError(f"{adapter}: expected {CONFIG} and {WEIGHTS}, got no {sorted(missing)[0]}")
    if not adapters:
        return True
    from evolora.host.shapes import site_shapes
    from evolora.share.peft_export import import_peft

    try:
        sites = site_shapes(world.host.name, world.genome.modules, world.genome.layers)
        for adapter in adapters:
            _check_config(folder / adapter / CONFIG, f"{adapter}/{CONFIG}")
            found = _shapes(folder / adapter / WEIGHTS, f"{adapter}/{WEIGHTS}")
            import_peft(folder / adapter, found if sites is None else sites, world.genome.scaling)
    except BundleError:
        raise
    except EvoloraError as error:
        raise BundleError(f"adapters: {str(error).replace(f'{folder}/', '')}") from error
    return sites is not None


def _check_config(path: Path, part: str) -> None:
    """Numbers in range, and no key that makes PEFT import or open anything."""
    config = parse_object(path.read_bytes(), part)
    # Keys that PEFT writes for other methods are harmless while they are empty.
    odd = sorted(key for key, value in config.items() if key not in CONFIG_KEYS and value not in (None, False, {}, []))
    if odd:
        raise BundleError(f"{part}: expected the settings of a plain LoRA, got {odd[0][:100]!r}")
    rank, alpha = config.get("r"), config.get("lora_alpha")
    if isinstance(rank, bool) or not isinstance(rank, int) or not 1 <= rank <= MAX_RANK:
        raise BundleError(f"{part}: expected a rank r from 1 to {MAX_RANK}, got {str(rank)[:40]}")
    fits = isinstance(alpha, int | float) and not isinstance(alpha, bool) and 0 < alpha <= MAX_ALPHA
    if not fits or not math.isfinite(float(alpha or 0)):
        raise BundleError(f"{part}: expected a lora_alpha above 0 and at most {MAX_ALPHA:g}, got {str(alpha)[:40]}")


def _shapes(path: Path, part: str) -> "Sequence[SiteShape]":
    """The sites that the tensors of an adapter claim to be for, read without loading them."""
    from safetensors import SafetensorError, safe_open

    from evolora.organism.genome import SiteShape

    widths: dict[str, dict[str, int]] = {}
    try:
        with safe_open(path, framework="pt") as file:
            for key in file.keys():  # noqa: SIM118 - no mapping: it has nothing but keys()
                tensor = file.get_slice(key)
                shape, dtype = tensor.get_shape(), tensor.get_dtype()
                if dtype != "F32" or len(shape) != 2 or not all(shape):
                    raise BundleError(f"{part}: expected float32 matrices, got {dtype} {shape} at {key[:100]!r}")
                site, _, half = key.removeprefix("base_model.model.").removesuffix(".weight").rpartition(".")
                widths.setdefault(site, {})[half] = shape[1] if half == "lora_A" else shape[0]
    except SafetensorError as error:
        raise BundleError(f"{part}: expected safetensors, got {error}") from error
    return [SiteShape(site, own.get("lora_A", 0), own.get("lora_B", 0)) for site, own in widths.items()]

"""What a PEFT adapter's configuration says, where it is a plain LoRA's: anybody may have written it."""

import json
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evolora.errors import GenomeError

CONFIG_FILE = "adapter_config.json"
# What is looked at here, setting by setting.
READ = frozenset(
    {"peft_type", "r", "lora_alpha", "use_rslora", "bias", "init_lora_weights"}
    | {"target_modules", "exclude_modules", "layers_to_transform"}
)
# What says where an adapter comes from, how it was trained, or how another setting is meant that must be empty; the
# tensors themselves say of which layers they are. Whatever else a configuration holds changes, or may change, what
# the weights mean: it must be empty.
WITHOUT_EFFECT = frozenset(
    {"task_type", "auto_mapping", "peft_version", "base_model_name_or_path", "revision", "inference_mode"}
    | {"lora_dropout", "ensure_weight_tying", "runtime_config"}
    | {"layers_pattern", "megatron_core", "qalora_group_size"}
)
MOST_RANK = 512
MOST_ALPHA = 1e6  # far above anything anybody trains with; keeps the arithmetic finite
MOST_CONFIG_BYTES = 1_000_000
_LAYER = re.compile(r".*?\.[^.]*\.(\d+)\.")  # the first number in a path, as PEFT finds it


@dataclass(frozen=True)
class AdapterConfig:
    """A plain LoRA: its rank, its scaling, and which modules it is for (None: no list says which)."""

    rank: int
    scaling: float  # alpha / rank; alpha / sqrt(rank) with rslora
    modules: frozenset[str] | None
    excluded: frozenset[str]
    layers: frozenset[int] | None

    def adapts(self, site: str) -> bool:
        """Whether PEFT would put a tensor of this module where it belongs: one that it passes over has no effect."""
        steps = site.split(".")
        ends = {".".join(steps[start:]) for start in range(len(steps))}
        if ends & self.excluded or (self.modules is not None and not ends & self.modules):
            return False
        number = _LAYER.match(site)
        return self.layers is None or (number is not None and int(number[1]) in self.layers)


def read_config(directory: Path) -> AdapterConfig:
    """The configuration in an adapter's directory.

    Raises:
        GenomeError: there is none, it is unreadable or too large, or not a plain LoRA's.
    """
    path = directory / CONFIG_FILE
    config = _read_json(path)
    if config.get("peft_type") != "LORA":
        raise GenomeError(f"{path}: expected peft_type LORA, got {str(config.get('peft_type'))[:80]}")
    used = sorted(name for name, value in config.items() if name not in READ | WITHOUT_EFFECT and value)
    if config.get("bias", "none") != "none":
        used.append("bias")
    if used:
        raise GenomeError(f"{path}: expected a plain LoRA, got one that uses {', '.join(used)[:200]}")
    beginning = config.get("init_lora_weights")
    if not isinstance(beginning, bool) and beginning not in (None, "gaussian"):
        raise GenomeError(
            f"{path}: expected init_lora_weights true, false or gaussian, got {str(beginning)[:80]}: its weights may "
            "belong to a host that it changed; save it with PEFT's path_initial_model_for_weight_conversion"
        )
    rank, scaling = _rank_and_scaling(config, path)
    return AdapterConfig(
        rank=rank,
        scaling=scaling,
        # A pattern is a stranger's regular expression, which may take for ever: the tensors say what it chose.
        modules=None if isinstance(config.get("target_modules"), str) else _names(config, "target_modules", path),
        excluded=_names(config, "exclude_modules", path) or frozenset(),
        layers=_layers(config, path),
    )


def _read_json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise GenomeError(f"{path}: expected a PEFT adapter's configuration, got no such file")
    if path.stat().st_size > MOST_CONFIG_BYTES:
        raise GenomeError(f"{path}: expected at most {MOST_CONFIG_BYTES:,} bytes, got {path.stat().st_size:,}")
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise GenomeError(f"{path}: expected JSON, got {str(error)[:200]}") from error
    if not isinstance(config, dict):
        raise GenomeError(f"{path}: expected a JSON object, got {type(config).__name__}")
    return config


def _rank_and_scaling(config: dict[str, Any], path: Path) -> tuple[int, float]:
    """Rank and alpha / rank (alpha / sqrt(rank) with rslora) of a plain LoRA."""
    rank, alpha = config.get("r"), config.get("lora_alpha")
    if not isinstance(rank, int) or isinstance(rank, bool) or not 1 <= rank <= MOST_RANK:
        raise GenomeError(f"{path}: expected a rank r >= 1 and <= {MOST_RANK}, got {str(rank)[:80]}")
    if not isinstance(alpha, int | float) or isinstance(alpha, bool) or not abs(alpha) <= MOST_ALPHA:
        raise GenomeError(f"{path}: expected a finite lora_alpha of at most {MOST_ALPHA:g}, got {str(alpha)[:80]}")
    return rank, alpha / math.sqrt(rank) if config.get("use_rslora") else alpha / rank


def _names(config: dict[str, Any], key: str, path: Path) -> frozenset[str] | None:
    """A setting that lists modules by name or by the end of their path; None where it is not given."""
    names = config.get(key)
    if names is None:
        return None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise GenomeError(f"{path}: expected {key} to be a list of modules' names, got {str(names)[:80]}")
    return frozenset(names)


def _layers(config: dict[str, Any], path: Path) -> frozenset[int] | None:
    """The numbers of the layers that are adapted; None where all may be."""
    layers = config.get("layers_to_transform")
    listed = layers if isinstance(layers, list) else [] if layers is None else [layers]
    if not all(isinstance(layer, int) and not isinstance(layer, bool) for layer in listed):
        raise GenomeError(f"{path}: expected layers_to_transform to be numbers of layers, got {str(layers)[:80]}")
    return frozenset(listed) or None

"""What PEFT may say of an adapter: every setting of its own is one we read, one without effect, or one refused."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from torch import nn

from evolora.errors import GenomeError
from evolora.organism.genome import SiteShape
from evolora.record.adapter import WEIGHTS_FILE, import_peft
from evolora.record.adapter_config import CONFIG_FILE, READ, WITHOUT_EFFECT, read_config

# Other methods than plain LoRA, more tensors than A and B, other shapes, ranks or scalings in some places, tokens
# whose weights do not hold, more layers than the host has. Whoever meets a setting of a newer PEFT decides about it.
REFUSED: dict[str, Any] = {
    "use_dora": True,
    "use_qalora": True,
    "lora_bias": True,
    "fan_in_fan_out": True,
    "rank_pattern": {"q_proj": 4},
    "alpha_pattern": {"q_proj": 4},
    "modules_to_save": ["lm_head"],
    "target_parameters": ["weight"],
    "trainable_token_indices": [1],
    "alora_invocation_tokens": [1, 2],
    "layer_replication": [[0, 2], [1, 3]],
    "megatron_config": {"a": 1},
    "loftq_config": {"loftq_bits": 4},
    "eva_config": {"rho": 2.0},
    "corda_config": {"corda_method": "ipm"},
    "lora_ga_config": {"direction": "ArB2r"},
    "velora_config": {"a": 1},
    "monteclora_config": {"a": 1},
    "arrow_config": {"top_k": 3},
    "use_bdlora": {"a": 1},
    "kasa_config": {"a": 1},
}
SITES = [SiteShape(f"model.layers.{layer}.{name}", 4, 6) for layer in (0, 1, 10) for name in ("q_proj", "up_proj")]
PLAIN = {"peft_type": "LORA", "r": 2, "lora_alpha": 4, "target_modules": ["q_proj", "up_proj"]}


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    ends = {"lora_A": (2, 4), "lora_B": (6, 2)}
    tensors = {
        f"base_model.model.{site.name}.{half}.weight": torch.ones(shape)
        for site in SITES
        for half, shape in ends.items()
    }
    save_file(tensors, tmp_path / WEIGHTS_FILE)
    return tmp_path


def write(adapter: Path, **changes: object) -> Path:
    (adapter / CONFIG_FILE).write_text(json.dumps({**PLAIN, **changes}))
    return adapter


def test_every_setting_of_pefts_own_configuration_is_decided_upon() -> None:
    settings = {field.name for field in dataclasses.fields(LoraConfig)}
    assert settings - READ - WITHOUT_EFFECT == settings & set(REFUSED)
    assert not READ & WITHOUT_EFFECT and not (READ | WITHOUT_EFFECT) & set(REFUSED)


@pytest.mark.parametrize("name", REFUSED)
def test_a_setting_that_changes_what_weights_mean_is_refused_by_its_name(adapter: Path, name: str) -> None:
    with pytest.raises(GenomeError, match=f"plain LoRA, got one that uses {name}"):
        import_peft(write(adapter, **{name: REFUSED[name]}), SITES, 2.0)


def test_a_setting_that_nobody_knows_is_refused_unless_it_is_empty(adapter: Path) -> None:
    assert read_config(write(adapter, use_sorcery=False, sorcery_config=None, spells=[])).scaling == 2.0
    with pytest.raises(GenomeError, match="uses use_sorcery"):
        read_config(write(adapter, use_sorcery=True))


@pytest.mark.parametrize("beginning", ["pissa", "pissa_niter_16", "olora", "corda", "eva", "loftq", "True", 1, [True]])
def test_weights_that_belong_to_a_changed_host_are_refused(adapter: Path, beginning: object) -> None:
    with pytest.raises(GenomeError, match="init_lora_weights true, false or gaussian"):
        import_peft(write(adapter, init_lora_weights=beginning), SITES, 2.0)


@pytest.mark.parametrize("beginning", [True, False, None, "gaussian"])
def test_plain_beginnings_are_read(adapter: Path, beginning: object) -> None:
    assert len(import_peft(write(adapter, init_lora_weights=beginning), SITES, 2.0)) == len(SITES)


@pytest.mark.parametrize(
    "changes",
    [
        {"target_modules": [site.name for site in SITES]},
        {"target_modules": r".*\.(q|up)_proj"},
        {"target_modules": "all-linear"},
        {"target_modules": None},
        {"target_modules": ["q_proj", "0.up_proj", "1.up_proj", "layers.10.up_proj", "lm_head"]},
        {"layers_to_transform": [0, 1, 10, 11]},
        {"layers_to_transform": [], "layers_pattern": "layers"},
        {"exclude_modules": ["lm_head", "proj", "layers.100.q_proj"]},
    ],
)
def test_settings_that_say_where_the_tensors_are_for_agree_with_them(adapter: Path, changes: dict[str, Any]) -> None:
    assert set(import_peft(write(adapter, **changes), SITES, 2.0)) == {site.name for site in SITES}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"target_modules": ["q_proj"]}, "got model.layers.0.up_proj"),
        ({"target_modules": ["q_proj", "p_proj"]}, "got model.layers.0.up_proj"),
        ({"target_modules": []}, "got model.layers.0"),
        ({"target_modules": {"q_proj": 1}}, "list of modules' names"),
        ({"target_modules": ["q_proj", 1]}, "list of modules' names"),
        ({"layers_to_transform": [0, 1]}, "got model.layers.10"),
        ({"layers_to_transform": 10}, "got model.layers.0"),
        ({"layers_to_transform": "0"}, "numbers of layers"),
        ({"exclude_modules": ["1.q_proj"]}, "got model.layers.1.q_proj"),
        ({"exclude_modules": ".*"}, "list of modules' names"),
    ],
)
def test_tensors_that_peft_would_pass_over_are_refused(adapter: Path, changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(GenomeError, match=reason):
        import_peft(write(adapter, **changes), SITES, 2.0)


class Layer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.q_proj, self.up_proj = nn.Linear(4, 6), nn.Linear(4, 6)


class Host(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.model = nn.Module()
        self.model.layers = nn.ModuleList(Layer() for _ in range(3))


@pytest.mark.parametrize(
    "settings",
    [
        {"target_modules": ["q_proj"]},
        {"target_modules": "all-linear"},
        {"target_modules": r".*\.[01]\.q_proj", "init_lora_weights": "gaussian", "lora_dropout": 0.1},
        {"target_modules": ["q_proj", "up_proj"], "layers_to_transform": [1], "use_rslora": True},
        {"target_modules": ["q_proj", "up_proj"], "exclude_modules": ["2.up_proj"]},
    ],
)
def test_what_peft_itself_saves_of_a_plain_lora_is_read(tmp_path: Path, settings: dict[str, Any]) -> None:
    model = get_peft_model(Host(), LoraConfig(r=2, **settings))
    model.save_pretrained(str(tmp_path))
    sites = [SiteShape(f"model.layers.{layer}.{name}", 4, 6) for layer in range(3) for name in ("q_proj", "up_proj")]
    adapted = {name.removeprefix("base_model.model.") for name, m in model.named_modules() if hasattr(m, "lora_A")}
    assert set(import_peft(tmp_path, sites, 2.0)) == adapted != set()

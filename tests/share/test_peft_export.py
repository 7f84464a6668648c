import json
import math
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import LlamaConfig, LlamaForCausalLM

from evolora.errors import GenomeError
from evolora.organism.distance import delta_norm, distance
from evolora.organism.founding import found_genome
from evolora.organism.genome import Factors, Genome, SiteShape
from evolora.organism.low_rank import normal
from evolora.organism.mutation import MUTATIONS
from evolora.organism.traits import Traits
from evolora.rng import key64, stream
from evolora.share.peft_export import CONFIG_FILE, WEIGHTS_FILE, export_peft, import_peft

MODULES = ("q_proj", "v_proj", "down_proj")
TOKENS = torch.arange(24).reshape(2, 12) % 64


def host() -> LlamaForCausalLM:
    """A tiny random Llama of 11 layers, so that layer 1 and layer 10 can be mistaken for each other."""
    config = LlamaConfig(
        vocab_size=64, hidden_size=32, intermediate_size=48, num_hidden_layers=11,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=64,
    )  # fmt: skip
    model = LlamaForCausalLM(config).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "norm" not in name:
                parameter.copy_(0.08 * normal(tuple(parameter.shape), stream(key64(0, name))))
    return model


@pytest.fixture(scope="module")
def sites() -> list[SiteShape]:
    modules = {n: m for n, m in host().named_modules() if n.endswith(MODULES) and isinstance(m, nn.Linear)}
    return [SiteShape(name, module.in_features, module.out_features) for name, module in modules.items()]


def genome_of(sites: list[SiteShape], rank: int, scaling: float = 2.0, seed: int = 1) -> Genome:
    rng = stream(seed, "export")
    traits = Traits(rank, 0.05, 1e-3, 1.0, 8, 0, {})
    genome = found_genome(sites, traits, scaling, rng)
    return genome.with_factors(
        {s: Factors(a=f.a, b=0.1 * normal(tuple(f.b.shape), rng)) for s, f in genome.factors.items()}
    )


def logits_with_dense_deltas(genome: Genome) -> Tensor:
    model = host()
    with torch.no_grad():
        for site in genome.factors:
            weight: Tensor = model.get_submodule(site).weight
            weight += genome.delta(site)
        return model(TOKENS).logits


def logits_through_peft(directory: Path) -> Tensor:
    with warnings.catch_warnings(), torch.no_grad():
        warnings.filterwarnings("error", message=".*(missing|unexpected).*keys")
        model = PeftModel.from_pretrained(host(), str(directory))
        return model(TOKENS).logits


@pytest.mark.parametrize(("rank", "scaling"), [(4, 2.0), (1, 0.5), (3, 1.3)])
def test_peft_answers_as_the_host_with_dense_deltas(
    tmp_path: Path, sites: list[SiteShape], rank: int, scaling: float
) -> None:
    genome = genome_of(sites, rank, scaling)
    export_peft(genome, tmp_path / "adapter", "tiny", sites)
    logits = logits_through_peft(tmp_path / "adapter")
    torch.testing.assert_close(logits, logits_with_dense_deltas(genome), atol=1e-5, rtol=1e-5)
    with torch.no_grad():
        assert (logits - host()(TOKENS).logits).abs().max() > 0.01


@pytest.mark.parametrize("name", ["drop_site", "drop_layer"])
def test_what_a_genome_dropped_is_not_adapted_by_peft(tmp_path: Path, sites: list[SiteShape], name: str) -> None:
    genome = genome_of(sites, 4)
    for seed in range(8):
        genome = MUTATIONS[name](genome, stream(seed))
    export_peft(genome, tmp_path / "adapter", "tiny", sites)
    expected = logits_with_dense_deltas(genome)
    torch.testing.assert_close(logits_through_peft(tmp_path / "adapter"), expected, atol=1e-5, rtol=1e-5)
    assert import_peft(tmp_path / "adapter", sites, 2.0).keys() == genome.factors.keys()


def test_a_genome_without_any_site_answers_as_the_bare_host(tmp_path: Path, sites: list[SiteShape]) -> None:
    export_peft(genome_of(sites, 4).with_factors({}), tmp_path / "adapter", "tiny", sites)
    with torch.no_grad():
        assert torch.equal(logits_through_peft(tmp_path / "adapter"), host()(TOKENS).logits)


@pytest.mark.parametrize("seed", range(3))
def test_import_gives_back_the_exported_factors(tmp_path: Path, sites: list[SiteShape], seed: int) -> None:
    genome = genome_of(sites, 4, seed=seed)
    export_peft(genome, tmp_path / "adapter", "tiny", sites)
    factors = import_peft(tmp_path / "adapter", sites, 2.0)
    for site, f in genome.factors.items():
        assert torch.equal(factors[site].a, f.a) and torch.equal(factors[site].b, f.b)


def test_a_world_of_another_scaling_imports_the_same_delta(tmp_path: Path, sites: list[SiteShape]) -> None:
    genome = genome_of(sites, 4, scaling=2.0)
    export_peft(genome, tmp_path / "adapter", "tiny", sites)
    other = Genome(import_peft(tmp_path / "adapter", sites, 0.7), genome.traits, 0.7)
    assert distance(genome, other) < 1e-5 * delta_norm(genome)


def test_the_directory_holds_two_files_in_pefts_own_terms(tmp_path: Path, sites: list[SiteShape]) -> None:
    export_peft(genome_of(sites, 4), tmp_path / "deep" / "adapter", "org/tiny", sites)
    config = json.loads((tmp_path / "deep" / "adapter" / CONFIG_FILE).read_text())
    assert (config["peft_type"], config["r"], config["lora_alpha"]) == ("LORA", 4, 8)
    assert config["base_model_name_or_path"] == "org/tiny" and config["task_type"] == "CAUSAL_LM"
    tensors = load_file(tmp_path / "deep" / "adapter" / WEIGHTS_FILE)
    assert tensors["base_model.model.model.layers.10.mlp.down_proj.lora_A.weight"].shape == (4, 48)
    assert tensors["base_model.model.model.layers.10.mlp.down_proj.lora_B.weight"].shape == (32, 4)
    assert len(tensors) == 2 * len(sites)
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["adapter"]


def test_exporting_again_replaces_the_whole_directory(tmp_path: Path, sites: list[SiteShape]) -> None:
    export_peft(genome_of(sites, 4, seed=1), tmp_path / "adapter", "tiny", sites)
    (tmp_path / "adapter" / "stale").touch()
    (tmp_path / ".adapter.partial").mkdir()  # what a killed export leaves
    second = genome_of(sites, 2, seed=2)
    export_peft(second, tmp_path / "adapter", "tiny", sites)
    assert sorted(path.name for path in (tmp_path / "adapter").iterdir()) == [CONFIG_FILE, WEIGHTS_FILE]
    assert [path.name for path in tmp_path.iterdir()] == ["adapter"]
    assert import_peft(tmp_path / "adapter", sites, 2.0)[sites[0].name].rank == 2


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_weights_that_are_not_finite_are_neither_exported_nor_imported(
    tmp_path: Path, sites: list[SiteShape], value: float
) -> None:
    genome = genome_of(sites, 4)
    export_peft(genome, tmp_path / "adapter", "tiny", sites)
    genome.factors[sites[3].name].b[1, 1] = value
    with pytest.raises(GenomeError, match="finite"):
        export_peft(genome, tmp_path / "other", "tiny", sites)
    assert not (tmp_path / "other").exists()
    tensors = load_file(tmp_path / "adapter" / WEIGHTS_FILE)
    next(iter(tensors.values()))[0, 0] = value
    save_file(tensors, tmp_path / "adapter" / WEIGHTS_FILE)
    with pytest.raises(GenomeError, match="finite"):
        import_peft(tmp_path / "adapter", sites, 2.0)


@pytest.mark.parametrize("half", ["lora_A", "lora_B"])
@pytest.mark.parametrize("value", [math.nan, -math.inf, 3e20])
def test_weights_whose_products_would_overflow_are_not_imported(
    tmp_path: Path, sites: list[SiteShape], half: str, value: float
) -> None:
    """Merges decompose them, which fails where a square is not finite."""
    export_peft(genome_of(sites, 4), tmp_path / "adapter", "tiny", sites)
    tensors = load_file(tmp_path / "adapter" / WEIGHTS_FILE)
    next(tensor for name, tensor in tensors.items() if half in name)[1, 1] = value
    save_file(tensors, tmp_path / "adapter" / WEIGHTS_FILE)
    with pytest.raises(
        GenomeError, match=r"expected finite weights of at most 1e\+06 .*, got (nan|inf|3e\+20) at model"
    ):
        import_peft(tmp_path / "adapter", sites, 2.0)


def test_a_rank_trait_at_odds_with_the_weights_is_not_exported(tmp_path: Path, sites: list[SiteShape]) -> None:
    genome = genome_of(sites, 4)
    with pytest.raises(GenomeError, match="rank: expected 8"):
        export_peft(genome.with_traits(replace(genome.traits, rank=8)), tmp_path / "adapter", "tiny", sites)


def edit_config(**changes: object) -> Callable[[Path], None]:
    def spoil(directory: Path) -> None:
        config = json.loads((directory / CONFIG_FILE).read_text())
        (directory / CONFIG_FILE).write_text(json.dumps({**config, **changes}))

    return spoil


def edit_weights(change: Callable[[dict[str, Tensor]], Any]) -> Callable[[Path], None]:
    def spoil(directory: Path) -> None:
        tensors = load_file(directory / WEIGHTS_FILE)
        change(tensors)
        save_file(tensors, directory / WEIGHTS_FILE)

    return spoil


FIRST_A = "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight"
SPOILED = {
    "no config": (lambda d: (d / CONFIG_FILE).unlink(), "no such file"),
    "no weights": (lambda d: (d / WEIGHTS_FILE).unlink(), "pickles are not read"),
    "torn config": (lambda d: (d / CONFIG_FILE).write_text('{"r":'), "expected JSON"),
    "torn weights": (lambda d: (d / WEIGHTS_FILE).write_bytes(b"\x08\x00"), "expected safetensors"),
    "a list": (lambda d: (d / CONFIG_FILE).write_text("[]"), "JSON object"),
    "another method": (edit_config(peft_type="IA3"), "expected peft_type LORA"),
    "DoRA": (edit_config(use_dora=True), "use_dora"),
    "biases": (edit_config(bias="all"), "bias"),
    "no rank": (edit_config(r=None), "rank r >= 1"),
    "another rank": (edit_config(r=5), "expected rank 5"),
    "no tensors": (edit_weights(dict.clear), "at least one"),
    "half a site": (edit_weights(lambda t: t.pop(FIRST_A)), "lora_A and lora_B"),
    "a foreign key": (edit_weights(lambda t: t.update({"score.weight": torch.ones(1)})), "got score.weight"),
    "another host": (edit_weights(lambda t: t.update({FIRST_A: torch.ones(4, 7)})), "another host"),
}


@pytest.mark.parametrize("spoiled", SPOILED)
def test_an_adapter_that_does_not_fit_is_refused_with_the_reason(
    tmp_path: Path, sites: list[SiteShape], spoiled: str
) -> None:
    export_peft(genome_of(sites, 4), tmp_path / "adapter", "tiny", sites)
    spoil, reason = SPOILED[spoiled]
    spoil(tmp_path / "adapter")
    with pytest.raises(GenomeError, match=reason):
        import_peft(tmp_path / "adapter", sites, 2.0)


def test_a_module_the_world_does_not_adapt_is_named(tmp_path: Path, sites: list[SiteShape]) -> None:
    export_peft(genome_of(sites, 4), tmp_path / "adapter", "tiny", sites)
    with pytest.raises(GenomeError, match=r"layers\.0\.self_attn\.q_proj"):
        import_peft(tmp_path / "adapter", sites[1:], 2.0)


def test_rslora_is_read_with_its_own_scaling(tmp_path: Path, sites: list[SiteShape]) -> None:
    genome = genome_of(sites, 4)
    export_peft(genome, tmp_path / "adapter", "tiny", sites)
    edit_config(use_rslora=True)(tmp_path / "adapter")
    imported = Genome(import_peft(tmp_path / "adapter", sites, 2.0), genome.traits, 2.0)
    expected = logits_through_peft(tmp_path / "adapter")
    torch.testing.assert_close(logits_with_dense_deltas(imported), expected, atol=1e-5, rtol=1e-5)

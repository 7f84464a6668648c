"""Small pieces the engine's tests share: tiny decoders of five architectures, random genomes, a slow reference."""

from collections.abc import Sequence

import torch
from torch import nn
from transformers import (
    Gemma2Config,
    Gemma2ForCausalLM,
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    LlamaConfig,
    LlamaForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from evolora.organism.genome import Factors, Genome, SiteShape
from evolora.organism.traits import Traits

MODULES = ("q_proj", "v_proj", "o_proj", "up_proj", "down_proj")
STOP = 1


def tiny_model(architecture: str, seed: int = 0, vocabulary: int = 300, head_width: int = 8) -> nn.Module:
    """A random two- or three-layer decoder in float32."""
    shape = {
        "vocab_size": vocabulary,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": head_width,
        "max_position_embeddings": 256,
    }
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        if architecture == "llama":
            model: nn.Module = LlamaForCausalLM(LlamaConfig(**shape))
        elif architecture == "qwen2":  # its queries, keys and values have biases
            model = Qwen2ForCausalLM(Qwen2Config(**shape))
            for layer in model.model.layers:
                for projection in (layer.self_attn.q_proj, layer.self_attn.k_proj, layer.self_attn.v_proj):
                    nn.init.normal_(projection.bias, std=0.5)
        elif architecture == "qwen3":
            model = Qwen3ForCausalLM(Qwen3Config(**shape))
        elif architecture == "gemma2":  # its scores are soft-capped
            model = Gemma2ForCausalLM(
                Gemma2Config(**shape, sliding_window=6, query_pre_attn_scalar=8, attn_logit_softcapping=2.0)
            )
        else:
            layer_types = ["sliding_attention", "full_attention", "sliding_attention"]
            model = Gemma3ForCausalLM(
                Gemma3TextConfig(**shape, sliding_window=6, layer_types=layer_types, query_pre_attn_scalar=8)
            )
        for name, parameter in model.named_parameters():
            if parameter.ndim == 2:
                nn.init.normal_(parameter, std=0.2)
            elif name.endswith("norm.weight"):  # of 1 each, as they come, a norm that forgot its weight would pass
                parameter.data += torch.rand_like(parameter) - 0.5
    return model.eval().requires_grad_(False)


def sites_of(model: nn.Module, modules: Sequence[str] = MODULES) -> list[SiteShape]:
    return [
        SiteShape(name, module.in_features, module.out_features)
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and name.rsplit(".", 1)[-1] in modules and "layers." in name
    ]


EXACT = torch.backends.cpu.get_cpu_capability() == "AVX2"  # where float32 bits were seen not to depend on company


def assert_same_bits(got: torch.Tensor, want: torch.Tensor) -> None:
    """Bit for bit where that was seen to hold; up to rounding on processors with other kernels."""
    torch.testing.assert_close(got, want, rtol=0 if EXACT else 1e-5, atol=0 if EXACT else 1e-5)


def traits(rank: int = 4, learning_rate: float = 1e-3) -> Traits:
    return Traits(rank, 0.05, learning_rate, 1.0, 8, 1, {})


def random_genome(
    sites: Sequence[SiteShape], seed: int, rank: int = 4, size: float = 0.1, learning_rate: float = 1e-3
) -> Genome:
    generator = torch.Generator().manual_seed(seed)
    factors = {
        site.name: Factors(
            torch.randn(rank, site.in_features, generator=generator) * size,
            torch.randn(site.out_features, rank, generator=generator) * size,
        )
        for site in sites
    }
    return Genome(factors, traits(rank, learning_rate), scaling=2.0)


def merged(model: nn.Module, genome: Genome) -> dict[str, torch.Tensor]:
    """Add a genome's deltas to the model's own weights; returns the originals, to be put back."""
    originals = {}
    for name in genome.factors:
        weight = model.get_submodule(name).weight
        originals[name] = weight.data.clone()
        weight.data += genome.delta(name)
    return originals


def restore(model: nn.Module, originals: dict[str, torch.Tensor]) -> None:
    for name, weight in originals.items():
        model.get_submodule(name).weight.data = weight


def greedy_reference(model: nn.Module, genome: Genome | None, prompt: Sequence[int], limit: int) -> list[int]:
    """Greedy decoding the slow way: eager attention, no cache, dense deltas, one row."""
    before = model.config._attn_implementation
    model.set_attn_implementation("eager")
    originals = merged(model, genome) if genome is not None else {}
    tokens: list[int] = []
    with torch.no_grad():
        while len(tokens) < limit and (not tokens or tokens[-1] != STOP):
            logits = model(input_ids=torch.tensor([[*prompt, *tokens]]), use_cache=False).logits[0, -1]
            tokens.append(int(logits.argmax()))
    restore(model, originals)
    model.set_attn_implementation(before)
    return tokens

"""Tiny hosts with random weights: real architectures, no files, a function of their name alone."""

import math
from typing import Any

import torch

from evolora.host.byte_tokenizer import ByteTokenizer
from evolora.rng import key64

_SHAPE: dict[str, Any] = {
    "vocab_size": ByteTokenizer.VOCABULARY,
    "hidden_size": 48,
    "intermediate_size": 96,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 12,
    "max_position_embeddings": 2048,
    "bos_token_id": ByteTokenizer.BOS,
    "eos_token_id": ByteTokenizer.EOS,
    "pad_token_id": ByteTokenizer.EOS,
}


def tiny_config(name: str) -> Any:
    """The transformers configuration of the tiny host `name`."""
    from transformers import Gemma3TextConfig, LlamaConfig, Qwen3Config

    if name == "tiny-llama":
        return LlamaConfig(**_SHAPE, num_hidden_layers=2, tie_word_embeddings=True)
    if name == "tiny-qwen3":
        # Untied: the one tiny host with a head of its own.
        return Qwen3Config(**_SHAPE, num_hidden_layers=2, tie_word_embeddings=False)
    if name == "tiny-gemma3":
        return Gemma3TextConfig(
            **_SHAPE,
            num_hidden_layers=3,
            sliding_window=16,  # shorter than any prompt, so that the window matters
            layer_types=["sliding_attention", "full_attention", "sliding_attention"],
            query_pre_attn_scalar=12,
        )
    raise KeyError(name)


def build_tiny(name: str) -> Any:
    """The tiny host `name` as a float32 transformers model: the same weights in every process.

    The weights come from a generator keyed by the name; the global random state is neither read nor changed.
    """
    from transformers import AutoModelForCausalLM

    config = tiny_config(name)
    with torch.random.fork_rng(devices=[]):  # transformers draws an initialisation we overwrite
        model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    generator = torch.Generator().manual_seed(key64(0, "tiny-host", name) >> 1)  # manual_seed takes 63 bits
    with torch.no_grad():
        # By name: the order of registration may change between versions. Tied weights are listed once.
        for _, parameter in sorted(model.named_parameters()):
            if parameter.ndim == 1:  # norm gains, around what has no effect: 0 for Gemma, else 1
                neutral = 0.0 if name == "tiny-gemma3" else 1.0
                parameter.copy_(neutral + 0.1 * torch.randn(parameter.shape, generator=generator))
            else:
                # 1 / sqrt(in): matrices keep the size of what they are given: logits far from uniform.
                scale = 1 / math.sqrt(parameter.shape[1])
                parameter.copy_(scale * torch.randn(parameter.shape, generator=generator))
    return model

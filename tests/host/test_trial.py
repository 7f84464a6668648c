"""Hosts whose layers mix tokens by other means than attention are refused, not answered for wrongly."""

from dataclasses import replace

import pytest
import torch
from engine import tiny_model
from transformers import GptOssConfig, GptOssForCausalLM, Lfm2Config, Lfm2ForCausalLM
from typer.testing import CliRunner

from evolora.cli.app import app
from evolora.errors import HostError
from evolora.evaluation.local import LocalEvaluator
from evolora.host.load import Host, load_host
from evolora.host.sites import find_sites

SHAPE = {
    "vocab_size": 300, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": 256,
}  # fmt: skip


def host_with(model: torch.nn.Module) -> Host:
    for parameter in model.parameters():
        if parameter.ndim == 2:
            torch.nn.init.normal_(parameter, std=0.2)
    return replace(load_host("tiny-llama", device="cpu"), name="mine", model=model.eval().requires_grad_(False))


def evaluator_on(host: Host, modules: list[str]) -> LocalEvaluator:
    return LocalEvaluator(host, find_sites(host.model, modules, "all"), "", 4096, 4096, 1.0)


@pytest.mark.parametrize("seed", [0, 1, 4])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_convolutions_that_run_across_the_rows_of_a_stream_are_refused(dtype, seed):
    torch.manual_seed(seed)
    host = host_with(Lfm2ForCausalLM(Lfm2Config(**SHAPE, layer_types=["conv", "full_attention"])))
    host = replace(host, model=host.model.to(dtype), dtype=dtype)
    with pytest.raises(HostError, match=r"host mine: .* attention alone, got a Lfm2ForCausalLM whose answers"):
        evaluator_on(host, ["q_proj"])


def test_host_check_says_so_too(monkeypatch):
    torch.manual_seed(0)
    host = host_with(Lfm2ForCausalLM(Lfm2Config(**SHAPE, layer_types=["full_attention", "conv"])))
    monkeypatch.setattr("evolora.host.load.load_host", lambda *_, **__: host)
    done = CliRunner().invoke(app, ["host", "check", "mine"])
    assert isinstance(done.exception, HostError) and "attention alone, got a Lfm2ForCausalLM" in str(done.exception)


def test_the_same_model_with_attention_alone_is_taken():
    torch.manual_seed(0)
    model = Lfm2ForCausalLM(Lfm2Config(**SHAPE, layer_types=["full_attention", "full_attention"]))
    evaluator_on(host_with(model), ["q_proj"])


def test_attention_sinks_are_refused_in_a_line():
    torch.manual_seed(0)
    host = host_with(GptOssForCausalLM(GptOssConfig(**SHAPE, head_dim=8, num_local_experts=2, num_experts_per_tok=1)))
    with pytest.raises(HostError, match=r"host mine: .* a GptOssForCausalLM which fails .*attention sinks") as caught:
        evaluator_on(host, ["q_proj"])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("architecture", ["gemma2", "gemma3"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_hosts_of_attention_alone_are_taken_in_either_format(architecture, dtype):
    host = replace(load_host("tiny-llama", device="cpu"), model=tiny_model(architecture).to(dtype), dtype=dtype)
    evaluator_on(host, ["q_proj"])

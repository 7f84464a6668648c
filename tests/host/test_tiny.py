"""Tiny hosts are functions of their names: three architectures, no files, no global randomness."""

import subprocess
import sys

import pytest
import torch

from evolora.host.byte_tokenizer import ByteTokenizer
from evolora.host.load import Host, load_host
from evolora.host.tiny import build_tiny, tiny_config


def test_a_tiny_host_is_frozen_small_and_ends_answers(tiny_host: Host) -> None:
    assert not tiny_host.model.training
    assert not any(p.requires_grad for p in tiny_host.model.parameters())
    assert tiny_host.num_parameters < 200_000
    assert tiny_host.eos_ids == {ByteTokenizer.EOS}
    assert tiny_host.model.config.num_key_value_heads < tiny_host.model.config.num_attention_heads


def test_the_same_name_gives_the_same_weights_whatever_was_drawn_before(tiny_host: Host) -> None:
    torch.rand(7)
    assert load_host(tiny_host.name, device="cpu", dtype="bfloat16").digest == tiny_host.digest


def test_building_leaves_the_global_random_state_alone(tiny_host: Host) -> None:
    before = torch.get_rng_state()
    build_tiny(tiny_host.name)
    assert torch.equal(torch.get_rng_state(), before)


def test_another_process_gets_the_same_digest() -> None:
    here = load_host("tiny-qwen3", device="cpu").digest
    code = "from evolora.host.load import load_host; print(load_host('tiny-qwen3', device='cpu').digest)"
    there = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert there.stdout.strip() == here


def test_the_three_hosts_differ() -> None:
    digests = {load_host(name, device="cpu").digest for name in ("tiny-llama", "tiny-qwen3", "tiny-gemma3")}
    assert len(digests) == 3


def test_gemma_has_both_kinds_of_attention_and_its_window_matters() -> None:
    assert set(tiny_config("tiny-gemma3").layer_types) == {"sliding_attention", "full_attention"}


def test_predictions_are_far_from_uniform_and_depend_on_the_prompt(tiny_host: Host) -> None:
    """A host that always says the same would let every test of decoding pass."""
    prompts = torch.tensor([list(b"what is 2 + 2?"), list(b"name a colour:")])
    with torch.inference_mode():
        last = tiny_host.model(input_ids=prompts).logits[:, -1].float()  # (2, vocabulary)
    probabilities = last.softmax(-1)
    assert float(probabilities.max()) > 3 / ByteTokenizer.VOCABULARY
    assert float((probabilities[0] - probabilities[1]).abs().sum()) > 0.1


@pytest.mark.parametrize("text", ["", "plain", "Zürich 東京 🦠", "two\nlines"])
def test_bytes_come_back_as_the_text_they_were(text: str) -> None:
    tokenizer = ByteTokenizer()
    ids = tokenizer.encode(text)
    assert tokenizer.decode([ByteTokenizer.BOS, *ids, ByteTokenizer.EOS]) == text


def test_bytes_that_are_no_text_are_shown_not_raised() -> None:
    assert "�" in ByteTokenizer().decode([0xFF, 65, 259])

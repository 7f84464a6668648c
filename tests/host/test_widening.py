"""Bfloat16 whose products are made in float32 is what a processor's own bfloat16 products give, up to rounding."""

import pytest
import torch
from engine import random_genome, sites_of, tiny_model

from evolora.host import fused, widening
from evolora.host.attention import IMPLEMENTATION, register
from evolora.host.bank import BankHooks, stack_genomes
from evolora.host.decode import Decoder, Request
from evolora.host.fused import Product, fuse_layers
from evolora.host.layout import make_grid
from evolora.host.learn import PolicyGradient
from evolora.host.widening import wide, widen_linears
from evolora.organism.learning import Learner, Lesson

LENGTHS = (5, 33, 9, 18)


@pytest.fixture
def widened(monkeypatch):
    """Says from now on whether this processor multiplies bfloat16 in software."""
    return lambda whether: monkeypatch.setattr(widening, "multiplies_in_software", lambda: whether)


def random(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).bfloat16()


def test_only_bfloat16_that_the_processor_cannot_multiply_is_widened(widened):
    widened(True)
    assert wide(random(2)).dtype == torch.float32
    for x in (torch.ones(2), torch.ones(2, dtype=torch.float64), torch.ones(2, dtype=torch.float16)):
        assert wide(x) is x
    widened(False)
    x = random(2)
    assert wide(x) is x


@pytest.mark.parametrize("longest", [1024, 16])  # a sum over more is not packed
@pytest.mark.parametrize("pack", [True, False])
@pytest.mark.parametrize("call", ["", "plus", "activated", "times", "back", "back plus"])
def test_products_are_rounded_once(widened, monkeypatch, call, pack, longest):
    widened(True)
    monkeypatch.setattr(fused, "_LONGEST_SUM", longest)
    weight, bias, x, other = random(96, 64, seed=1), random(96, seed=2), random(40, 64), random(40, 96, seed=3)
    product = Product(weight, bias, pack)
    exact = x.double() @ weight.double().T + bias.double()
    got, expected = {
        "": lambda: (product(x), exact),
        "plus": lambda: (product(x, plus=other), exact + other),
        "activated": lambda: (product.activated(x), torch.nn.functional.silu(exact)),
        "times": lambda: (product.times(x, other), exact * other),
        "back": lambda: (product.back(other), other.double() @ weight.double()),
        "back plus": lambda: (product.back(other, plus=x), other.double() @ weight.double() + x),
    }[call]()
    assert got.dtype == torch.bfloat16
    torch.testing.assert_close(got.double(), expected, rtol=2**-8, atol=1e-4)  # half a step of 8 bits, with no carry


def engine_of(architecture, is_fused):
    register()
    model = tiny_model(architecture).to(torch.bfloat16)
    model.set_attn_implementation(IMPLEMENTATION)
    sites = sites_of(model)
    hooks = BankHooks(model, sites)
    if is_fused:
        assert fuse_layers(model, hooks) == 3
    else:
        widen_linears(model, hooks)
    return model, sites, hooks


@pytest.mark.parametrize(("architecture", "is_fused"), [("qwen2", True), ("qwen2", False), ("gemma2", False)])
@pytest.mark.parametrize("samples", [1, 3])
def test_answers_and_lessons_are_as_products_in_bfloat16_give_them(
    widened, monkeypatch, architecture, is_fused, samples
):
    """Up to rounding."""
    found = []
    for whether in (True, False):
        widened(whether)
        monkeypatch.setattr(fused, "_can_pack", lambda _, packs=whether: packs)  # oneDNN may not pack bfloat16 here
        model, sites, hooks = engine_of(architecture, is_fused)
        genomes = [random_genome(sites, i, size=0.03) for i in range(4)]
        bank = stack_genomes(genomes, sites, torch.bfloat16, torch.device("cpu"))
        prompts = [tuple(range(10 + i, 10 + i + length)) for i, length in enumerate(LENGTHS)]
        asked = [Request(i, prompt, samples, 0.0, 4, i) for i, prompt in enumerate(prompts)]
        answers = [one for some in Decoder(model, hooks, frozenset(), 4096).generate(bank, asked) for one in some]
        lessons = [Lesson(i, prompt, ((7, 8, 9), (8,)), (1.0, -1.0), 1.0) for i, prompt in enumerate(prompts)]
        learner = PolicyGradient(model, hooks, sites, 1.0, 4096)
        learnt = learner.learn({i: Learner(genome, None) for i, genome in enumerate(genomes)}, lessons)
        slopes = [torch.cat([m.a.flatten() for m in one.optimizer.first.values()]) for one in learnt.values()]
        found.append((answers, torch.tensor([one.loss for one in learnt.values()]), torch.stack(slopes)))
    (told, losses, slopes), (expected, expected_losses, expected_slopes) = found
    alike = [(a.logprobs, b.logprobs) for a, b in zip(told, expected, strict=True) if a.tokens == b.tokens]
    assert len(alike) > len(told) / 2  # where two tokens are as likely, rounding may choose
    for ours, theirs in alike:
        assert ours == pytest.approx(theirs, abs=0.1)
    torch.testing.assert_close(losses, expected_losses, rtol=0, atol=0.05)
    assert (torch.cosine_similarity(slopes, expected_slopes) > 0.98).all()


def test_transformers_own_way_is_left_alone_outside_the_engine(widened):
    widened(True)
    model, _, hooks = engine_of("gemma2", is_fused=False)
    plain = tiny_model("gemma2").to(torch.bfloat16).model.layers[0].mlp.up_proj
    ours, x = model.model.layers[0].mlp.up_proj, random(1, 5, 32)
    assert torch.equal(ours(x), plain(x))
    with hooks.applied(None, make_grid([5], torch.device("cpu"))):
        assert torch.equal(ours(x), torch.nn.functional.linear(x.float(), plain.weight.float()).bfloat16())

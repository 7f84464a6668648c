"""Reading an opening once for all its questions changes nothing but time."""

import pytest
import torch
from engine import STOP, greedy_reference, random_genome, sites_of, tiny_model

from evolora.host.attention import IMPLEMENTATION, register
from evolora.host.bank import BankHooks, stack_genomes
from evolora.host.common import LEAST
from evolora.host.decode import Decoder, Request
from evolora.host.fused import fuse_layers
from evolora.host.openings import Layout, Question

CPU = torch.device("cpu")
ENGINES = ("llama", "llama fused", "llama fused above", "qwen3 fused above", "gemma2", "gemma3")


@pytest.fixture(scope="module", params=ENGINES)
def engine(request):
    """transformers' own layers, fused ones, and fused ones of which only the uppermost is adapted."""
    register()
    architecture, *how = request.param.split()
    model = tiny_model(architecture)
    model.set_attn_implementation(IMPLEMENTATION)
    sites = [site for site in sites_of(model) if "above" not in how or ".2." in site.name]
    hooks = BankHooks(model, sites)
    if "fused" in how:
        assert fuse_layers(model, hooks) == 3
        assert hooks.common_layers == (2 if "above" in how else 0)
    return model, sites, hooks


def tokens(length, seed):
    generator = torch.Generator().manual_seed(seed)
    return tuple(torch.randint(2, 300, (length,), generator=generator).tolist())


OPENINGS = [tokens(LEAST, 1), tokens(19, 2), tokens(LEAST - 1, 3), ()]
# (organism, opening, ending's length, ending's seed): repeated questions, endings of one token, an opening met once
ASKED = [
    *((0, 1, 5, 1), (2, 1, 5, 1), (1, 1, 9, 2), (1, 0, 1, 3), (0, 1, 5, 1), (0, 1, 2, 4), (0, 0, 6, 5)),
    *((2, 2, 4, 6), (2, 2, 7, 7), (1, 3, 11, 8), (3, 3, 3, 9), (3, 1, 9, 2), (1, 1, 1, 10)),
]


def requests_with(hint, samples):
    return [
        Request(owner, OPENINGS[o] + tokens(n, seed), samples, 0.9, 7, i, len(OPENINGS[o]) if hint else 0)
        for i, (owner, o, n, seed) in enumerate(ASKED)
    ]


@pytest.mark.parametrize("samples", [1, 3])
@pytest.mark.parametrize("most", [4096, 60])
def test_answers_are_the_same_with_openings_read_once(engine, samples, most):
    model, sites, hooks = engine
    bank = stack_genomes([random_genome(sites, seed) for seed in range(4)], sites, torch.float32, CPU)
    decoder = Decoder(model, hooks, frozenset({STOP}), most)
    once, each = (decoder.generate(bank, requests_with(hint, samples)) for hint in (True, False))
    for ours, theirs in zip(once, each, strict=True):
        assert [answer.tokens for answer in ours] == [answer.tokens for answer in theirs]
        for own, their in zip(ours, theirs, strict=True):
            assert own.logprobs == pytest.approx(their.logprobs, abs=1e-5)
    assert [a.tokens for a, *_ in decoder.generate(None, requests_with(True, 1))] == [
        a.tokens for a, *_ in decoder.generate(None, requests_with(False, 1))
    ]


def test_answers_behind_an_opening_equal_the_slow_way(engine):
    model, sites, hooks = engine
    genomes = [random_genome(sites, seed) for seed in range(4)]
    requests = [Request(r.organism, r.prompt, 1, 0.0, 6, 0, r.opening) for r in requests_with(True, 1)]
    bank = stack_genomes(genomes, sites, torch.float32, CPU)
    given = Decoder(model, hooks, frozenset({STOP}), 4096).generate(bank, requests)
    for request, (answer,) in zip(requests, given, strict=True):
        assert answer.tokens == greedy_reference(model, genomes[request.organism], request.prompt, 6)


def test_of_questions_that_open_alike_the_host_reads_the_opening_once():
    opening, short = OPENINGS[1], OPENINGS[2]
    asked = [(0, opening, (7, 8)), (0, opening, (9,)), (1, opening, (7, 8)), (1, short, (5,)), (1, short, (6,))]
    layout = Layout([Question(owner, start + end, len(start)) for owner, start, end in asked], 3)
    assert layout.ids == [*opening, 7, 8, 9, *opening, 7, 8, *short, 5, *short, 6]
    assert layout.positions == [*range(21), 19, *range(21), *range(LEAST), *range(LEAST)]
    assert layout.counts == [22, 21 + 2 * LEAST, 0]
    assert [layout.ids[place] for place in layout.last] == [8, 9, 8, 5, 6]
    common = layout.common(2, _NoStore(), CPU)
    assert common is not None
    assert [layout.ids[place] for place in common.first] == [*opening, 7, 8, 9, *short, 5, *short, 6]
    assert [layout.ids[common.first[copy]] for copy in common.copies] == layout.ids
    assert common.copies[22:43].tolist() == common.copies[:21].tolist()


def test_an_opening_that_is_the_whole_prompt_or_short_is_not_set_apart():
    assert Question(0, OPENINGS[0], LEAST).set_apart == ()
    assert Question(0, OPENINGS[1], LEAST - 1).set_apart == ()
    assert Question(0, OPENINGS[1], LEAST).set_apart == OPENINGS[1][:LEAST]


def test_a_batch_holds_those_that_open_alike(engine):
    """Twelve prompts behind two openings, asked in turns: each opening is in one batch only, of the six behind it."""
    model, sites, hooks = engine
    bank = stack_genomes([random_genome(sites, 1)], sites, torch.float32, CPU)
    starts = [tokens(12, 1), tokens(12, 2)]
    requests = [Request(0, starts[i % 2] + tokens(3, i), 1, 0.0, 1, 0, 12) for i in range(12)]
    seen = []
    handle = model.get_input_embeddings().register_forward_hook(lambda _, given, __: seen.append(given[0].numel()))
    try:
        Decoder(model, hooks, frozenset({STOP}), 48).generate(bank, requests)
    finally:
        handle.remove()
    assert seen == [12 + 6 * 3, 12 + 6 * 3]


def test_a_batch_is_cut_by_what_is_read_and_by_twice_that_remembered():
    """Of 12 + 3 tokens each and one to write: the first costs 16 to read, those that open alike 4; to remember, 16."""
    register()
    model = tiny_model("llama")
    model.set_attn_implementation(IMPLEMENTATION)
    hooks = BankHooks(model, [])
    start, read = tokens(12, 1), []
    model.get_input_embeddings().register_forward_hook(lambda _, given, __: read.append(given[0].numel()))

    def batches(most, opening):
        read.clear()
        requests = [Request(0, start + tokens(3, i), 1, 0.0, 1, 0, opening) for i in range(6)]
        Decoder(model, hooks, frozenset(), most).generate(None, requests)
        return read

    assert batches(16 + 2 * 4, 12) == [12 + 3 * 3, 12 + 3 * 3]  # three are read in 24 tokens, and remembered in 48
    assert batches(1000, 12) == [12 + 6 * 3]
    assert batches(32, 12) == [12 + 4 * 3, 12 + 2 * 3]  # four are remembered in 64 tokens; five could be read
    assert batches(32, 0) == [30, 30, 30]


class _NoStore:
    places = 32

    def store(self, layer, keys, values):
        raise AssertionError("nothing is read here")

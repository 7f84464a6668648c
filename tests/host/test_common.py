"""Reading equal prompts once below the lowest adapted layer changes nothing but time."""

import pytest
import torch
from engine import STOP, random_genome, sites_of, tiny_model

from evolora.host.attention import IMPLEMENTATION, register
from evolora.host.bank import BankHooks, stack_genomes
from evolora.host.decode import Decoder, Request
from evolora.host.fused import fuse_layers
from evolora.host.learn import PolicyGradient
from evolora.host.openings import Layout, Question
from evolora.organism.learning import Learner, Lesson

CPU = torch.device("cpu")


@pytest.fixture(params=["llama", "qwen3"])
def engine(request):
    """Adapters in the uppermost of three layers only."""
    register()
    model = tiny_model(request.param)
    model.set_attn_implementation(IMPLEMENTATION)
    sites = [site for site in sites_of(model) if ".2." in site.name]
    hooks = BankHooks(model, sites)
    fuse_layers(model, hooks)
    assert hooks.common_layers == 2
    return model, sites, hooks


def prompts_of(lengths, repeats):
    generator = torch.Generator().manual_seed(1)
    distinct = [tuple(torch.randint(2, 300, (n,), generator=generator).tolist()) for n in lengths]
    return [distinct[i] for i in repeats]


@pytest.mark.parametrize("samples", [1, 3])
def test_answers_are_the_same_with_prompts_read_once(engine, samples):
    model, sites, hooks = engine
    genomes = [random_genome(sites, seed) for seed in range(5)]
    prompts = prompts_of([9, 4, 13], [0, 1, 0, 2, 2, 0, 1, 0, 2])
    requests = [Request(i % 5, p, samples, 0.9, 7, key=i) for i, p in enumerate(prompts)]
    bank = stack_genomes(genomes, sites, torch.float32, CPU)
    decoder = Decoder(model, hooks, frozenset({STOP}), max_batch_tokens=4096)
    widths = watch_layers(model)
    once = decoder.generate(bank, requests)
    assert widths[:3] == [26, 26, 83]  # distinct tokens below, every organism's in the adapted layer
    hooks.common_layers = 0
    each = decoder.generate(bank, requests)
    for ours, theirs in zip(once, each, strict=True):
        assert [answer.tokens for answer in ours] == [answer.tokens for answer in theirs]
        for own, their in zip(ours, theirs, strict=True):
            assert own.logprobs == pytest.approx(their.logprobs, abs=1e-5)


def test_in_small_batches_too_equal_prompts_are_read_together(engine):
    model, sites, hooks = engine
    prompts = prompts_of([9, 9, 9, 9], [0, 1, 2, 3] * 5)  # organism by organism, as an exam asks them
    requests = [Request(i // 4, p, 1, 0.0, 2, key=i) for i, p in enumerate(prompts)]
    bank = stack_genomes([random_genome(sites, seed) for seed in range(5)], sites, torch.float32, CPU)
    widths = watch_layers(model)
    cut = Decoder(model, hooks, frozenset({STOP}), max_batch_tokens=5 * 11).generate(bank, requests)
    assert widths.count(9) == 2 * 4  # two lower layers, four batches, each of one prompt that five organisms read
    whole = Decoder(model, hooks, frozenset({STOP}), max_batch_tokens=4096).generate(bank, requests)
    assert [[a.tokens for a in group] for group in cut] == [[a.tokens for a in group] for group in whole]


def watch_layers(model):
    """Tokens that each call of a layer computes, as they come."""
    widths = []
    for index, layer in enumerate(model.get_decoder().layers):

        def forward(hidden_states, *args, _original=layer.forward, _index=index, **kwargs):
            common = kwargs["stream"].common
            out = _original(hidden_states, *args, **kwargs)
            shared = common is not None and _index < common.layers
            widths.append(len(common.first) if shared else hidden_states.shape[1])
            return out

        layer.forward = forward
    return widths


def test_learning_is_the_same_with_prompts_read_once(engine):
    model, sites, hooks = engine
    prompts = prompts_of([9, 14], [0, 1, 0, 1, 0])
    generator = torch.Generator().manual_seed(2)

    def answers():
        return tuple(tuple(torch.randint(2, 300, (n,), generator=generator).tolist()) for n in (1, 3, 2))

    lessons = [Lesson(i % 3, prompt, answers(), (1.0, -0.5, 0.25), 0.9) for i, prompt in enumerate(prompts)]
    learners = {i: Learner(random_genome(sites, i), None) for i in range(3)}
    learner = PolicyGradient(model, hooks, sites, 1.0, 4096)
    once = learner.learn(learners, lessons)
    hooks.common_layers = 0
    each = learner.learn(learners, lessons)
    for identity in learners:
        assert once[identity].loss == pytest.approx(each[identity].loss, abs=1e-5)
        assert once[identity].gradient_norm == pytest.approx(each[identity].gradient_norm, rel=1e-4)
        assert once[identity].gradient_norm > 0


def layout_of(lengths, repeats):
    prompts = prompts_of(lengths, repeats)
    return Layout([Question(owner, prompt, 0) for owner, prompt in enumerate(prompts)], len(prompts))


def test_prompts_that_differ_are_not_gathered():
    assert layout_of([5, 6, 7], [0, 1, 2]).common(2, _NoStore(), CPU) is None
    assert layout_of([5, 6, 7], [0, 0, 0]).common(0, _NoStore(), CPU) is None
    found = layout_of([5, 6], [1, 0, 1]).common(2, _NoStore(), CPU)
    assert found is not None
    assert found.first.tolist() == [*range(11)]
    assert found.copies.tolist() == [*range(6), *range(6, 11), *range(6)]


class _NoStore:
    places = 32

    def store(self, layer, keys, values):
        raise AssertionError("nothing is read here")


def test_two_users_of_one_host_each_have_their_own_adapters(engine):
    """The second fuses the same layers again; what the first answers and learns must not change."""
    model, sites, hooks = engine
    genome = random_genome(sites, 4)
    (prompt,) = prompts_of([8], [0])
    bank = stack_genomes([genome], sites, torch.float32, CPU)
    request = [Request(0, prompt, 1, 0.0, 6, key=0)]
    lesson = [Lesson(0, prompt, ((3, 4, 5), (6, 7)), (1.0, -1.0), 1.0)]

    def use():
        (answer,) = Decoder(model, hooks, frozenset({STOP}), 4096).generate(bank, request)[0]
        learnt = PolicyGradient(model, hooks, sites, 1.0, 4096).learn({0: Learner(genome, None)}, lesson)[0]
        return answer.logprobs, learnt.gradient_norm

    alone = use()
    other = BankHooks(model, sites)
    fuse_layers(model, other)
    assert use() == alone

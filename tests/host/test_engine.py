"""The engine against slow references: law 5 (bank), law 7 (sampling), exact gradients."""

import pytest
import torch
import torch.nn.functional as F
from engine import STOP, assert_same_bits, greedy_reference, merged, random_genome, restore, sites_of, tiny_model

from evolora.host import fused
from evolora.host.attention import IMPLEMENTATION, register
from evolora.host.bank import BankHooks, stack_genomes
from evolora.host.decode import Decoder, Request
from evolora.host.fused import Product, fuse_layers
from evolora.host.fused_learning import inverse_rms
from evolora.host.learn import PolicyGradient
from evolora.host.sampling import choose_tokens
from evolora.organism.genome import Genome
from evolora.organism.learning import Learner, Lesson

ENGINES = ("llama", "llama fused", "qwen2 fused", "qwen3", "qwen3 fused", "gemma2", "gemma3")


@pytest.fixture(scope="module", params=ENGINES)
def engine(request):
    """transformers' own layers with hooks, or fused ones: both must pass everything below."""
    register()
    architecture, _, fused = request.param.partition(" ")
    model = tiny_model(architecture)
    model.set_attn_implementation(IMPLEMENTATION)
    sites = sites_of(model)
    hooks = BankHooks(model, sites)
    if fused:
        assert fuse_layers(model, hooks) == 3
    return model, sites, hooks, Decoder(model, hooks, frozenset({STOP}), max_batch_tokens=4096)


def prompts_of_lengths(lengths, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [tuple(torch.randint(2, 300, (n,), generator=generator).tolist()) for n in lengths]


def bank_of(genomes, sites):
    return stack_genomes(genomes, sites, torch.float32, torch.device("cpu"))


def test_greedy_answers_of_a_mixed_batch_equal_each_organism_alone_the_slow_way(engine):
    model, sites, _, decoder = engine
    genomes = [random_genome(sites, seed, rank) for seed, rank in enumerate((4, 2, 8, 1))]
    prompts = prompts_of_lengths([5, 17, 9, 9, 12, 3, 21])
    owners = [2, 0, 1, 0, 3, 3, 0]  # uneven rows per organism, organism order shuffled
    limits = [6, 10, 1, 8, 10, 7, 9]
    requests = [
        Request(o, p, 1, 0.0, n, key=i) for i, (o, p, n) in enumerate(zip(owners, prompts, limits, strict=True))
    ]
    answers = decoder.generate(bank_of(genomes, sites), requests)
    for request, (answer,) in zip(requests, answers, strict=True):
        expected = greedy_reference(model, genomes[request.organism], request.prompt, request.limit)
        assert answer.tokens == expected
        assert answer.stopped == (expected[-1] == STOP)


def test_zero_genome_answers_as_the_bare_host(engine):
    _, sites, _, decoder = engine
    genome = random_genome(sites, 3)
    zero = genome.with_factors({n: type(f)(f.a, torch.zeros_like(f.b)) for n, f in genome.factors.items()})
    requests = [Request(0, p, 2, 0.9, 8, key=i) for i, p in enumerate(prompts_of_lengths([6, 11, 30]))]
    with_bank = decoder.generate(bank_of([zero], sites), requests)
    bare = decoder.generate(None, requests)
    assert [[a.tokens for a in group] for group in with_bank] == [[a.tokens for a in group] for group in bare]


def test_an_answer_is_the_same_alone_and_in_a_batch_of_64(engine):
    _, sites, _, decoder = engine
    genomes = [random_genome(sites, seed) for seed in range(16)]
    prompts = prompts_of_lengths([4 + i % 13 for i in range(64)])
    requests = [Request(i % 16, p, 1, 0.8 if i % 2 else 0.0, 8, key=i) for i, p in enumerate(prompts)]
    together = decoder.generate(bank_of(genomes, sites), requests)
    for i in (0, 1, 17, 38, 63):
        alone = decoder.generate(
            bank_of([genomes[i % 16]], sites),
            [
                Request(
                    0,
                    *(getattr(requests[i], f) for f in ("prompt", "num_samples", "temperature", "limit", "key")),
                )
            ],
        )
        assert alone[0][0].tokens == together[i][0].tokens


def test_samples_of_one_prompt_differ_and_small_batches_change_nothing(engine):
    model, sites, hooks, decoder = engine
    genomes = [random_genome(sites, seed) for seed in range(3)]
    requests = [Request(i % 3, p, 4, 1.2, 6, key=i) for i, p in enumerate(prompts_of_lengths([7, 8, 15, 4]))]
    whole = decoder.generate(bank_of(genomes, sites), requests)
    cut = Decoder(model, hooks, frozenset({STOP}), max_batch_tokens=1).generate(bank_of(genomes, sites), requests)
    assert [[a.tokens for a in g] for g in whole] == [[a.tokens for a in g] for g in cut]
    assert any(len({tuple(a.tokens) for a in group}) > 1 for group in whole)


def test_absent_sites_and_different_ranks_add_exactly_their_own_delta(engine):
    model, sites, _, decoder = engine
    full = random_genome(sites, 5, rank=3)
    partial = full.with_factors({n: f for i, (n, f) in enumerate(full.factors.items()) if i % 2})
    prompt = prompts_of_lengths([10])[0]
    answers = decoder.generate(
        bank_of([full, partial], sites), [Request(0, prompt, 1, 0.0, 8, 0), Request(1, prompt, 1, 0.0, 8, 0)]
    )
    assert answers[0][0].tokens == greedy_reference(model, full, prompt, 8)
    assert answers[1][0].tokens == greedy_reference(model, partial, prompt, 8)


def test_weights_that_are_not_finite_give_a_fault_and_harm_nobody_else(engine):
    _, sites, _, decoder = engine
    sick, well = random_genome(sites, 1), random_genome(sites, 2)
    sick.factors[sites[-1].name].b[0, 0] = float("nan")  # down_proj of the last layer
    requests = [Request(o, p, 2, 0.0, 5, o) for o, p in zip((0, 1), prompts_of_lengths([8, 8]), strict=True)]
    answers = decoder.generate(bank_of([sick, well], sites), requests)
    assert all(a.fault and not a.tokens for a in answers[0])
    alone = decoder.generate(bank_of([well], sites), [Request(0, requests[1].prompt, 2, 0.0, 5, 1)])
    assert [a.tokens for a in answers[1]] == [a.tokens for a in alone[0]]


def reference_gradients(model, genome: Genome, lessons):
    """Autograd through the merged model, one answer at a time, eager attention."""
    model.set_attn_implementation("eager")
    leaves = {n: (f.a.clone().requires_grad_(), f.b.clone().requires_grad_()) for n, f in genome.factors.items()}
    weights = {f"{n}.weight": model.get_submodule(n).weight + genome.scaling * b @ a for n, (a, b) in leaves.items()}
    total = sum(len(answer) for lesson in lessons for answer in lesson.answers)
    loss = torch.zeros(())
    for lesson in lessons:
        for answer, advantage in zip(lesson.answers, lesson.advantages, strict=True):
            ids = torch.tensor([[*lesson.prompt_ids, *answer]])
            out = torch.func.functional_call(model, weights, kwargs={"input_ids": ids, "use_cache": False})
            logits = out.logits[0, len(lesson.prompt_ids) - 1 : -1] / lesson.temperature
            loss = loss + advantage * F.cross_entropy(logits, torch.tensor(answer), reduction="sum")
    (loss / total).backward()
    model.set_attn_implementation(IMPLEMENTATION)
    return leaves, float(loss / total)


def some_lessons(organism, seed):
    prompts = prompts_of_lengths([6, 11], seed)
    answers = prompts_of_lengths([3, 1, 5, 4], seed + 1)
    return [
        Lesson(organism, prompts[0], (answers[0], answers[1]), (1.0, -0.5), 0.9),
        Lesson(organism, prompts[1], (answers[2], answers[3], answers[0]), (0.2, 0.0, -1.3), 0.9),
    ]


def alike_lessons(organism, seed):
    """Prompts that open alike, longer than any sliding window or not at all; answers that are equal or begin alike."""
    opening, other, one, two, three = prompts_of_lengths([12, 9, 4, 1, 7], 3)  # of all organisms
    (same, own) = prompts_of_lengths([5, 2], seed)
    answers = (same, same[:3], same, (*same[:3], *own), own, same[:1])
    return [
        Lesson(organism, opening + one, answers, (1.0, -0.5, 1.0, 0.25, -1.0, 0.5), 0.9),
        Lesson(organism, other + three, answers[2:4], (1.0, -1.0), 0.9),
        Lesson(organism, opening + two, answers[:3], (0.5, 0.5, -1.0), 1.1),
        Lesson(organism, other + one, answers[4:], (-1.0, 2.0), 0.9),
        Lesson(organism, opening + one, answers[4:], (-0.25, 1.5), 0.9),
        Lesson(organism, three, answers, (0.5, 0.0, -1.5, 0.25, -1.0, 0.5), 0.9),
    ]


@pytest.mark.parametrize("some", [some_lessons, alike_lessons])
@pytest.mark.parametrize("max_tokens", [8, 4096])
def test_population_gradients_equal_training_each_organism_alone(engine, max_tokens, some):
    model, sites, hooks, _ = engine
    genomes = {i: random_genome(sites, i, rank) for i, rank in ((7, 4), (9, 2), (12, 3))}
    lessons = {i: some(i, i) for i in genomes}
    learner = PolicyGradient(model, hooks, sites, max_gradient_norm=1e9, max_batch_tokens=max_tokens)
    learnt = learner.learn(
        {i: Learner(g, None) for i, g in genomes.items()}, [x for own in lessons.values() for x in own]
    )
    for i, genome in genomes.items():
        leaves, loss = reference_gradients(model, genome, lessons[i])
        assert learnt[i].loss == pytest.approx(loss, rel=1e-4, abs=1e-6)
        norm = torch.sqrt(sum((g.grad.square().sum() for pair in leaves.values() for g in pair), torch.zeros(())))
        assert learnt[i].gradient_norm == pytest.approx(float(norm), rel=1e-4)
        for name, (a, b) in leaves.items():  # Adam's first moment after one step is a tenth of the gradient
            torch.testing.assert_close(learnt[i].optimizer.first[name].a * 10, a.grad, rtol=1e-3, atol=1e-6)
            torch.testing.assert_close(learnt[i].optimizer.first[name].b * 10, b.grad, rtol=1e-3, atol=1e-6)
            adam = torch.optim.Adam([a, b], lr=genome.traits.learning_rate)
            adam.step()
            sure = a.grad.abs() > 1e-6  # where the gradient is rounding, Adam's first step is the sign of rounding
            torch.testing.assert_close(learnt[i].genome.factors[name].a[sure], a.detach()[sure], rtol=0, atol=1e-5)
    assert all(p.grad is None for p in model.parameters())


@pytest.mark.parametrize("layers", ["", ".2."])
@pytest.mark.parametrize("architecture", ["llama", "qwen3"])
def test_who_learns_beside_an_organism_changes_no_bit_of_it(architecture, layers):
    """In float32: so runs are the same for any number of workers. Lower layers are read once for all where they can."""
    register()
    model = tiny_model(architecture)
    model.set_attn_implementation(IMPLEMENTATION)
    sites = [site for site in sites_of(model) if layers in site.name]
    hooks = BankHooks(model, sites)
    assert fuse_layers(model, hooks) == 3
    assert hooks.common_layers == (2 if layers else 0)
    learners = {i: Learner(random_genome(sites, i), None) for i in range(9)}
    lessons = [lesson for i in learners for lesson in (alike_lessons if i % 3 else some_lessons)(i, i)]
    lessons += [Lesson(8, prompts_of_lengths([70])[0], ((5, 6), (6, 7)), (1.0, -1.0), 1.0)]
    learner = PolicyGradient(model, hooks, sites, max_gradient_norm=1.0, max_batch_tokens=4096)
    together = learner.learn(learners, lessons)
    for some in ([0], [1], [2, 4], [3, 5, 7, 8], [6]):
        apart = learner.learn({i: learners[i] for i in some}, [x for x in lessons if x.organism_id in some])
        for i in some:
            assert_same_bits(torch.tensor(apart[i].loss), torch.tensor(together[i].loss))
            for name, moments in apart[i].optimizer.first.items():
                assert_same_bits(moments.a, together[i].optimizer.first[name].a)
                assert_same_bits(moments.b, together[i].optimizer.first[name].b)


@pytest.mark.parametrize("samples", [1, 3])
@pytest.mark.parametrize("layers", ["", ".2."])
@pytest.mark.parametrize("architecture", ["llama", "qwen3"])
def test_who_answers_beside_an_organism_changes_no_bit_of_its_answers(architecture, layers, samples):
    register()
    model = tiny_model(architecture, head_width=32)  # as in real hosts: MKL adds 8 numbers otherwise beside more keys
    model.set_attn_implementation(IMPLEMENTATION)
    sites = [site for site in sites_of(model) if layers in site.name]
    hooks = BankHooks(model, sites)
    assert fuse_layers(model, hooks) == 3
    bank = bank_of([random_genome(sites, i) for i in range(9)], sites)
    decoder = Decoder(model, hooks, frozenset({STOP}), max_batch_tokens=4096)
    (opening,) = prompts_of_lengths([12], 5)
    requests = []
    for i, length in enumerate([5, 33, 70, 2, 9, 9, 18, 41, 7, 3, 11, 12]):
        (question,) = prompts_of_lengths([length], i % 4)
        requests.append(Request(i * 5 % 9, question, samples, 1.0, 3 + i % 6, key=i))
        requests.append(Request((i * 5 + 3) % 9, opening + question, samples, 1.0, 3 + i % 6, i, len(opening)))
    together = decoder.generate(bank, requests)
    for some in ([0], [1], [2, 3], [4, 5, 6], [7, 8]):
        asked = [i for i, request in enumerate(requests) if request.organism in some]
        for i, answers in zip(asked, decoder.generate(bank, [requests[i] for i in asked]), strict=True):
            assert [answer.tokens for answer in answers] == [answer.tokens for answer in together[i]]
            for ours, theirs in zip(answers, together[i], strict=True):
                assert_same_bits(torch.tensor(ours.logprobs), torch.tensor(theirs.logprobs))


def test_learners_without_a_useful_lesson_come_back_unchanged(engine):
    model, sites, hooks, _ = engine
    genome = random_genome(sites, 0)
    learner = PolicyGradient(model, hooks, sites, 1.0, 4096)
    flat = Lesson(1, (5, 6), ((7,), (8,)), (0.0, 0.0), 1.0)
    assert learner.learn({1: Learner(genome, None), 2: Learner(genome, None)}, [flat])[1].genome is genome


@pytest.mark.parametrize("beside", [(), (3,)])
def test_a_learner_that_adapts_no_site_comes_back_unchanged_alone_and_beside_others(engine, beside):
    model, sites, hooks, _ = engine
    learners = {i: Learner(random_genome(sites, i), None) for i in beside}
    bare = random_genome(sites, 0).with_factors({})
    lessons = [Lesson(i, (5, 6), ((7,), (8,)), (1.0, -1.0), 1.0) for i in (1, *beside)]
    learnt = PolicyGradient(model, hooks, sites, 1.0, 4096).learn({1: Learner(bare, None), **learners}, lessons)
    assert learnt[1].genome is bare and learnt[1].optimizer is None and not learnt[1].fault
    assert all(learnt[i].optimizer.step == 1 for i in beside)


def test_reinforcing_an_answer_makes_it_likelier(engine):
    model, sites, hooks, _ = engine
    genome = random_genome(sites, 4, learning_rate=5e-3)
    learner = PolicyGradient(model, hooks, sites, 1.0, 4096)
    lesson = Lesson(0, (5, 6, 7), ((8, 9), (10, 11)), (1.0, -1.0), 1.0)
    state = Learner(genome, None)
    losses = []
    for _ in range(6):
        result = learner.learn({0: state}, [lesson])[0]
        losses.append(result.loss)
        state = Learner(result.genome, result.optimizer)
    assert losses[-1] < losses[0]


def test_sampling_follows_the_distribution_and_ignores_neighbours():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(1, 1000, generator=generator) * 2
    count = 20_000
    uniforms = (torch.arange(count) + 0.5) / count
    tokens, logprobs = choose_tokens(logits.expand(count, -1), torch.full((count,), 0.7), uniforms)
    expected = torch.softmax(logits[0] / 0.7, -1)
    observed = torch.bincount(tokens, minlength=1000) / count
    assert (observed - expected).abs().max() < 2.0 / count
    torch.testing.assert_close(logprobs, torch.log(expected)[tokens], rtol=1e-3, atol=1e-3)
    alone, _ = choose_tokens(logits, torch.tensor([0.7]), uniforms[777:778])
    assert int(alone[0]) == int(tokens[777])


def test_sampling_never_takes_a_token_of_zero_probability_at_the_edges():
    logits = torch.full((3, 600), -float("inf"))
    logits[:, [0, 255, 511]] = 0.0
    tokens, _ = choose_tokens(logits, torch.ones(3), torch.tensor([0.0, 0.999999, 0.5]))
    assert set(tokens.tolist()) <= {0, 255, 511}


def test_layers_that_would_compute_something_else_are_not_fused(monkeypatch):
    register()
    model = tiny_model("llama")
    model.set_attn_implementation(IMPLEMENTATION)
    monkeypatch.setattr(fused, "rotate", lambda heads, cos, sin: heads)
    assert fuse_layers(model, BankHooks(model, sites_of(model))) == 0
    assert not any("forward" in vars(layer) for layer in model.model.layers)


@pytest.mark.parametrize("architecture", ["llama", "qwen2", "qwen3"])
def test_all_layers_run_fused_in_bfloat16_too(architecture):
    register()
    model = tiny_model(architecture).to(torch.bfloat16)
    model.set_attn_implementation(IMPLEMENTATION)
    assert fuse_layers(model, BankHooks(model, sites_of(model))) == 3


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_packed_products_equal_plain_ones_up_to_rounding(dtype):
    generator = torch.Generator().manual_seed(0)
    shapes = ((96, 64), (40, 64), (40, 96))
    weight, x, other = (torch.randn(shape, generator=generator).to(dtype) for shape in shapes)
    plain, packed = (Product(weight, None, pack) for pack in (False, True))
    for call in (
        lambda product: product(x),
        lambda product: product(x, plus=other),
        lambda product: product.activated(x),
        lambda product: product.times(x, other),
        lambda product: product.back(other),
        lambda product: product.back(other, plus=x),
    ):
        exact = dtype == torch.float32
        torch.testing.assert_close(call(packed), call(plain), rtol=0 if exact else 0.02, atol=1e-4 if exact else 0.1)


@pytest.mark.parametrize("shape", [(96, 64), (300, 48), (64, fused._LONGEST_SUM)])
def test_a_row_of_a_packed_product_is_the_same_in_any_company(set_threads, shape):
    """In float32 runs are to be the same for any number of workers, each with its own rows and threads."""
    generator = torch.Generator().manual_seed(0)
    weight, x = (torch.randn(rows, shape[1], generator=generator) for rows in (shape[0], 90))
    plus = torch.randn(90, shape[0], generator=generator)
    product = Product(weight, None, pack=True)
    whole, added = product(x), product(x, plus=plus)
    for count in (1, 2, 3):
        set_threads(count)
        for rows in (slice(0, 1), slice(3, 5), slice(7, 14), slice(20, 53), slice(1, 90)):
            assert_same_bits(product(x[rows]), whole[rows])
            assert_same_bits(product(x[rows], plus=plus[rows]), added[rows])


def test_a_float32_product_with_longer_sums_is_not_packed():
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(8, fused._LONGEST_SUM + 1, generator=generator)
    assert Product(weight, None, pack=True)._packed is None
    assert Product(weight, None, pack=True)._packed_back is not None  # a sum over 8


@pytest.mark.parametrize("width", [6, 64, 577])
def test_norms_in_bfloat16_are_as_near_as_its_rounding(width):
    x = torch.randn(50, width, generator=torch.Generator().manual_seed(0)).bfloat16()
    exact = (x.double().square().mean(-1, keepdim=True) + 1e-5).rsqrt()
    epsilon = torch.tensor(1e-5)
    found = inverse_rms(x, epsilon)
    assert found.dtype == torch.float32 and found.shape == (50, 1)
    assert ((found / exact - 1).abs() < 2**-8).all()
    torch.testing.assert_close(inverse_rms(x.float(), epsilon).double(), exact)


def test_reference_restores_the_model(engine):
    model, sites, _, _ = engine
    before = {n: p.clone() for n, p in model.named_parameters()}
    restore(model, merged(model, random_genome(sites, 1)))
    assert all(torch.equal(p, before[n]) for n, p in model.named_parameters())

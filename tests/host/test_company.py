"""Float32 numbers of an organism are the same bits whoever shares its batches, on any number of threads: so a run is
the same for any number of workers. So are bfloat16 ones where products are made in float32. The petri host's widths are
as those of real hosts, its organisms have all ranks.
"""

from dataclasses import replace
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from engine import EXACT, assert_same_bits, random_genome

from evolora.benchmark import Bench
from evolora.build import open_run
from evolora.config.load import load_world
from evolora.evaluation.bench import make_prompts
from evolora.host import widening
from evolora.host.attention import Scoring, additive_mask, explicit_attention
from evolora.host.bank import stack_genomes
from evolora.host.common import LEAST
from evolora.host.decode import Request
from evolora.host.layout import aligned
from evolora.host.panels import in_panels
from evolora.organism.learning import Learner, Lesson
from evolora.rng import stream

RANKS = (2, 3, 4, 8, 5, 6, 16, 7, 1, 4, 3, 2)
MODULES = ("q_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
OPENING = tuple(range(50, 50 + LEAST + 8))
COMPANIES = ([8], [0, 1, 2], [3, 4, 5, 6, 7], [9, 10, 11])


@pytest.fixture(scope="module", params=["float32", "bfloat16"])
def evaluator(request):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(widening, "multiplies_in_software", lambda: True)
        yield Bench("petri", request.param, "upper_half", MODULES, 1).open()


@pytest.fixture(scope="module")
def genomes(evaluator):
    """Of every other organism some sites only, each of which somebody adapts."""
    some = {seed: [site for i, site in enumerate(evaluator.sites) if (i + seed) % 3] for seed in range(1, 12, 2)}
    return [random_genome(some.get(seed, evaluator.sites), seed, rank) for seed, rank in enumerate(RANKS)]


@pytest.fixture(params=[1, 2, 5])
def one_thread(request, set_threads):
    """So many threads at first, one when it is called."""
    set_threads(request.param)
    return partial(set_threads, 1)


@pytest.mark.parametrize("samples", [1, 3])
def test_answers(evaluator, genomes, samples, one_thread):
    """In small batches company decides, too, which of an organism's prompts share one, and so how many rows it has."""
    decoder = evaluator.decoder.without_stop()

    def answer(organisms, limit):
        decoder._max_batch_tokens = limit
        own = [genomes[i] for i in organisms]
        bank = stack_genomes(own, evaluator.sites, evaluator.host.dtype, torch.device("cpu"))
        asked = [replace(r, organism=organisms.index(r.organism)) for r in requests if r.organism in organisms]
        return [torch.tensor([one.logprobs for one in group]) for group in decoder.generate(bank, asked)]

    prompts = make_prompts(evaluator, stream(0, "lengths").integers(24, 90, size=36).tolist())
    requests = [Request(i % 12, prompt, samples, 1.0, 4 + i % 3, i) for i, prompt in enumerate(prompts)]
    requests += [  # one to three of an organism open alike
        replace(request, prompt=OPENING + request.prompt[24:], opening=len(OPENING)) for request in requests[:26]
    ]
    together = answer(list(range(12)), 100_000)
    one_thread()
    for limit in (100_000, 900, 300):
        for some in COMPANIES:
            expected = [numbers for asked, numbers in zip(requests, together, strict=True) if asked.organism in some]
            for ours, theirs in zip(answer(some, limit), expected, strict=True):
                assert_same_bits(ours, theirs)


@pytest.mark.parametrize("short", [False, True])
def test_lessons(evaluator, genomes, one_thread, short):
    """Two for everybody, of several answers each, or of one, so that few tokens are read and fewer learnt from."""
    lessons = []
    for number, prompt in enumerate(make_prompts(evaluator, [4 + i % 3 if short else 30 + i for i in range(24)])):
        sizes = [1 + number % 5] if short else range(2, 4 + number % 3)
        answers = [stream(0, "answer", number, size).integers(10, 200, size=size).tolist() for size in sizes]
        advantages = tuple((-1.0) ** j / (j + 1) for j in range(len(answers)))
        lessons.append(Lesson(number % 12, prompt, tuple(map(tuple, answers)), advantages, 1.0))
    learners = {i: Learner(genome, None) for i, genome in enumerate(genomes)}
    together = evaluator.learn(learners, lessons)
    one_thread()
    for some in COMPANIES:
        mine = [lesson for lesson in lessons if lesson.organism_id in some]
        for i, learnt in evaluator.learn({i: learners[i] for i in some}, mine).items():
            assert learnt.gradient_norm > 0
            for name, moments in learnt.optimizer.first.items():
                assert_same_bits(moments.a, together[i].optimizer.first[name].a)
                assert_same_bits(moments.b, together[i].optimizer.first[name].b)


@pytest.mark.parametrize("length", [5, 53, 120, 185, 200])
def test_gradients_of_attention_in_any_rectangle(length):
    """As wide as the longest row in company; three heads share keys, as in the default host."""
    generator = torch.Generator().manual_seed(0)
    own = [torch.randn(1, heads, length, 64, generator=generator) for heads in (9, 3, 3)]
    slope = torch.randn(1, 9, length, 64, generator=generator)

    def gradients(rows, width):
        empty = (0, 0, 0, width - length)
        leaves = [F.pad(t, empty).expand(rows, -1, -1, -1).contiguous().requires_grad_() for t in own]
        places = torch.arange(width)
        seen = (places <= places[:, None]) & (places[:, None] < length)
        out = explicit_attention(*leaves, additive_mask(seen).expand(rows, -1, -1), Scoring(0.125))
        found = torch.autograd.grad(out, leaves, F.pad(slope, empty).expand(rows, -1, -1, -1))
        return [t[0, :, :length] for t in (out.detach(), *found)]

    alone = gradients(1, aligned(length))
    for rows, width in ((2, 64), (1, 80), (3, 96), (2, 160), (1, 208), (2, 240), (1, 288), (1, 400)):
        if width >= length:
            for ours, theirs in zip(gradients(rows, width), alone, strict=True):
                assert_same_bits(ours, theirs)


@pytest.mark.parametrize("shape", [(576, 1536), (128, 384), (48, 8192)])  # what a product by MKL gives and sums over
def test_rows_of_products_that_are_not_packed(shape, one_thread):
    generator = torch.Generator().manual_seed(0)
    weight, x = (torch.randn(rows, shape[1], generator=generator) for rows in (shape[0], 150))
    weight /= shape[1] ** 0.5
    whole = in_panels(lambda x: x @ weight.T, x)
    one_thread()
    for rows in (1, 2, 3, 5, 7, 9, 10, 17, 31, 33, 63, 65, 127):
        assert_same_bits(in_panels(lambda x: x @ weight.T, x[3 : 3 + rows]), whole[3 : 3 + rows])


@pytest.mark.skipif(not EXACT, reason="a rounding may change which token is drawn, and so a life")
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_run_is_the_same_bytes_on_any_threads_in_any_batches(tmp_path, set_threads, dtype):
    """Half the founders pay for a worked example, so that prompts with and without openings meet."""
    small = ["generations=3", "population.founders=24", "population.capacity=24", f"host.dtype={dtype}"]

    def live(threads, *settings):
        path = tmp_path / str(threads)
        simulation = open_run(load_world("petri", [*small, f"host.threads={threads}", *settings]), path, name="run")
        simulation.run()
        kept = [*path.rglob("*.safetensors"), *path.rglob("*.parquet"), *path.rglob("metrics.jsonl")]
        return {file.relative_to(path): file.read_bytes() for file in kept}

    one = live(1, "host.max_batch_tokens=1024", "host.max_learning_tokens=1024")
    several = live(3)
    assert one.keys() == several.keys() and len(one) > 5
    assert [file for file in one if one[file] != several[file]] == []

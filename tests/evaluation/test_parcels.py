"""Parcels, shards and one worker, all without Ray: what travels, where to, and what is kept."""

from collections import Counter

import pytest
import torch
from engine import random_genome
from puddle import world
from test_local import encounter

from evolora.build import build_evaluator
from evolora.environment.encounter import Encounter
from evolora.environment.task import Task
from evolora.evaluation.local import LocalSetup
from evolora.evaluation.parcels import BodyTicket, GenomeTicket, LearnerTicket, OptimizerTicket, Shelf, pack, unpack
from evolora.evaluation.shards import EVEN_ENOUGH, expected_tokens, pages, spread
from evolora.evaluation.worker import LearntPage, Missing, Worker, needed
from evolora.organism.genome import Factors, Genome, SiteShape
from evolora.organism.learning import Learner, Lesson
from evolora.organism.perturbation import Noise, Perturbed
from evolora.rng import stream

SITES = [SiteShape(f"layers.{i}.{name}", 6, 4) for i in range(2) for name in ("v", "q")]
SETUP = LocalSetup("tiny-llama", "cpu", "float32", 1, ("q_proj", "down_proj"), "all", "", 4096, 4096, 1.0)


def test_a_parcel_brings_back_the_same_bits_in_the_same_order():
    genome = random_genome(SITES, seed=1, rank=3)
    back = unpack(pack(genome.factors))
    assert list(back) == [site.name for site in SITES], "operators draw in the order of sites"
    for site, own in genome.factors.items():
        assert torch.equal(back[site].a, own.a) and torch.equal(back[site].b, own.b)
    assert unpack(pack({})) == {}


def test_a_digest_is_the_contents_alone():
    genome, twin, other = (random_genome(SITES, seed=seed, rank=3) for seed in (1, 1, 2))
    assert pack(genome.factors).digest == pack(twin.factors).digest
    assert pack(genome.factors).digest != pack(other.factors).digest
    backwards = dict(reversed(genome.factors.items()))
    assert pack(genome.factors).digest != pack(backwards).digest
    turned = {site: Factors(own.b.T.contiguous(), own.a.T.contiguous()) for site, own in genome.factors.items()}
    assert pack(turned).digest != pack(genome.factors).digest


def test_what_is_unpacked_may_be_written_without_harm_to_the_parcel():
    parcel = pack(random_genome(SITES, seed=1).factors)
    parcel.values.setflags(write=False)  # as Ray hands it over
    before = parcel.digest
    unpack(parcel)[SITES[0].name].a.fill_(7.0)
    assert parcel.digest == before


def test_a_shelf_stays_within_its_bytes_and_drops_what_was_not_used_for_longest():
    weights = {name: random_genome(SITES, seed=i).factors for i, name in enumerate("abcd")}
    size = sum(own.a.nbytes + own.b.nbytes for own in weights["a"].values())
    shelf = Shelf(most_bytes=3 * size)
    for name in "abc":
        shelf.put(name, weights[name])
    assert shelf["a"] is weights["a"]
    shelf.put("b", weights["b"])  # seen again
    shelf.put("d", weights["d"])
    assert [name in shelf for name in "abcd"] == [True, True, False, True]
    small = Shelf(most_bytes=size - 1)
    small.put("a", weights["a"])
    assert "a" not in small


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("num_workers", [1, 2, 5])
def test_shards_are_even_mostly_at_home_and_a_function_of_the_loads(seed, num_workers):
    rng = stream(seed, "loads")
    loads = {int(i): int(rng.integers(100, 1000)) for i in sorted(rng.choice(500, size=60, replace=False))}
    shards = spread(loads, num_workers)
    assert shards.keys() == loads.keys() and set(shards.values()) == set(range(num_workers))
    sums = Counter({w: sum(loads[i] for i in loads if shards[i] == w) for w in range(num_workers)})
    fullest = max(sums, key=lambda w: sums[w])
    smallest = min(loads[i] for i in loads if shards[i] == fullest)  # the least that could still be moved
    assert max(sums.values()) - min(sums.values()) <= max(EVEN_ENOUGH * sum(sums.values()) / num_workers, smallest)
    assert spread(loads, num_workers) == shards
    assert sum(shards[i] == i % num_workers for i in loads) > len(loads) / 2


def test_few_or_no_organisms_are_spread_too():
    assert spread({}, 3) == {}
    assert spread({7: 10}, 3) == {7: 1}
    assert sorted(spread({0: 5, 2: 5, 4: 5, 6: 5}, 2).values()) == [0, 0, 1, 1], "all at home with worker 0"


def test_expected_tokens_count_the_text_of_examples_and_every_sample():
    example = Task("f", "y" * 40, "z" * 20, 0)
    met = Encounter(1, "n", Task("f", "x" * 100, "a", 0), (example,), 3, 0.5, 8, key=1)
    assert expected_tokens(met) == 1 + 160 // 4 + 3 * 8


def test_pages_keep_everything_in_order():
    assert pages(range(7), 3) == [range(3), range(3, 6), range(6, 7)]
    assert pages([], 3) == []


@pytest.fixture(scope="module")
def worker() -> Worker:
    worker = Worker(SETUP)
    worker.open()
    return worker


def ticket(genome: Genome) -> GenomeTicket:
    return GenomeTicket(pack(genome.factors).digest, genome.traits, genome.scaling)


def test_a_worker_asks_for_what_it_lacks_and_keeps_what_it_got(worker):
    local = SETUP.open()
    genomes = {i: random_genome(local.sites, seed=i, size=0.3) for i in (1, 2)}
    bodies = {i: BodyTicket(ticket(genome), i, None) for i, genome in genomes.items()}
    encounters = [encounter(2, "abc"), encounter(1, "hello")]
    digests = {i: body.genome.digest for i, body in bodies.items()}
    parcels = {digests[i]: pack(genome.factors) for i, genome in genomes.items()}
    assert worker.answer(bodies, encounters, {digests[1]: parcels[digests[1]]}) == Missing(frozenset([digests[2]]))
    expected = local.answer(genomes, encounters)
    assert worker.answer(bodies, encounters, parcels) == expected
    assert worker.answer(bodies, encounters, {}) == expected
    noise = Noise(5, 0.2)
    perturbed = worker.answer({9: BodyTicket(ticket(genomes[1]), 1, noise)}, [encounter(9)], {})
    assert perturbed == local.answer({9: Perturbed(1, genomes[1], noise)}, [encounter(9)])


def test_a_worker_sends_back_what_is_new_and_can_go_on_from_it(worker):
    local = SETUP.open()
    genome = random_genome(local.sites, seed=3)
    lesson = Lesson(4, (5, 6), ((7, 8), (9,)), (1.0, -1.0), 1.0)
    first = local.learn({4: Learner(genome, None)}, [lesson])[4]
    second = local.learn({4: Learner(first.genome, first.optimizer)}, [lesson])[4]
    asked = LearnerTicket(ticket(genome), None)
    page = worker.learn({4: asked}, [lesson], {asked.genome.digest: pack(genome.factors)})
    assert isinstance(page, LearntPage) and len(page.parcels) == 3
    learnt = page.learnt[4]
    assert learnt.genome == ticket(first.genome) and learnt.loss == first.loss
    assert learnt.optimizer == OptimizerTicket(
        1, pack(first.optimizer.first).digest, pack(first.optimizer.second).digest
    )
    again = LearnerTicket(learnt.genome, learnt.optimizer)
    assert set(needed(again)) == set(page.parcels)
    assert worker.learn({4: again}, [lesson], {}).learnt[4].genome == ticket(second.genome)


def test_a_worker_that_cannot_learn_from_a_lesson_sends_no_weights(worker):
    genome = random_genome(SETUP.open().sites, seed=3)
    flat = Lesson(4, (5, 6), ((7, 8), (9,)), (0.0, 0.0), 1.0)
    asked = LearnerTicket(ticket(genome), None)
    page = worker.learn({4: asked}, [flat], {asked.genome.digest: pack(genome.factors)})
    assert page.parcels == {} and page.learnt[4].genome == asked.genome


def test_the_setup_of_a_world_opens_the_evaluator_of_that_world():
    config = world()
    facts = build_evaluator(config).facts
    assert (facts.name, facts.dtype, facts.device) == ("tiny-llama", "float32", "cpu")
    assert [site.name.rsplit(".")[-1] for site in facts.sites[:2]] == ["q_proj", "v_proj"]

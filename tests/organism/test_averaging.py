"""Averages of an organism's versions: what they are, who gets them, and that runs with them repeat."""

import pytest
import torch
from hostless import Coin, make_world
from puddle import world as puddle

from evolora.build import open_run, resume_run
from evolora.generation import advance
from evolora.lifecycle.archive import keepsake
from evolora.organism.averaging import average
from evolora.organism.genome import Factors
from evolora.organism.learning import Learnt
from evolora.record.checkpoint import checkpoints, load_checkpoint, save_checkpoint
from evolora.record.run_dir import EVENTS, LIVES, METRICS


def version(genome, value):
    """The genome with every weight set to `value`."""
    factors = genome.factors.items()
    return genome.with_factors(
        {site: Factors(torch.full_like(own.a, value), torch.full_like(own.b, value)) for site, own in factors}
    )


def weight(genome):
    """The value of all its weights, which must be one."""
    values = {value for own in genome.factors.values() for part in (own.a, own.b) for value in part.flatten().tolist()}
    assert max(values) - min(values) < 1e-6
    return max(values)


def averaged(genome, values, span):
    found = None
    for value in values:
        found = average(found, version(genome, value), span)
    return found


@pytest.fixture
def genome():
    world, _ = make_world()
    return next(iter(world.population)).genome


def test_the_first_few_versions_have_their_plain_mean(genome):
    found = averaged(genome, [1.0, 2.0, 6.0], span=20)
    assert weight(found.genome) == pytest.approx(3.0) and found.updates == 3


def test_later_ones_fade_as_in_an_exponential_mean(genome):
    values = [float(number % 7) for number in range(60)]
    expected = 0.0
    for number, value in enumerate(values, 1):
        expected += max(1 / number, 2 / 10) * (value - expected)
    assert weight(averaged(genome, values, span=9).genome) == pytest.approx(expected, abs=1e-5)
    assert weight(averaged(genome, [5.0] * 40 + [1.0] * 90, span=9).genome) == pytest.approx(1.0, abs=1e-4)


def test_versions_that_wander_around_a_place_average_to_it(genome):
    noise = torch.Generator().manual_seed(0)
    values = [3.0 + float(torch.randn((), generator=noise)) for _ in range(400)]
    spread = [abs(weight(averaged(genome, values[: 200 + n], span=99).genome) - 3.0) for n in range(0, 200, 20)]
    last = [abs(values[199 + n] - 3.0) for n in range(0, 200, 20)]
    assert sum(spread) < sum(last) / 3


def test_a_span_of_one_averages_nothing(genome):
    assert averaged(genome, [1.0, 2.0], span=1) is None


class Wanderer(Coin):
    """Learning that puts every weight at the number of updates so far."""

    def __init__(self):
        super().__init__()
        self.updates = 0

    def learn(self, learners, lessons):
        self.updates += 1
        return {i: Learnt(version(one.genome, float(self.updates)), None, 0.0, 0.0) for i, one in learners.items()}


ALONE = {"population": {"founders": 1, "capacity": 2, "founder_energy": 500.0}, "death": {"max_age": None}}


@pytest.mark.parametrize("inheritance", ["lamarckian", "darwinian"])
@pytest.mark.parametrize(("span", "kept"), [(1, 3.0), (50, 2.0)])
def test_an_archive_and_children_get_the_average_and_life_goes_on_from_the_last(span, kept, inheritance):
    """Of versions 1, 2 and 3 the last is 3, the mean 2. Where nothing learnt is inherited children get none of it."""
    learning = {"averaged": span, "inheritance": inheritance}
    world, rules = make_world(2, learning=learning, reproduction={"enabled": False}, **ALONE)
    born, wanderer = next(iter(world.population)).genome, Wanderer()
    while wanderer.updates < 3:
        advance(world, rules, wanderer)
    (organism,) = world.population
    assert weight(organism.active) == 3.0 and weight(organism.settled) == pytest.approx(kept)
    seed = keepsake(organism, rules.heredity.lamarckian)
    assert weight(seed.active) == pytest.approx(kept) and seed.average is None
    heritable = rules.heredity.heritable(organism)
    assert heritable is born if inheritance == "darwinian" else weight(heritable) == pytest.approx(kept)


def test_a_checkpoint_keeps_the_average(tmp_path):
    world, rules = make_world(2, learning={"averaged": 5}, **ALONE)
    wanderer = Wanderer()
    for _ in range(6):
        advance(world, rules, wanderer)
    loaded, _ = load_checkpoint(save_checkpoint(world, {}, tmp_path, keep=1))
    for one, other in zip(world.population, loaded.population, strict=True):
        assert (one.average is None) == (other.average is None)
        if one.average is not None:
            assert other.average.updates == one.average.updates
            assert weight(other.settled) == weight(one.settled) and other.settled.traits == one.settled.traits
    assert any(organism.average is not None for organism in world.population)
    twin = world.snapshot()
    assert all(a.average is b.average for a, b in zip(world.population, twin.population, strict=True))


@pytest.mark.parametrize("inheritance", ["lamarckian", "darwinian"])
def test_a_run_that_averages_resumes_byte_for_byte(tmp_path, inheritance):
    settings = {"generations": 8, "learning": {"averaged": 4, "inheritance": inheritance}}
    whole = open_run(puddle(**settings), tmp_path / "whole")
    whole.run()
    cut = open_run(puddle(**settings), tmp_path / "cut")
    cut.run(should_stop=lambda: cut.world.generation >= 4)
    assert any(organism.average is not None for organism in cut.world.population)
    resume_run(cut.run_dir.path).run()
    paths = [one.run_dir.path for one in (cut, whole)]
    for log in (METRICS, EVENTS, LIVES):
        assert (paths[0] / log).read_bytes() == (paths[1] / log).read_bytes()
    weights = [checkpoints(path)[-1] / "weights.safetensors" for path in paths]
    assert weights[0].read_bytes() == weights[1].read_bytes()

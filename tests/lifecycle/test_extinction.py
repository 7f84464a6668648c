"""Who dies when the world strikes, and when it does."""

from collections import Counter

import pytest

from evolora.lifecycle.extinction import Extinction
from evolora.rng import stream


def rng(seed: int = 0):
    return stream(seed, "strike")


def test_it_strikes_once_or_again_and_again():
    once, often = Extinction(5, 0.5, "random"), Extinction(5, 0.5, "random", every=3)
    assert [g for g in range(20) if once.strikes(g)] == [5]
    assert [g for g in range(20) if often.strikes(g)] == [5, 8, 11, 14, 17]


@pytest.mark.parametrize(("share", "dead"), [(0.0, 0), (0.04, 0), (0.05, 1), (0.5, 5), (1.0, 10)])
@pytest.mark.parametrize("by", ["random", "poorest", "richest", "clade"])
def test_the_share_dies_to_the_nearest_whole_organism(make_society, by, share, dead):
    population, _ = make_society([1.0] * 10)
    victims = Extinction(1, share, by).find_victims(population, dict.fromkeys(range(10), 3), {}, rng())
    assert len(set(victims)) == dead and victims == sorted(victims)


@pytest.mark.parametrize(("by", "expected"), [("poorest", [1, 3]), ("richest", [0, 2])])
def test_energy_decides_and_chance_among_equals(make_society, by, expected):
    population, _ = make_society([1.0] * 4)
    energies = {0: 9, 1: 1, 2: 8, 3: 2}
    assert Extinction(1, 0.5, by).find_victims(population, energies, {}, rng()) == expected
    extinction, equals = Extinction(1, 0.5, by), dict.fromkeys(range(4), 1)
    named = {tuple(extinction.find_victims(population, equals, {}, rng(seed))) for seed in range(60)}
    assert len(named) == 6  # every pair out of four


def test_chance_reaches_everybody_equally_often(make_society):
    population, _ = make_society([1.0] * 4)
    extinction = Extinction(1, 0.25, "random")
    hit = Counter(i for seed in range(2000) for i in extinction.find_victims(population, {}, {}, rng(seed)))
    assert all(hit[i] == pytest.approx(500, abs=90) for i in range(4))


@pytest.mark.parametrize("seed", range(10))
def test_clades_die_whole_but_for_the_last(make_society, seed):
    population, _ = make_society([1.0] * 9)
    for organism in population:
        organism.lineage = organism.id // 3
    victims = Extinction(1, 5 / 9, "clade").find_victims(population, {}, {}, rng(seed))
    assert sorted(Counter(i // 3 for i in victims).values()) == [2, 3]


def test_by_niche_the_share_is_of_those_at_home_there(make_society):
    population, _ = make_society([1.0] * 6)
    homes = {0: "words", 1: "sums", 2: "words", 3: "words", 4: "sums", 5: "words"}
    victims = Extinction(1, 0.5, "niche", niche="words").find_victims(population, {}, homes, rng())
    assert len(victims) == 2 and all(homes[i] == "words" for i in victims)
    assert Extinction(1, 1.0, "niche", niche="rhymes").find_victims(population, {}, homes, rng()) == []


def test_one_seed_names_the_same_dead_whatever_the_order(make_society):
    population, _ = make_society([1.0] * 12)
    extinction = Extinction(1, 0.4, "random")
    assert extinction.find_victims(population, {}, {}, rng(3)) == extinction.find_victims(
        reversed(list(population)), {}, {}, rng(3)
    )

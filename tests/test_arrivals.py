"""Newcomers in the course of a run: when they come, who makes room, what they bring, and that runs still repeat."""

import pytest
import torch
from hostless import Coin, make_world

from evolora.events import Birth, Death, DeathCause
from evolora.generation import advance
from evolora.record.checkpoint import load_checkpoint, save_checkpoint

NOBODY_ELSE = {"reproduction": {"enabled": False}, "energy": {"upkeep": 0.0}, "death": {"max_age": None}}


def lived(world, rules, generations):
    return [advance(world, rules, Coin()) for _ in range(generations)]


def arrivals(history):
    return {one.report.generation: [e for e in one.events if isinstance(e, Birth)] for one in history}


@pytest.mark.parametrize(
    ("arrival", "expected"),
    [
        ({"at": 3}, {3: 1}),
        ({"at": 2, "every": 3, "number": 2}, {2: 2, 5: 2, 8: 2}),
    ],
)
def test_newcomers_come_when_they_are_due_with_what_founders_bring(arrival, expected):
    world, rules = make_world(1, population={"founders": 3, "capacity": 20, "arrivals": arrival}, **NOBODY_ELSE)
    came = arrivals(lived(world, rules, 8))
    assert {generation: len(own) for generation, own in came.items() if own} == expected
    newcomers = [event for own in came.values() for event in own]
    assert all((e.kind, e.operator, e.parents, e.energy) == ("founder", "arrival", (), 3.0) for e in newcomers)
    assert len({e.lineage for e in newcomers} | {0, 1, 2}) == len(newcomers) + 3, "each begins a lineage of its own"
    assert len(world.population) == 3 + len(newcomers) and world.ledger.residual == 0


def test_in_a_full_world_the_crowding_rule_makes_room_and_never_for_its_own_kind():
    population = {"founders": 4, "capacity": 4, "arrivals": {"at": 2, "number": 6}}
    rules_of = {**NOBODY_ELSE, "death": {"max_age": None, "crowding": "oldest"}}
    world, rules = make_world(1, population=population, **rules_of)
    second = lived(world, rules, 2)[-1]
    deaths = [e for e in second.events if isinstance(e, Death)]
    assert [e.organism_id for e in deaths] == [0, 1, 2, 3]
    assert {e.cause for e in deaths} == {DeathCause.CROWDING}
    assert sorted(world.population.ids) == [4, 5, 6, 7], "the fifth newcomer found nobody who would make room"
    assert second.report.residual == 0 and second.report.flows["founding"] == pytest.approx(4 * 3.0)


def test_newcomers_differ_from_each_other_and_know_nothing():
    population = {"founders": 2, "capacity": 9, "founder_mutations": 0, "arrivals": {"at": 1, "every": 1, "number": 2}}
    world, rules = make_world(1, population=population, **NOBODY_ELSE)
    lived(world, rules, 2)
    genomes = [organism.genome for organism in world.population]
    assert len(genomes) == 6
    assert all(not factors.b.any() for genome in genomes for factors in genome.factors.values())
    first = [tuple(next(iter(genome.factors.values())).a.flatten().tolist()) for genome in genomes]
    assert len(set(first)) == len(first)


def test_who_comes_is_the_same_after_a_checkpoint(tmp_path):
    """Sites are read off the living, whose factors a checkpoint may hold in another order."""
    population = {"founders": 6, "capacity": 6, "arrivals": {"at": 2, "every": 2}}
    straight, rules = make_world(5, population=population)
    lived(straight, rules, 3)
    resumed, _ = load_checkpoint(save_checkpoint(straight, {}, tmp_path, keep=1))
    for world in (straight, resumed):
        assert any(arrivals(lived(world, rules, 5)).values())
    assert straight.population.ids == resumed.population.ids
    for one, other in zip(straight.population, resumed.population, strict=True):
        assert all(torch.equal(one.genome.factors[name].a, factors.a) for name, factors in other.genome.factors.items())


def test_nobody_comes_to_a_world_that_died_out():
    world, rules = make_world(1, population={"arrivals": {"at": 5}}, energy={"upkeep": 50.0})
    lived(world, rules, 5)
    assert len(world.population) == 0

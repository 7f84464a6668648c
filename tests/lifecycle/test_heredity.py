"""What children inherit: the parent's scale made their weights, none means none, and nobody descends from the sick."""

import pytest
import torch
from hostless import Coin, make_world

from evolora.generation import advance
from evolora.lifecycle.heredity import Heredity
from evolora.organism.distance import distance
from evolora.organism.genome import Factors, Genome
from evolora.organism.organism import Organism
from evolora.organism.traits import TraitRange, Traits
from evolora.rng import stream

RANGES = {
    "rank": TraitRange(1, 4, 0.0),
    "mutation_scale": TraitRange(0.0, 0.5, 3.0),
    "learning_rate": TraitRange(0.0, 0.1, 0.2, logarithmic=True),
    "temperature": TraitRange(0.3, 1.5, 0.1),
    "answer_limit": TraitRange(2, 32, 2.0),
    "num_examples": TraitRange(0, 4, 0.5),
}
HEREDITY = Heredity({"gaussian": 1.0}, {"weighted_sum": 1.0}, RANGES, 0.3, 0.0, True, True)
NONE = {"founders": [0, 0], "bounds": [0, 0], "step": 0.2}


def parent(scale: float) -> Organism:
    draw = stream(1, "parent")
    a, b = (torch.from_numpy(draw.standard_normal(shape).astype("float32")) for shape in ((2, 8), (8, 2)))
    genome = Genome({"site": Factors(a, b)}, Traits(2, scale, 1e-3, 1.0, 8, 1, {}), 2.0)
    return Organism(0, genome, "founder", (), 0, 0)


def test_a_child_s_weights_are_mutated_with_its_parent_s_scale_and_not_with_its_own():
    bold, shy = parent(0.4), parent(0.001)
    for seed in range(8):
        far, near = (HEREDITY.clone(one, stream(seed, "clone")).genome for one in (bold, shy))
        assert distance(bold.genome, far) > 50 * distance(shy.genome, near) > 0  # whatever their own scales are
    assert HEREDITY.clone(shy, stream(0, "clone")).genome.traits.mutation_scale != 0.001


@pytest.mark.parametrize("trait", ["mutation_scale", "learning_rate"])
def test_a_world_whose_organisms_have_none_of_a_scale_or_rate_lives_and_stays_without(trait):
    world, rules = make_world(2, traits={"rank": {"founders": [2, 2], "bounds": [2, 2], "step": 0}, trait: NONE})
    births = sum(sum(advance(world, rules, Coin()).report.births.values()) for _ in range(8))
    assert births > 5 and all(vars(organism.genome.traits)[trait] == 0 for organism in world.population)


def test_clones_by_a_scale_of_none_are_their_parents():
    world, rules = make_world(
        2, traits={"rank": {"founders": [2, 2], "bounds": [2, 2], "step": 0}, "mutation_scale": NONE},
        reproduction={"merge_prob": 0.0}, population={"founders": 10, "capacity": 14, "founder_energy": 9.0},
    )  # fmt: skip
    founders = {organism.id: organism.genome for organism in world.population}
    advance(world, rules, Coin())
    children = [organism for organism in world.population if organism.kind == "clone"]
    assert children
    for child in children:
        for site, factors in child.genome.factors.items():
            theirs = founders[child.parents[0]].factors[site]
            assert torch.equal(factors.a, theirs.a) and torch.equal(factors.b, theirs.b)


@pytest.mark.parametrize("economy", [True, False])
@pytest.mark.parametrize("mate", ["complementary", "random"])
def test_a_sick_organism_is_nobody_s_parent_and_the_world_lives_on(mate, economy):
    reproduction = {"threshold": 4.0, "endowment": 2.0, "merge_prob": 0.7, "mate": mate}
    world, rules = make_world(1, reproduction=reproduction, economy=economy, archive={"enabled": True})
    sick = {1, 4}
    for identity in sick:
        genome = world.population[identity].genome
        broken = {site: Factors(f.a * float("nan"), f.b) for site, f in genome.factors.items()}
        world.population[identity].genome = genome.with_factors(broken)
    evaluator = Coin(dict.fromkeys(sick, 1.0))  # the richest of all
    for _ in range(6):
        generation = advance(world, rules, evaluator, thorough=True)
        births = [event for event in generation.events if hasattr(event, "parents")]
        assert not any(sick & set(birth.parents) for birth in births)
    assert world.population.next_id > 12 and sick & {*world.population.ids}

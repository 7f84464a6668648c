"""A generation's organisms as plain arrays."""

import numpy as np
import pytest
from genomes import lived_genome

from evolora.environment.encounter import Answer, Encounter, Outcome
from evolora.environment.task import Score, Task
from evolora.events import Life
from evolora.organism.distance import cosine_similarities
from evolora.organism.organism import Organism
from evolora.organism.population import Population
from evolora.record.census import MOST_COMPARED, Census, take_census
from evolora.world import World

NICHES = ["sums", "words"]


def live(organism_id: int, answers: tuple[int, int] = (2, 0), scores: tuple[float, float] = (1.0, 0.0)) -> Life:
    return Life(
        generation=3,
        organism_id=organism_id,
        lineage=organism_id % 2,
        age=1,
        energy=2.5,
        owed=0.0,
        rank=4,
        num_parameters=10,
        mutation_scale=0.05,
        learning_rate=0.001,
        temperature=0.9,
        answer_limit=8,
        num_examples=1,
        answers=answers,
        scores=scores,
        tokens=(20, 0),
        meals=(0.5, 0.0),
    )


def outcome(organism_id: int, niche: str, question: str, *scores: float) -> Outcome:
    task = Task("family", question, "42", 1)
    encounter = Encounter(organism_id, niche, task, (), len(scores), 1.0, 8, 0)
    answer = Answer("42", (7, 8), (1, 2, 3), -0.5, True)
    return Outcome(encounter, (answer,) * len(scores), tuple(Score(score) for score in scores))


def populate(number: int) -> World:
    genomes = [lived_genome(seed) for seed in range(min(number, 4))]
    organisms = [Organism(own, genomes[own % len(genomes)], "founder", (), own, 0) for own in range(number)]
    for organism in organisms:
        organism.profit["words"] = 0.25 * organism.id
    return World(3, Population(organisms, number))


def test_visits_tables_and_profits_are_in_the_order_of_organisms_and_niches():
    outcomes = [outcome(1, "words", "x?", 1.0, 0.0), outcome(0, "sums", "y?", 1.0, 1.0), outcome(0, "words", "x?", 0.0)]
    lives = [live(0, (2, 1), (2.0, 0.0)), live(1, (0, 2), (0.0, 1.0))]
    census = take_census(populate(2), NICHES, lives, outcomes, with_similarity=False)
    assert (census.generation, census.ids, census.lineages, census.num_niches) == (3, (0, 1), (0, 1), 2)
    assert census.scores.tolist() == [[2, 0], [0, 1]] and census.answers.tolist() == [[2, 1], [0, 2]]
    assert census.profit.tolist() == [[0, 0], [0, 0.25]]
    assert census.visitors.tolist() == [1, 0, 0] and census.visited.tolist() == [1, 0, 1]
    assert census.tasks[0] == census.tasks[2] != census.tasks[1]  # both met the same task of words
    assert census.visit_scores.tolist() == [0.5, 1.0, 0.0] and census.similarity is None


def similar(world: World) -> Census:
    return take_census(world, NICHES, [live(own) for own in world.population.ids], [], with_similarity=True)


def test_similarities_are_the_cosines_of_the_deltas_lived_with():
    world = populate(3)
    world.population[1].learnt = lived_genome(9)
    expected = cosine_similarities([organism.active for organism in world.population])
    assert np.array_equal(similar(world).similarity, expected)


def test_a_genome_that_is_not_finite_is_like_nobody_but_itself():
    world = populate(3)
    world.population[1].learnt = lived_genome(9)
    next(iter(world.population[1].active.factors.values())).b.fill_(float("nan"))
    similarity = similar(world).similarity
    assert similarity is not None and np.isfinite(similarity).all()
    assert similarity[1].tolist() == [0, 1, 0] and similarity[:, 1].tolist() == [0, 1, 0]
    assert similarity[0, 2] == pytest.approx(cosine_similarities([lived_genome(0), lived_genome(2)])[0, 1])


def test_of_a_large_population_an_even_pick_is_compared():
    assert similar(populate(MOST_COMPARED + 30)).similarity.shape == (MOST_COMPARED, MOST_COMPARED)


def test_nobody_alive_is_a_census_of_nobody():
    census = take_census(World(), NICHES, [], [], with_similarity=True)
    assert census.scores.shape == (0, 2) and census.similarity is None

"""The living keep their order and never reuse an id."""

import pytest

from evolora.organism.population import Population


def test_ids_are_given_once_and_iteration_is_in_id_order(make_society):
    population, _ = make_society([1.0] * 3)
    gone = population.remove(2)
    with pytest.raises(ValueError, match="expected a newborn with id 3"):
        population.add(gone)
    assert population.next_id == 3 and population.ids == [0, 1] and 2 not in population


def test_a_resumed_population_remembers_the_ids_of_the_dead(make_society):
    living = list(make_society([1.0] * 3)[0])
    resumed = Population(reversed(living), next_id=9)
    assert resumed.ids == [0, 1, 2] and resumed.next_id == 9
    with pytest.raises(ValueError, match="above every living id"):
        Population(living, next_id=2)


def test_stages_may_remove_while_they_walk(make_society):
    population, _ = make_society([1.0] * 4)
    for organism in population:
        population.remove(organism.id)
    assert len(population) == 0

"""Niches are chosen by what was inherited and what was learnt."""

import numpy as np
import pytest

from evolora.lifecycle.foraging import Forager, remember
from evolora.organism.organism import Organism
from evolora.rng import stream

NICHES = ["sums", "words", "logic"]


@pytest.fixture
def make_organism(make_genome):
    def organism(**preferences: float) -> Organism:
        return Organism(0, make_genome(preferences), "founder", (), 0, 0)

    return organism


def test_preferences_are_log_weights(make_organism):
    organism = make_organism(words=np.log(2.0), logic=np.log(5.0))
    assert Forager(1.0, 1.0).probabilities(organism, NICHES) == pytest.approx([1 / 8, 2 / 8, 5 / 8])
    assert Forager(0.0, 1.0).probabilities(organism, NICHES) == pytest.approx([1 / 3] * 3)


def test_an_unvisited_niche_lies_between_a_known_gain_and_a_known_loss(make_organism):
    organism = make_organism()
    organism.profit.update(sums=0.002, words=-0.001)
    sums, words, logic = Forager(1.0, 1.0).probabilities(organism, NICHES)
    assert words < logic < sums
    assert sums / logic == pytest.approx(np.e)  # the largest profit counts 1, however small the prices


def test_a_full_niche_draws_as_much_as_its_scent_weighs(make_organism):
    organism = make_organism()
    forager = Forager(1.0, 1.0, scent_weight=2.0)
    sums, words, logic = forager.probabilities(organism, NICHES, fullness=[1.0, 0.5, 0.0])
    assert (sums / words, words / logic) == (pytest.approx(np.e), pytest.approx(np.e))
    assert forager.probabilities(organism, NICHES) == pytest.approx([1 / 3] * 3)


def test_visits_follow_the_probabilities_and_the_random_stream(make_organism):
    organism = make_organism(sums=2.0)
    forager = Forager(1.0, 0.0)
    visits = forager.choose(organism, NICHES, 4000, stream(3, "forage"))
    expected = forager.probabilities(organism, NICHES)
    assert [visits.count(name) / 4000 for name in NICHES] == pytest.approx(expected, abs=0.03)
    assert visits == forager.choose(organism, NICHES, 4000, stream(3, "forage"))
    assert visits != forager.choose(organism, NICHES, 4000, stream(4, "forage"))


def test_extreme_memories_still_give_probabilities(make_organism):
    organism = make_organism(sums=900.0, words=-900.0)
    organism.profit.update(sums=-1e300, logic=1e-300)
    probabilities = Forager(1.0, 1.0).probabilities(organism, NICHES)
    assert np.isfinite(probabilities).all() and probabilities.sum() == pytest.approx(1.0)


def test_memory_starts_with_what_it_sees_and_then_smooths(make_organism):
    organism = make_organism()
    remember(organism, "sums", 0.4, 1.0, smoothing=0.25)
    assert (organism.profit, organism.competence) == ({"sums": 0.4}, {"sums": 1.0})
    remember(organism, "sums", 0.0, 0.0, smoothing=0.25)
    assert organism.profit["sums"] == pytest.approx(0.3)
    assert organism.competence["sums"] == pytest.approx(0.75)


def test_practice_is_the_mean_over_all_tasks_until_forty_and_then_forgets_slowly(make_organism):
    organism = make_organism()
    for place in range(40):
        remember(organism, "sums", 0.0, float(place < 10), 0.3)
    assert organism.practice["sums"] == (40, pytest.approx(0.25))
    remember(organism, "sums", 0.0, 1.0, 0.3)
    assert organism.practice["sums"] == (40, pytest.approx(0.25 + 0.75 / 40))

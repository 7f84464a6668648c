"""Greedy coverage, routers and modes of answering, on exams whose right outcome is known."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from sheets import sheet

from evolora.errors import ConfigError
from evolora.portfolio.comparison import Pairs, compare
from evolora.portfolio.portfolio import ANCESTOR, best_alone
from evolora.rng import stream
from evolora.routing.choosing import coverage, greedy_coverage
from evolora.routing.modes import (
    Routing,
    at_random,
    most_confident,
    oracle,
    routed,
    single,
    top_two,
    vote,
)
from evolora.routing.router import ROUTERS, fit_router, restore_router

NUM_NICHES, WIDTH = 4, 12


def specialists(num: int, seed: int = 0):
    """Features of `num` questions a niche, and scores (members, questions): member i is good at niche i only."""
    rng = stream(seed, "specialists")
    niche = np.tile(np.arange(NUM_NICHES), num)
    centres = stream(0, "centres").normal(size=(NUM_NICHES, WIDTH))
    features = centres[niche] + 0.2 * rng.normal(size=(len(niche), WIDTH))
    chance = np.where(np.arange(NUM_NICHES)[:, None] == niche, 0.9, 0.1)
    return features, (rng.random(chance.shape) < chance).astype(float)


def kinds(questions: int) -> list[str]:
    """The niche of each of so many questions of `specialists`."""
    return [f"niche {place % NUM_NICHES}" for place in range(questions)]


def routing_by(preferences) -> Routing:
    preferences = np.array(preferences, dtype=float)
    return Routing(preferences, np.full(len(preferences), 3.0))


def test_the_first_choice_is_the_best_alone_and_the_next_adds_most():
    scores = np.array([[1, 1, 1, 0, 0, 0], [1, 1, 0, 0, 0, 0], [0, 0, 0, 1, 1, 0]], dtype=float)
    assert greedy_coverage(scores, 2) == [0, 2]
    assert coverage(scores, [0, 2]) == [0.5, pytest.approx(5 / 6)]


def test_the_best_alone_is_never_the_bare_host_beside_others():
    asked = sheet(np.array([[1, 0, 0], [1, 1, 0], [1, 1, 1]], dtype=float))
    with_host = replace(asked, members=(4, 7, ANCESTOR))
    assert best_alone(with_host) == 7
    assert best_alone(with_host.of([ANCESTOR])) == ANCESTOR


def test_choosing_more_than_there_are_takes_everybody_once():
    assert sorted(greedy_coverage(np.ones((3, 5)), 9)) == [0, 1, 2]


def test_coverage_never_falls_as_members_are_added():
    scores = (stream(1, "coverage").random((10, 40)) < 0.3).astype(float)
    grown = coverage(scores, greedy_coverage(scores, 10))
    assert all(later >= earlier for earlier, later in pairwise(grown))


@pytest.mark.parametrize("kind", ["ridge", "recogniser", "centroid"])
def test_a_router_sends_new_questions_to_the_specialist_that_knows_them(kind):
    router = fit_router(kind, *specialists(30), kinds(30 * NUM_NICHES))
    features, scores = specialists(30, seed=1)
    preferences = router.preferences(features)
    knows = np.tile(np.arange(NUM_NICHES), 30)
    assert (preferences.argmax(axis=1) == knows).mean() > 0.97
    answered = routed(sheet(scores), routing_by(preferences))
    assert answered.scores.mean() > single(sheet(scores), 0).scores.mean() + 0.3


def test_a_recogniser_sends_kinds_it_was_not_shown_to_the_ancestor_and_keeps_the_rest():
    rng = stream(0, "strangers")
    centres = rng.normal(size=(8, 40))
    niche = np.tile(np.arange(8), 12)
    features = [centres[niche] + 0.3 * rng.normal(size=(len(niche), 40)) for _ in range(2)]
    shown = niche < 5  # the other three are of another world
    scores = np.array([niche % 5 == member for member in range(5)] + [np.zeros(len(niche))], dtype=float)
    names = [f"kind {own}" for own in niche[shown]]
    router = fit_router("recogniser", features[0][shown], scores[:, shown], names, ancestor=5)
    preferences = router.preferences(features[1])
    assert (preferences[shown].argmax(axis=1) == niche[shown]).mean() > 0.9
    assert (preferences[~shown].argmax(axis=1) == 5).mean() > 0.6
    alone = fit_router("recogniser", features[0][shown], scores[:, shown], names)
    assert (alone.preferences(features[1])[~shown].argmax(axis=1) < 5).all(), "without an ancestor the best of all"


def test_of_two_kinds_a_recogniser_refuses_nothing():
    features, scores = specialists(10)
    names = [f"kind {place % 2}" for place in range(len(features))]
    router = fit_router("recogniser", features, scores, names, ancestor=0)
    assert router.knows(100 * features).all()


def test_how_hard_questions_are_does_not_set_whom_to_ask():
    losses = []
    for seed in range(10):
        rng = stream(seed, "hard and easy")
        features = rng.normal(size=(200, WIDTH))
        ease = 1 / (1 + np.exp(-3 * features[:, 0]))  # plain to see, and the same for all members
        edge = np.array([0.08, 0.0, 0.0, 0.0])[:, None]
        chance = np.clip(ease + edge, 0, 1)
        router = fit_router("ridge", features, (rng.random((4, 200)) < chance).astype(float), kinds(200))
        preferences = router.preferences(features)
        asked = chance[preferences.argmax(axis=1), np.arange(200)]
        losses.append(chance[0].mean() - asked.mean())
    assert np.mean(losses) < 0.01  # of the 0.04 that asking anybody would lose; 0.029 when scores themselves are fitted


@pytest.mark.parametrize("kind", ["ridge", "recogniser", "centroid"])
def test_shuffled_router_labels_fall_to_random_routing(kind):
    gaps = []
    for seed in range(20):
        features, scores = specialists(30, seed)
        shuffled = scores[:, stream(seed, "shuffle").permutation(scores.shape[1])]
        router = fit_router(kind, features, shuffled, kinds(shuffled.shape[1]))
        new_features, new_scores = specialists(30, seed + 1000)
        answered = routed(sheet(new_scores), routing_by(router.preferences(new_features)))
        gaps.append(answered.scores.mean() - at_random(sheet(new_scores)).scores.mean())
    assert abs(np.mean(gaps)) < 3 * np.std(gaps) / len(gaps) ** 0.5  # no gain over chance, within its own error
    assert np.mean(gaps) < 0.1  # true labels gain 0.6


def test_a_member_at_random_is_worth_what_members_are_worth_on_average():
    own = sheet(np.array([[1.0, 1.0, 1.0], [0.0, 0.0, 0.5], [0.0, 0.0, 0.0]]))
    assert at_random(own).scores.tolist() == [1 / 3, 1 / 3, 0.5]
    assert at_random(own).tokens.tolist() == own.tokens.mean(axis=0).tolist()


def test_identical_organisms_give_no_portfolio_gain():
    _, scores = specialists(30)
    same = sheet(np.tile(scores[:1], (5, 1)), texts=[["same"] * scores.shape[1]] * 5)
    alone = single(same, 0)
    preferences = routing_by(stream(3, "any").random((scores.shape[1], 5)))
    for answered in (routed(same, preferences), top_two(same, preferences), vote(same, preferences), oracle(same)):
        effect = compare([Pairs(alone.scores, answered.scores, ("f",) * len(alone.scores))])
        assert effect.difference == 0 and not effect.excludes_zero


@pytest.mark.parametrize("kind", ROUTERS)
def test_a_router_restored_from_its_arrays_prefers_the_same(kind):
    features, scores = specialists(10)
    router = fit_router(kind, features, scores, kinds(len(features)))
    assert np.array_equal(restore_router(kind, router.arrays()).preferences(features), router.preferences(features))


def test_an_unknown_router_is_refused_in_words():
    with pytest.raises(ConfigError, match="expected one of ridge, recogniser, centroid, fixed, got oracle"):
        fit_router("oracle", *specialists(5), kinds(5 * NUM_NICHES))


def test_of_two_preferred_members_the_surer_answers_and_both_are_paid():
    exam = sheet([[0, 1], [1, 0], [1, 1]], confidences=[[-2, -1], [-1, -2], [0, 0]])
    answered = top_two(exam, routing_by([[2, 1, 0], [2, 1, 0]]))
    assert answered.scores.tolist() == [1, 1] and answered.tokens.tolist() == [23, 23]


def test_votes_count_texts_and_preference_breaks_ties():
    exam = sheet([[1, 0], [0, 1], [0, 1]], texts=[["a", "a"], ["b", "b"], ["", "b"]])
    answered = vote(exam, routing_by([[0.9, 0.1, 0.0], [0.9, 0.1, 0.0]]))
    assert answered.scores.tolist() == [1, 1]  # a tie decided for the preferred member, then two votes against one


def test_the_oracle_takes_the_best_and_confidence_the_surest():
    exam = sheet([[1, 0], [0, 0]], confidences=[[-3, -3], [-1, -1]])
    assert oracle(exam).scores.tolist() == [1, 0] and most_confident(exam).scores.tolist() == [0, 0]


def test_tokens_of_a_correct_answer_are_infinite_without_one():
    assert single(sheet([[0, 0]]), 0).tokens_per_correct == float("inf")
    assert single(sheet([[1, 0]]), 0).tokens_per_correct == 20

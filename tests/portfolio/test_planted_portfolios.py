"""What a comparison must not find, planted before the whole way: exam, router fitted on readings, every mode."""

import numpy as np
import pytest
from sheets import sheet, small_petri

from evolora.blueprint import build_rules
from evolora.build import build_evaluator
from evolora.portfolio.baselines.contender import Arena, host_with_examples
from evolora.portfolio.portfolio import Reading
from evolora.portfolio.splits import selection_questions
from evolora.rng import stream
from evolora.routing.modes import Routing, at_random, routed
from evolora.routing.router import fit_router
from evolora.routing.tokens import TokenMeter

FITTED = ("ridge", "recogniser", "centroid")


@pytest.fixture(scope="module")
def arena():
    config = small_petri()
    return Arena.open(config, build_rules(config), build_evaluator(config), 12)


@pytest.mark.parametrize("router", [*FITTED, "arrow", "fixed"])
def test_clones_that_go_the_whole_way_gain_nothing(arena, router):
    """Three times the same organism: whoever is asked, in whatever mode, the answers and so the scores are the same."""
    clone = host_with_examples(arena)[2]
    portfolio, _ = arena.portfolio({4: clone, 7: clone, 9: clone}, 3, router, TokenMeter())
    for examined in arena.test(portfolio, 8):
        alone = examined.answered["best single"].scores
        assert alone.sum() > 0 or examined.shift == "family", "where nobody scores, nothing is shown"
        for mode in ("routed", "top two", "vote", "most confident", "random", "oracle"):
            assert np.array_equal(examined.answered[mode].scores, alone), (examined.shift, mode)
        assert len(set(examined.coverage)) == 1


def experts(arena, num: int, place: int):
    """Real readings of questions, and scores of one expert a niche: right on its own, wrong on all others."""
    questions = selection_questions(arena.rules.niches, arena.rules.tasks, num)[place::2]
    niches = [question.niche.name for question in questions]
    names = list(dict.fromkeys(niches))
    prompts = [arena.evaluator.prompts.build(question.task.question) for question in questions]
    scores = np.array([[float(own == name) for own in niches] for name in names])
    return Reading(prompts, arena.evaluator).features, scores, niches


@pytest.mark.parametrize("router", FITTED)
def test_a_router_lives_off_its_labels(arena, router):
    """With true labels it finds the expert; with shuffled ones, on the same readings, it falls to a random choice."""
    features, scores, niches = experts(arena, 40, 0)
    new_features, new_scores, _ = experts(arena, 40, 1)

    def found(labels) -> float:
        preferences = fit_router(router, features, labels, niches).preferences(new_features)
        return float(routed(sheet(new_scores), Routing(preferences, np.zeros(len(new_features)))).scores.mean())

    chance = float(at_random(sheet(new_scores)).scores.mean())
    assert found(scores) > 0.9 > chance + 0.3
    gains = [found(scores[:, stream(seed, "shuffle").permutation(scores.shape[1])]) - 1 / 3 for seed in range(30)]
    assert abs(np.mean(gains)) < 3 * np.std(gains) / len(gains) ** 0.5

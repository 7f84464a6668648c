"""Statistics that find planted effects as often as they state, and nothing where nothing is."""

import numpy as np
import pytest

from evolora.portfolio.comparison import Pairs, compare, forgetting, mcnemar
from evolora.portfolio.statistics import holm
from evolora.rng import stream


def simulated(seed: int, effect: float, num_seeds: int, spread: float = 0.03, families: int = 6, questions: int = 60):
    """Both sides are right by a chance that question and family share; the second side's is `effect` higher."""
    rng, seeds = stream(seed, "simulated"), []
    for _ in range(num_seeds):
        chance = rng.uniform(0.2, 0.6, size=(families, 1)) + rng.normal(0, 0.1, size=(families, questions))
        own = effect + rng.normal(0, spread)
        first, second = (rng.random(chance.shape) < chance), (rng.random(chance.shape) < chance + own)
        names = tuple(name for name in "abcdefgh"[:families] for _ in range(questions))
        seeds.append(Pairs(first.ravel().astype(float), second.ravel().astype(float), names))
    return seeds


@pytest.mark.parametrize("spread", [0.0, 0.03, 0.1])
@pytest.mark.parametrize("num_seeds", [3, 5, 10])
def test_the_interval_covers_a_planted_effect_as_often_as_it_states(num_seeds, spread):
    """Whether seeds differ (`spread`) or questions alone do: not too narrow, and not too wide either."""
    covered = 0
    for seed in range(200):
        effect = compare(simulated(seed, 0.1, num_seeds, spread), leave_out=False)
        covered += effect.low <= 0.1 <= effect.high
    assert 0.91 <= covered / 200 <= 0.985  # stated 0.95; 200 simulations have a standard error of 0.015


def test_the_hierarchical_bootstrap_is_told_besides_and_covers_more_than_it_states():
    effects = [compare(simulated(seed, 0.1, 5), "beside", leave_out=False) for seed in range(40)]
    assert sum(effect.bootstrap[0] <= 0.1 <= effect.bootstrap[1] for effect in effects) >= 38
    wider = [(e.bootstrap[1] - e.bootstrap[0]) / (e.high - e.low) for e in effects]
    assert 1.0 < np.mean(wider) < 1.6
    assert compare(simulated(0, 0.1, 5)).bootstrap is None


def test_clustering_by_seed_alone_is_student_s_t_on_the_seeds_means():
    from scipy.stats import ttest_1samp

    seeds = simulated(3, 0.1, 5)
    means = [np.mean([(one.second - one.first)[np.array(one.families) == f].mean() for f in "abcdef"]) for one in seeds]
    interval = ttest_1samp(means, 0.0).confidence_interval(0.95)
    effect = compare(seeds, leave_out=False)
    assert (effect.low, effect.high) == pytest.approx((interval.low, interval.high))
    assert effect.p == pytest.approx(ttest_1samp(means, 0.0).pvalue)


@pytest.mark.parametrize("num_seeds", [3, 5, 10])
def test_questions_that_all_seeds_share_keep_their_own_uncertainty(num_seeds):
    """The effect is over all questions there might be, not over those that happened to be asked of everybody."""
    covered = alone = 0
    for seed in range(200):
        asked = asked_again(seed, num_seeds, spread=0.5)
        effect = compare(asked, leave_out=False)
        covered += effect.low <= 0.0 <= effect.high
        blind = compare([Pairs(one.first, one.second, one.families) for one in asked], leave_out=False)
        alone += blind.low <= 0.0 <= blind.high
    assert covered / 200 >= 0.91 and alone / 200 < covered / 200


def test_nothing_is_found_where_nothing_is_more_often_than_stated():
    found = sum(compare(simulated(seed, 0.0, 5), leave_out=False).excludes_zero for seed in range(200))
    assert found / 200 <= 0.09


def asked_again(seed: int, num_seeds: int = 5, questions: int = 60, spread: float = 0.25) -> list[Pairs]:
    """The same questions in every seed. Each is harder for one of the sides; over all questions neither is better."""
    rng = stream(seed, "asked again")
    chance, lean = rng.uniform(0.3, 0.7, size=questions), rng.normal(0, spread, size=questions)
    names, digests = ("a",) * questions, tuple(f"question {n}" for n in range(questions))
    sides = [
        [(rng.random(questions) < np.clip(chance + sign * lean / 2, 0, 1)).astype(float) for sign in (-1, 1)]
        for _ in range(num_seeds)
    ]
    return [Pairs(first, second, names, digests) for first, second in sides]


def test_questions_asked_again_by_every_seed_are_no_new_evidence_about_questions():
    asked = [asked_again(seed) for seed in range(200)]
    effects = [compare(seeds, leave_out=False) for seeds in asked]
    assert sum(effect.excludes_zero for effect in effects) / 200 <= 0.07
    assert sum(mcnemar(seeds) < 0.05 for seeds in asked) / 200 <= 0.08
    assert {effect.num_questions for effect in effects} == {60}
    blind = [Pairs(one.first, one.second, one.families) for one in asked_again(0)]
    assert compare(blind).num_questions == 300


def crossed(seed: int, num_seeds: int, shared: float, questions: int = 40) -> list[Pairs]:
    """Differences made of a seed's own, a question's own and noise; the first `shared` of the questions all ask."""
    rng = stream(seed, "crossed")
    common = rng.normal(0, 0.5, size=(3, questions))
    seeds = []
    for place in range(num_seeds):
        own = rng.normal(0, 0.5, size=common.shape)
        again = np.arange(questions) < shared * questions
        gaps = rng.normal(0, 0.03) + np.where(again, common, own) + rng.normal(0, 0.3, size=common.shape)
        names = tuple(f"{n}" if again[n] else f"{place}/{n}" for _ in range(3) for n in range(questions))
        families = tuple(name for name in "abc" for _ in range(questions))
        seeds.append(Pairs(np.zeros(gaps.size), gaps.ravel(), families, names))
    return seeds


@pytest.mark.parametrize("shared", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("num_seeds", [3, 10])
def test_the_standard_error_is_the_spread_of_the_estimates_whatever_seeds_share(num_seeds, shared):
    from scipy.stats import t

    effects = [compare(crossed(seed, num_seeds, shared), leave_out=False) for seed in range(400)]
    reach = t(num_seeds - 1).ppf(0.975)
    stated = np.mean([((effect.high - effect.low) / 2 / reach) ** 2 for effect in effects])
    assert stated / np.var([effect.difference for effect in effects]) == pytest.approx(1.0, abs=0.2)


def test_seeds_that_come_out_alike_by_chance_are_no_certainty():
    first = np.array([0.0, 1.0, 0.0, 1.0])
    alike = [Pairs(first, np.array(second), ("f",) * 4) for second in ([1.0, 1.0, 0.0, 1.0], [0.0, 1.0, 1.0, 1.0])]
    effect = compare(alike, leave_out=False)
    assert effect.difference == 0.25 and effect.low < 0 < effect.high and effect.p > 0.05


def test_a_planted_effect_is_recovered_and_found():
    effects = [compare(simulated(seed, 0.15, 5), leave_out=False) for seed in range(40)]
    assert np.mean([effect.difference for effect in effects]) == pytest.approx(0.15, abs=0.01)
    assert sum(effect.excludes_zero for effect in effects) >= 36


def test_p_and_interval_agree():
    for seed in range(40):
        effect = compare(simulated(seed, 0.03, 5), leave_out=False)
        assert (effect.p < 0.05) == effect.excludes_zero


def test_a_result_that_one_family_carries_says_so():
    rng = stream(1, "carried")
    names = tuple(name for name in "abcd" for _ in range(100))
    seeds = []
    for _ in range(5):
        first = (rng.random(400) < 0.4).astype(float)
        second = (rng.random(400) < 0.4).astype(float)
        second[:100] = rng.random(100) < 0.95
        seeds.append(Pairs(first, second, names))
    effect = compare(seeds)
    assert effect.excludes_zero and effect.carried_by == ("a",)


def test_every_family_weighs_the_same_whatever_its_size():
    pairs = Pairs(np.zeros(110), np.r_[np.ones(10), np.zeros(100)], ("small",) * 10 + ("large",) * 100)
    assert compare([pairs]).difference == pytest.approx(0.5)


def test_mcnemar_looks_at_discordant_questions_only():
    first = np.array([1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0], dtype=float)
    second = np.array([1, 1, 0, 1, 1, 1, 1, 1, 1, 1, 1, 0], dtype=float)
    assert mcnemar([Pairs(first, second, ("f",) * 12)]) == pytest.approx(2 * (1 + 9) / 2**9)
    assert mcnemar([Pairs(first, first, ("f",) * 12)]) == 1.0


def test_mcnemar_is_told_of_single_answers_only():
    """Gains of -1 and means of two answers are no answers that are right or wrong."""
    answers = Pairs(np.zeros(12), np.ones(12), ("f",) * 12)
    assert compare([answers] * 3, "answers").mcnemar == mcnemar([answers] * 3) < 0.05
    gains = Pairs(np.zeros(12), -np.ones(12), ("f",) * 12)
    assert compare([gains] * 3, "gains", single_answers=False).mcnemar is None


def test_holm_multiplies_the_smallest_by_all_and_never_falls():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_forgetting_is_what_the_host_could_and_the_other_cannot():
    assert forgetting(np.array([1, 1, 0, 1, 1]), np.array([1, 0, 1, 1, 0])) == pytest.approx(0.5)
    assert np.isnan(forgetting(np.zeros(3), np.ones(3)))

"""The paired bootstrap finds planted effects with the coverage it states."""

from collections import Counter

import numpy as np
import pytest

from evolora.portfolio.statistics import paired_effect
from evolora.rng import stream


def simulated(seed: int, before: float, after: float, num_seeds: int = 4, niches: int = 3, tasks: int = 20):
    """Scores whose expectation is known: each seed and task shifts both arms alike."""
    rng = stream(seed, "simulated")
    firsts, seconds = [], []
    for _ in range(num_seeds):
        shared = rng.normal(0, 0.05) + rng.normal(0, 0.2, size=(niches, tasks))
        firsts.append(before + shared + rng.normal(0, 0.1, size=(niches, tasks)))
        seconds.append(after + shared + rng.normal(0, 0.1, size=(niches, tasks)))
    return firsts, seconds


def test_means_ratio_and_difference_are_those_of_the_scores():
    effect = paired_effect([np.full((2, 4), 0.2)], [np.full((2, 4), 0.5)], stream(0, "test"))
    assert (effect.before, effect.after) == (pytest.approx(0.2), pytest.approx(0.5))
    assert effect.ratio == pytest.approx(2.5) and effect.ratio_interval == pytest.approx((2.5, 2.5))
    assert effect.difference_interval == pytest.approx((0.3, 0.3))
    assert (effect.num_seeds, effect.num_tasks) == (1, 8)


@pytest.mark.parametrize(("num_seeds", "noise"), [(3, 0.05), (4, 0.1)])
def test_the_intervals_cover_a_planted_effect_as_often_as_stated(num_seeds, noise):
    """Also where seeds differ more than tasks do, and there are only three."""
    covered = Counter()
    for seed in range(200):
        rng = stream(seed, "seeds")
        firsts = [0.3 + rng.normal(0, noise / 5, size=(9, 10)) for _ in range(num_seeds)]
        seconds = [0.4 + rng.normal(0, 0.04) + rng.normal(0, noise / 5, size=(9, 10)) for _ in range(num_seeds)]
        effect = paired_effect(firsts, seconds, stream(seed, "bootstrap"), draws=300)
        covered["difference"] += effect.difference_interval[0] <= 0.1 <= effect.difference_interval[1]
        covered["ratio"] += effect.ratio_interval[0] <= 4 / 3 <= effect.ratio_interval[1]
    assert min(covered.values()) / 200 >= 0.9  # stated 0.95; 200 simulations have a standard error of 0.015


def test_no_effect_is_not_found_more_often_than_stated():
    found = 0
    for seed in range(100):
        low, high = paired_effect(*simulated(seed, 0.3, 0.3), stream(seed, "bootstrap"), draws=300).difference_interval
        found += not low <= 0 <= high
    assert found <= 10


def test_pairing_removes_what_both_arms_share():
    firsts, seconds = simulated(1, 0.3, 0.4)
    paired = paired_effect(firsts, seconds, stream(1, "a")).difference_interval
    spread = np.std(np.concatenate([s.ravel() for s in seconds]))
    assert paired[1] - paired[0] < spread  # unpaired, the shared part alone would be wider


def test_a_founding_score_of_zero_gives_an_infinite_ratio_and_no_crash():
    effect = paired_effect([np.zeros((1, 4))], [np.ones((1, 4))], stream(0, "zero"))
    assert effect.ratio == float("inf") and effect.ratio_interval == (0.0, float("inf"))

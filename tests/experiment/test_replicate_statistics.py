"""Intervals and tests over replicates, against worked values and by simulation."""

import math
from itertools import product

import numpy as np
import pytest
from scipy.stats import binom

from evolora.experiment.statistics import (
    estimate,
    growth_rate,
    mean_interval,
    share_interval,
    sign_flip_p,
)
from evolora.rng import stream


def test_all_positive_differences_have_the_smallest_p_there_is():
    # all of 2^n sign assignments but the observed one have a smaller sum
    assert sign_flip_p(np.array([1.0, 2.0, 3.0])) == 1 / 8
    assert sign_flip_p(np.array([1.0, 2.0, 3.0]), "different") == 2 / 8
    assert sign_flip_p(np.array([1.0, 2.0, 3.0]), "less") == 1.0
    assert sign_flip_p(np.arange(1.0, 21.0)) == 2**-20


def test_the_sign_flip_p_is_that_of_counting_by_hand():
    values = np.array([0.3, -0.1, 0.7, 0.2, -0.4])
    sums = [float(np.dot(signs, values)) for signs in product((-1, 1), repeat=5)]
    assert sign_flip_p(values) == sum(s >= values.sum() - 1e-9 for s in sums) / 32
    assert sign_flip_p(np.zeros(4)) == 1.0  # nothing differs: every assignment is as extreme


def test_many_replicates_are_tested_by_drawing_signs():
    rng = np.random.default_rng(0)
    assert sign_flip_p(rng.normal(1.0, 1.0, size=40)) < 0.001
    assert 0.01 < sign_flip_p(rng.normal(0.0, 1.0, size=40)) < 0.99


def test_the_interval_covers_the_mean_as_often_as_it_says():
    covered = {5: 0, 20: 0}
    for n in covered:
        for trial in range(400):
            low, high = mean_interval(stream(trial, "coverage", n).normal(3.0, 2.0, size=n)) or (0.0, 0.0)
            covered[n] += low <= 3.0 <= high
    assert 0.91 <= covered[20] / 400 <= 0.98  # 95 % within what 400 trials can tell
    assert 0.90 <= covered[5] / 400 <= 0.99


def test_p_values_are_uniform_where_there_is_no_effect():
    ps = [sign_flip_p(stream(trial, "null").normal(size=12)) for trial in range(400)]
    assert 0.02 <= np.mean(np.array(ps) <= 0.05) <= 0.08


def test_one_replicate_has_no_interval_and_none_has_nothing():
    assert estimate([2.0]).interval is None and estimate([2.0]).mean == 2.0
    empty = estimate([math.nan])
    assert empty.n == 0 and empty.p is None and math.isnan(empty.mean)


def test_replicates_without_a_value_are_left_out_and_not_counted():
    some = estimate([1.0, math.nan, 3.0])
    assert (some.mean, some.n) == (2.0, 2)


def test_few_replicates_have_students_interval():
    # by hand: mean 2, standard deviation 1, t(0.975, 2) = 4.3027, half width 4.3027 / sqrt(3) = 2.4842
    assert mean_interval(np.array([1.0, 2.0, 3.0])) == pytest.approx((2 - 2.4842, 2 + 2.4842), abs=1e-4)


def test_equal_values_have_an_interval_of_no_width():
    assert estimate([1.5] * 20).interval == (1.5, 1.5)


def test_the_exact_interval_of_a_share_is_that_of_the_binomial_s_tails():
    low, high = share_interval(3, 20)
    assert binom.sf(2, 20, low) == pytest.approx(0.025) and binom.cdf(3, 20, high) == pytest.approx(0.025)
    assert share_interval(0, 20) == (0.0, pytest.approx(1 - 0.025 ** (1 / 20)))
    assert share_interval(20, 20) == (pytest.approx(0.025 ** (1 / 20)), 1.0)


def test_an_estimate_against_another_value_than_zero_tests_that_one():
    values = [1.1, 1.2, 1.3]
    assert estimate(values, null=1.0).p == 1 / 8
    assert estimate(values, null=2.0).p == 1.0
    assert estimate(values, null=2.0, direction="less").p == 1 / 8


def test_growth_is_the_slope_of_the_logarithm():
    assert growth_rate([3 * math.exp(0.2 * t) for t in range(8)]) == pytest.approx(0.2)
    assert growth_rate([8, 4, 2, 0, 0]) == pytest.approx(-math.log(2))  # what is gone grows no more
    assert math.isnan(growth_rate([5])) and math.isnan(growth_rate([0, 3]))

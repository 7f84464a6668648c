"""Selection and heredity against values worked by hand, scipy, and populations whose answer is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import linregress

from evolora.record.measures.heritability import parent_offspring_slope
from evolora.record.measures.selection import effective_size, opportunity_for_selection, price_terms


@pytest.mark.parametrize(
    ("fitness", "expected"),
    [([1, 1, 1], 0), ([0, 2], 1), ([0, 0, 3], 2), ([0, 0], None), ([], None)],  # (0, 0, 3): variance 2, mean 1
)
def test_opportunity_for_selection_worked_by_hand(fitness, expected):
    assert opportunity_for_selection(np.array(fitness, float)) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("offspring", "expected"),
    [
        ([0, 2, 1, 1], 6.0),  # (4 - 1) / Var with Var = 1/2
        ([4, 0, 0, 0], 1.0),  # one leaves all: (4 - 1) / 3
        ([4, 0], 3 / 3),  # growing, mean 2, variance 4: (2 · 2 - 1) / (4/2 + 2 - 1)
        ([1, 1, 1], None),  # no variance: no drift
        ([0, 0], None),
    ],
)
def test_effective_size_worked_by_hand(offspring, expected):
    assert effective_size(np.array(offspring, float)) == pytest.approx(expected)


def test_effective_size_of_a_wright_fisher_population_is_its_size():
    """Var(k) = 1 - 1/N for multinomial offspring, so (N - 1) / Var(k) = N."""
    rng = np.random.default_rng(1)
    sizes = [effective_size(rng.multinomial(200, [1 / 200] * 200).astype(float)) for _ in range(200)]
    assert np.mean(sizes) == pytest.approx(200, rel=0.03)


def test_price_worked_by_hand():
    """z = 1, 3; w = 0, 2; offspring at 4: mean goes 2 -> 4; selection moves it to 3, transmission adds 1."""
    terms = price_terms(np.array([1.0, 3.0]), np.array([0.0, 2.0]), np.array([99.0, 4.0]))
    assert terms is not None
    assert (terms.selection, terms.transmission, terms.change) == (1.0, 1.0, 2.0)
    neutral = price_terms(np.array([1.0, 3.0]), np.array([1.0, 1.0]), np.array([2.0, 4.0]))
    assert neutral is not None and (neutral.selection, neutral.transmission) == (0.0, 1.0)
    assert price_terms(np.array([1.0]), np.array([0.0]), np.array([0.0])) is None
    assert price_terms(np.zeros(0), np.zeros(0), np.zeros(0)) is None


FINITE = st.floats(-100, 100)


@given(st.lists(st.tuples(FINITE, st.sampled_from([0.0, 0.5, 1.0, 1.5, 3.0]), FINITE), min_size=1, max_size=30))
def test_the_terms_of_price_sum_to_the_change(rows):
    values, fitness, offspring = np.array(rows).T
    terms = price_terms(values, fitness, offspring)
    if fitness.sum() == 0:
        assert terms is None
        return
    assert terms is not None
    change = (fitness * offspring).sum() / fitness.sum() - values.mean()
    assert terms.change == pytest.approx(change, abs=1e-9)
    assert terms.selection + terms.transmission == pytest.approx(terms.change, abs=1e-9)
    covariance = ((fitness - fitness.mean()) * (values - values.mean())).mean() / fitness.mean()
    assert terms.selection == pytest.approx(covariance, abs=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_the_slope_and_its_error_are_scipys(seed):
    rng = np.random.default_rng(seed)
    parents = rng.normal(size=40)
    offspring = 0.6 * parents + rng.normal(size=40)
    found, oracle = parent_offspring_slope(parents, offspring), linregress(parents, offspring)
    assert found is not None and found.num_pairs == 40
    assert (found.slope, found.standard_error) == pytest.approx((oracle.slope, oracle.stderr))


def test_perfect_inheritance_has_slope_one_and_no_error():
    found = parent_offspring_slope(np.array([1.0, 2.0, 4.0]), np.array([2.0, 3.0, 5.0]))
    assert found is not None
    assert (found.slope, found.standard_error) == pytest.approx((1.0, 0.0), abs=1e-12)


@pytest.mark.parametrize("parents", [[], [1.0, 2.0], [0.3, 0.3, 0.3]])
def test_too_few_pairs_or_equal_parents_tell_nothing(parents):
    assert parent_offspring_slope(np.array(parents), np.array(parents)) is None

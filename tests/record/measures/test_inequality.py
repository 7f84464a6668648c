"""The Gini coefficient against its definition over pairs and values worked by hand."""

import numpy as np
import pytest

from evolora.record.measures.inequality import gini


@pytest.mark.parametrize(
    ("amounts", "expected"),
    [
        ([3, 3, 3], 0.0),
        ([0, 0, 0, 1], 0.75),  # one of four has everything: (4 - 1) / 4
        ([1, 3], 0.25),  # mean difference over ordered pairs 2 · 2 / 4 = 1, twice the mean 4
        ([5], 0.0),
    ],
)
def test_gini_worked_by_hand(amounts, expected):
    assert gini(np.array(amounts, float)) == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(5))
def test_gini_is_the_mean_difference_of_pairs_over_twice_the_mean(seed):
    amounts = np.random.default_rng(seed).exponential(size=30)
    differences = np.abs(amounts[:, None] - amounts[None, :]).mean()
    assert gini(amounts) == pytest.approx(differences / (2 * amounts.mean()))


@pytest.mark.parametrize("amounts", [[], [0, 0]])
def test_nobody_or_nothing_has_no_gini(amounts):
    assert gini(np.array(amounts, float)) is None

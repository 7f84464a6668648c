"""Breadth, d' and H2' against scikit-bio and values worked by hand."""

import math

import numpy as np
import pytest
from skbio.diversity import alpha

from evolora.record.measures.specialisation import (
    count_callings,
    d_prime,
    h2_bounds,
    h2_prime,
    levins_breadth,
    standardised_breadth,
)

# p = (3/4, 1/4) in a community that uses both niches alike: d = ¾ ln 1.5 + ¼ ln ½ = 0.130812, d_max = ln (8/4)
LEANING = [[3, 1], [1, 3]]
LEANING_D_PRIME = (0.75 * math.log(1.5) + 0.25 * math.log(0.5)) / math.log(2)


@pytest.mark.parametrize("row", [[4, 4, 4], [9, 1, 0], [5, 0, 0], [1, 2, 3]])
def test_levins_breadth_is_the_effective_number_of_scikit_bio(row):
    assert levins_breadth(np.array([row], float)) == pytest.approx([alpha.enspie(row)])


def test_who_earns_nothing_has_no_breadth():
    table = np.array([[0, 0], [2, 2]], float)
    assert np.isnan(levins_breadth(table)[0]) and levins_breadth(table)[1] == 2
    assert np.isnan(standardised_breadth(np.array([[3.0]])))  # one niche: no choice


def test_standardised_breadth_runs_from_one_niche_to_all():
    """(B - 1) / 2 for B = 1, 3 and 1 / (4/9 + 1/9) ... for (2, 1, 0): B = 9/5, so 0.4."""
    table = np.array([[7, 0, 0], [2, 2, 2], [2, 1, 0]], float)
    assert standardised_breadth(table) == pytest.approx([0, 1, 0.4])


def test_callings_need_enough_points_and_leave_a_middle():
    """Standardised breadths 0 (specialist), 0.4 (neither) and 1 (generalist) of three; one point is too few."""
    callings = count_callings(np.array([[6, 0, 0], [4, 2, 0], [2, 2, 2], [1, 0, 0]], float))
    assert callings is not None and callings.num_classified == 3
    assert callings.specialists == pytest.approx(1 / 3) and callings.generalists == pytest.approx(1 / 3)


@pytest.mark.parametrize("table", [np.zeros((0, 3)), np.ones((4, 3)), np.full((4, 1), 9.0)])
def test_callings_are_unknown_without_points_or_choice(table):
    assert count_callings(table) is None


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ([[2, 0], [0, 2]], [1, 1]),  # each has a niche for itself: d = ln 2 = d_max
        ([[1, 1], [1, 1]], [0, 0]),  # all use the niches as they are used at large
        (LEANING, [LEANING_D_PRIME, LEANING_D_PRIME]),
        ([[0, 0], [1, 1], [2, 2]], [np.nan, 0, 0]),
        ([[3, 1]], [np.nan]),  # alone it is the community
    ],
)
def test_d_prime_worked_by_hand(table, expected):
    assert d_prime(np.array(table, float)) == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ([[2, 0], [0, 2]], 1.0),
        ([[1, 1], [1, 1]], 0.0),
        # H2 = ¾ ln (8/3) + ¼ ln 8 = 1.255482, H2max = 2 ln 2, H2min = ln 2: for equal rows this is the mean d'
        (LEANING, LEANING_D_PRIME),
        ([[5, 0, 0], [0, 3, 0], [0, 0, 1]], 1.0),
        # rows 3, 1, columns 2, 2: packing gives cells 2, 1, 1 (H2min = 1.5 ln 2), and so is the table
        ([[2, 1], [0, 1]], 1.0),
    ],
)
def test_h2_prime_worked_by_hand(table, expected):
    assert h2_prime(np.array(table, float)) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    "table", [np.zeros((3, 3)), np.array([[1.0, 5.0]]), np.array([[1.0], [5.0]]), np.zeros((0, 2))]
)
def test_a_table_without_choice_has_no_specialisation(table):
    assert h2_prime(table) is None


@pytest.mark.parametrize("seed", range(5))
def test_h2_prime_lies_between_its_bounds_and_does_not_depend_on_order_or_scale(seed):
    rng = np.random.default_rng(seed)
    table = rng.integers(0, 9, size=(7, 4)).astype(float)
    value = h2_prime(table)
    assert value is not None and 0 <= value <= 1
    assert h2_prime(table[rng.permutation(7)][:, rng.permutation(4)] * 3) == pytest.approx(value)
    assert h2_prime(table, h2_bounds(table.sum(axis=1), table.sum(axis=0))) == value

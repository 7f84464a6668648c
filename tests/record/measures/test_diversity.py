"""Hill numbers against scikit-bio and values worked by hand."""

import math

import numpy as np
import pytest
from skbio.diversity import alpha

from evolora.record.measures.diversity import (
    entropy,
    evenness,
    hill_number,
    partition_diversity,
    similarity_hill_number,
)

COMMUNITIES = [[1, 1, 1, 1], [10, 3, 1], [7], [5, 0, 0, 2, 90, 1], list(range(1, 40))]


@pytest.mark.parametrize("counts", COMMUNITIES)
@pytest.mark.parametrize("order", [0, 0.5, 1, 2, 3])
def test_hill_numbers_are_those_of_scikit_bio(counts, order):
    assert hill_number(np.array(counts, float), order) == pytest.approx(alpha.hill(counts, order=order))


@pytest.mark.parametrize("counts", [[], [0, 0]])
def test_nothing_has_no_diversity(counts):
    empty = np.array(counts, float)
    assert hill_number(empty, 1) is None and evenness(empty) is None
    assert similarity_hill_number(empty, np.eye(len(counts)), 1) is None


@pytest.mark.parametrize("counts", [[1, 1, 1, 1], [10, 3, 1], [5, 0, 0, 2, 90, 1]])
def test_evenness_follows_from_pielous(counts):
    """exp(H) / S = S^(J - 1), as Pielou's J = H / ln S."""
    present = np.count_nonzero(counts)
    assert evenness(np.array(counts, float)) == pytest.approx(present ** (alpha.pielou_e(counts) - 1))


@pytest.mark.parametrize("counts", COMMUNITIES)
@pytest.mark.parametrize("order", [0, 1, 2])
def test_without_similarity_the_similarity_sensitive_number_is_hills(counts, order):
    amounts = np.array(counts, float)
    assert similarity_hill_number(amounts, np.eye(len(counts)), order) == pytest.approx(hill_number(amounts, order))


@pytest.mark.parametrize("order", [0, 1, 2])
def test_types_that_are_all_the_same_count_as_one(order):
    assert similarity_hill_number(np.array([3.0, 1.0, 9.0]), np.ones((3, 3)), order) == pytest.approx(1.0)


@pytest.mark.parametrize("order", [0, 1, 2])
def test_two_equal_types_that_are_half_alike_count_as_four_thirds(order):
    """Each is ordinary to (1 + 0.5) / 2 = 3/4, so the power mean of any order is 3/4 and its inverse 4/3."""
    half = np.array([[1.0, 0.5], [0.5, 1.0]])
    assert similarity_hill_number(np.array([1.0, 1.0]), half, order) == pytest.approx(4 / 3)


def test_uneven_types_with_similarity_worked_by_hand():
    """p = (.75, .25), Zp = (.875, .625): q = 2 gives 1 / (.75 · .875 + .25 · .625) = 1 / .8125;
    q = 0 gives .75 / .875 + .25 / .625 = 1.2571429; q = 1 gives .875^-.75 · .625^-.25 = 1.2431635."""
    amounts, half = np.array([3.0, 1.0]), np.array([[1.0, 0.5], [0.5, 1.0]])
    expected = {2: 1 / 0.8125, 0: 0.75 / 0.875 + 0.25 / 0.625, 1: 0.875**-0.75 * 0.625**-0.25}
    for order, value in expected.items():
        assert similarity_hill_number(amounts, half, order) == pytest.approx(value)


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ([[5, 0], [0, 5]], (1, 2, 2)),  # each niche has one type: one within, two in all
        ([[5, 5], [5, 5]], (2, 1, 2)),  # both niches have both: the second adds nothing
        ([[4, 0, 0], [0, 4, 0], [0, 0, 4]], (1, 3, 3)),
        # niche 1 holds 2/3 with two even types (H = ln 2), niche 2 one of them: alpha = 2^(2/3); pooled shares 2/3, 1/3
        ([[2, 2], [2, 0]], (2 ** (2 / 3), 3 / 2 ** (2 / 3) / 2 ** (2 / 3), 3 / 2 ** (2 / 3))),
        ([[7]], (1, 1, 1)),
    ],
)
def test_diversity_parts_into_within_and_between(table, expected):
    assert partition_diversity(np.array(table, float)) == pytest.approx(expected)


def test_an_empty_table_has_no_parts():
    assert partition_diversity(np.zeros((3, 2))) is None


@pytest.mark.parametrize(("amounts", "expected"), [([1, 1, 2], 1.5 * math.log(2)), ([4], 0.0), ([0, 0], 0.0)])
def test_entropy_worked_by_hand(amounts, expected):
    """(1/4, 1/4, 1/2): ¼ ln 4 + ¼ ln 4 + ½ ln 2 = 1.5 ln 2."""
    assert entropy(np.array(amounts, float)) == pytest.approx(expected)

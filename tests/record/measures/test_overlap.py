"""Niche overlaps against their definitions, pair by pair."""

from itertools import combinations

import numpy as np
import pytest

from evolora.record.measures.overlap import morisita_horn_overlap, pianka_overlap, schoener_overlap

OVERLAPS = [pianka_overlap, morisita_horn_overlap, schoener_overlap]


def pianka(x, y):
    return (x * y).sum() / np.sqrt((x**2).sum() * (y**2).sum())


def morisita_horn(x, y):
    return 2 * (x * y).sum() / ((x**2).sum() + (y**2).sum())


def schoener(x, y):
    return 1 - np.abs(x - y).sum() / 2


@pytest.mark.parametrize(("measure", "of_pair"), zip(OVERLAPS, [pianka, morisita_horn, schoener], strict=True))
@pytest.mark.parametrize("seed", range(4))
def test_the_mean_overlap_is_the_mean_over_pairs(measure, of_pair, seed):
    table = np.random.default_rng(seed).integers(0, 5, size=(9, 4)).astype(float)
    table[3] = 0  # earns nothing: left out
    used = [row / row.sum() for row in table if row.sum()]
    assert measure(table) == pytest.approx(np.mean([of_pair(x, y) for x, y in combinations(used, 2)]))


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ([[1, 0], [0, 9]], (0, 0, 0)),
        ([[2, 2], [1, 1]], (1, 1, 1)),
        # p = (1, 0), (½, ½): ½ / sqrt(½); 2 · ½ / (1 + ½); 1 - ½ (½ + ½)
        ([[3, 0], [2, 2]], (0.5**0.5, 2 / 3, 0.5)),
    ],
)
def test_overlaps_worked_by_hand(table, expected):
    assert tuple(measure(np.array(table, float)) for measure in OVERLAPS) == pytest.approx(expected)


@pytest.mark.parametrize("measure", OVERLAPS)
@pytest.mark.parametrize("table", [np.zeros((3, 2)), np.array([[1.0, 2.0], [0.0, 0.0]]), np.zeros((0, 2))])
def test_fewer_than_two_organisms_have_no_overlap(measure, table):
    assert measure(table) is None

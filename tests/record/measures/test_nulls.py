"""Shuffled tables: sums kept, the exact distribution, and p-values that are uniform where there is nothing."""

from functools import partial

import numpy as np
import pytest
from scipy.stats import hypergeom, random_table

from evolora.record.measures.nulls import compare_with_null, shuffle_tables, stand
from evolora.record.measures.overlap import pianka_overlap
from evolora.record.measures.specialisation import h2_bounds, h2_prime
from evolora.rng import stream


@pytest.mark.parametrize("table", [[[3, 1], [0, 4]], [[5, 0, 2], [0, 0, 0], [1, 1, 1]], [[7]], [[0, 0], [0, 0]]])
def test_every_shuffle_keeps_the_sums_of_rows_and_columns(table):
    table = np.array(table)
    shuffles = shuffle_tables(table, 50, stream(1, "test"))
    assert shuffles.shape == (50, *table.shape)
    assert (shuffles.sum(axis=2) == table.sum(axis=1)).all() and (shuffles.sum(axis=1) == table.sum(axis=0)).all()


def test_cells_are_hypergeometric():
    """Two by two, rows 6 and 4, columns 5 and 5: the first cell is hypergeometric(10, 5, 6)."""
    shuffles = shuffle_tables(np.array([[4, 2], [1, 3]]), 20_000, stream(1, "test"))
    seen = np.bincount(shuffles[:, 0, 0], minlength=6) / len(shuffles)
    assert seen == pytest.approx(hypergeom(10, 5, 6).pmf(range(6)), abs=0.012)


def test_whole_tables_are_as_likely_as_scipy_says():
    table = np.array([[2, 1, 0], [0, 1, 2]])
    oracle = random_table(table.sum(axis=1), table.sum(axis=0))
    shuffles = shuffle_tables(table, 20_000, stream(2, "test"))
    kinds, counts = np.unique(shuffles.reshape(len(shuffles), -1), axis=0, return_counts=True)
    assert len(kinds) > 3
    for kind, count in zip(kinds, counts, strict=True):
        assert count / len(shuffles) == pytest.approx(oracle.pmf(kind.reshape(table.shape)), abs=0.012)


def test_where_a_value_stands_worked_by_hand():
    """Nulls 1, 2, 3, 4 (mean 2.5, standard deviation sqrt(5/3)): two of four are at least 3, so p = 3/5."""
    found = stand(3.0, np.array([1.0, 2.0, 3.0, 4.0]), "high")
    assert (found.null_mean, found.p) == (2.5, 0.6) and found.z == pytest.approx(0.5 / (5 / 3) ** 0.5)
    assert stand(3.0, np.array([1.0, 2.0, 3.0, 4.0]), "low").p == 0.8
    assert stand(0.0, np.array([1.0, 2.0, 3.0, 4.0]), "low").p == 0.2
    assert stand(5.0, np.array([5.0, 5.0]), "high").z is None  # nulls that do not vary say nothing


def test_perfect_partitioning_stands_out_and_random_use_does_not():
    rng = stream(3, "test")
    partitioned = np.diag([8, 8, 8, 8])
    found = compare_with_null(h2_prime, partitioned, shuffle_tables(partitioned, 199, rng), "high")
    assert found is not None and found.p == 1 / 200 and found.z is not None and found.z > 5
    overlap = compare_with_null(pianka_overlap, partitioned, shuffle_tables(partitioned, 199, rng), "low")
    assert overlap is not None and overlap.p == 1 / 200
    assert compare_with_null(h2_prime, np.array([[3, 4]]), shuffle_tables(np.array([[3, 4]]), 9, rng), "high") is None


def test_p_values_are_uniform_when_niches_are_used_at_random():
    rng = stream(4, "test")
    values: list[float] = []
    for _ in range(200):
        table = rng.multinomial(6, [0.4, 0.3, 0.2, 0.1], size=12)
        bounds = h2_bounds(table.sum(axis=1).astype(float), table.sum(axis=0).astype(float))
        shuffles = shuffle_tables(table, 39, rng)
        found = compare_with_null(partial(h2_prime, bounds=bounds), table, shuffles, "high")
        assert found is not None
        values.append(found.p)
    assert 0.01 <= np.mean(np.array(values) <= 0.05) <= 0.09
    assert np.mean(values) == pytest.approx(0.5, abs=0.06)

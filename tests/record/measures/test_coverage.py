"""Coverage, keystones and routing against enumeration and values worked by hand."""

from itertools import combinations

import numpy as np
import pytest

from evolora.record.measures.coverage import coverage_of_some, lost_coverage, route


@pytest.mark.parametrize("size", [1, 2, 3, 5])
@pytest.mark.parametrize("seed", range(3))
def test_coverage_is_the_mean_over_all_groups_of_that_size(seed, size):
    solved = np.random.default_rng(seed).random((5, 7)) < 0.3  # (organisms, tasks)
    groups = [solved[list(group)].any(axis=0).mean() for group in combinations(range(5), size)]
    assert coverage_of_some(solved.sum(axis=0), 5, size) == pytest.approx(np.mean(groups))


def test_coverage_needs_tasks_and_enough_organisms():
    assert coverage_of_some(np.zeros(0, np.int64), 5, 1) is None
    assert coverage_of_some(np.array([1, 2]), 3, 4) is None
    assert coverage_of_some(np.array([0, 0]), 3, 3) == 0.0


@pytest.mark.parametrize(
    ("solvers", "expected"),
    [
        ([{1}, {1}, {1, 2}, {2}], 0.5),  # without 1 two of four are lost, without 2 one
        ([{1, 2}, {1, 2}], 0.0),
        ([{1}, set()], 1.0),
        ([set()], None),
        ([], None),
    ],
)
def test_the_keystones_loss_worked_by_hand(solvers, expected):
    assert lost_coverage([frozenset(lineages) for lineages in solvers]) == expected


def test_routing_worked_by_hand():
    """Task 7: the one with the better record scores 0, the other 1. Task 2: both unknown, so they share 1 and 0."""
    tasks, scores = np.array([7, 7, 2, 2]), np.array([0.0, 1.0, 1.0, 0.0])
    found = route(tasks, scores, np.array([0.9, 0.2, np.nan, np.nan]))
    assert found is not None and (found.oracle, found.routed, found.gap) == (1.0, 0.25, 0.75)
    known = route(tasks, scores, np.array([0.2, 0.9, np.nan, 0.0]))  # any record beats none
    assert known is not None and known.routed == 0.5
    assert route(np.zeros(0, np.int64), np.zeros(0), np.zeros(0)) is None


def test_a_lone_visitor_is_always_chosen():
    found = route(np.array([0, 1]), np.array([0.5, 1.0]), np.array([np.nan, 0.1]))
    assert found is not None and found.gap == 0.0 and found.oracle == 0.75

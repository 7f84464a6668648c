"""MODES worked by hand."""

import json
import math

import pytest

from evolora.events import Birth, Death, DeathCause
from evolora.history import Snapshots
from evolora.record.measures.modes import Modes, compare_snapshots, pass_on_marks, take_snapshot


def birth(child: int, *parents: int) -> Birth:
    return Birth(1, child, "clone", parents, 0, 1.0, (), "x")


def death(organism: int) -> Death:
    return Death(1, organism, DeathCause.AGE, 1, 0, 0, 0.0, 0.0, "sink")


def test_without_a_snapshot_there_is_nothing_to_compare():
    assert compare_snapshots(Snapshots()) is None


def test_only_what_has_living_descendants_passes_worked_by_hand():
    """0 solves {0}, 1 and 3 solve {0, 1}, 2 solves {2}. 2 dies without children; 1 dies, its grandchild lives.

    So {0} once and {0, 1} twice pass: entropy ln 3 - ⅔ ln 2, the largest has two niches, both are new.
    """
    snapshots = Snapshots()
    take_snapshot(snapshots, {0: (0,), 1: (0, 1), 2: (2,), 3: (0, 1)})
    pass_on_marks(snapshots, [birth(4, 1), death(1), death(2)])
    pass_on_marks(snapshots, [birth(5, 4), death(4)])
    modes = compare_snapshots(snapshots)
    assert modes is not None
    assert (modes.change, modes.novelty, modes.complexity) == (2, 2, 2)
    assert modes.ecology == pytest.approx(math.log(3) - 2 / 3 * math.log(2))


def test_change_is_against_the_last_time_and_novelty_against_all_times():
    snapshots = Snapshots()
    for skeleton, expected in [((0,), (1, 1)), ((1,), (1, 1)), ((0,), (1, 0)), ((0,), (0, 0))]:
        take_snapshot(snapshots, {0: skeleton})
        modes = compare_snapshots(snapshots)
        assert modes is not None and (modes.change, modes.novelty) == expected


def test_both_parents_of_a_merge_persist_in_the_child():
    snapshots = Snapshots()
    take_snapshot(snapshots, {0: (0,), 1: (1,)})
    pass_on_marks(snapshots, [birth(2, 0, 1), death(0), death(1)])
    modes = compare_snapshots(snapshots)
    assert modes is not None and modes.change == 2


def test_who_solves_nothing_or_left_nobody_counts_for_nothing():
    snapshots = Snapshots()
    take_snapshot(snapshots, {0: (), 1: (3,)})
    pass_on_marks(snapshots, [death(1)])
    assert compare_snapshots(snapshots) == Modes(0, 0, 0, 0.0)


def test_snapshots_go_through_json_unchanged():
    snapshots = Snapshots()
    take_snapshot(snapshots, {number: (number % 3,) for number in range(100)})
    pass_on_marks(snapshots, [birth(100, 98, 99), death(98)])
    compare_snapshots(snapshots)
    again = Snapshots.from_dict(json.loads(json.dumps(snapshots.to_dict(), sort_keys=True)))
    assert again == snapshots and list(again.skeletons) == list(snapshots.skeletons)

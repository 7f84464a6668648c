"""Evolutionary activity worked by hand, and its neutral shadows."""

import json

import numpy as np
import pytest

from evolora.events import Birth, Death, DeathCause
from evolora.history import NUM_SHADOWS, Activity
from evolora.record.measures.activity import count_activity, mirror_events, sync_labels
from evolora.rng import stream

BORN = dict.fromkeys(range(4), 0)


def birth(child: int, *parents: int) -> Birth:
    return Birth(1, child, "clone" if parents else "founder", parents, 0, 1.0, (), "x")


def death(organism: int) -> Death:
    return Death(1, organism, DeathCause.AGE, 1, 0, 0, 0.0, 0.0, "sink")


def founded(*labels: str) -> Activity:
    activity = Activity()
    sync_labels(activity, dict(enumerate(labels)))
    return activity


def test_activity_adds_up_and_is_no_excess_while_nothing_happens():
    """A, A, B: after two generations A has 4, B 2, so A_cum / D = 3, in the shadows too."""
    activity = founded("A", "A", "B")
    first, second = count_activity(activity), count_activity(activity)
    assert first is not None and second is not None
    assert (first.mean, second.mean) == (1.5, 3.0)
    assert (second.excess, second.excess_share, second.new) == (0.0, 0.0, 0.0)
    assert activity.cumulative.tolist() == [0, 4, 2]
    assert (activity.shadow_cumulative == [0, 4, 2]).all()


def test_what_outlives_every_shadow_is_excess_worked_by_hand():
    """A has 10 of activity, B 2, and B is gone. World: mean 10 + 1. Shadows keep both with 5 + 1 each: mean 6, a0 = 6.

    So excess = 11 · 21 / (11 + 20 · 6) - 1 and the share above a0 is (11 - 6) / 11; A is new the first time only.
    """
    activity = Activity(
        {"": 0, "A": 1, "B": 2},
        {7: 1},
        np.array([0, 10, 2]),
        np.tile([1, 2], (NUM_SHADOWS, 1)),
        np.tile([0, 5, 5], (NUM_SHADOWS, 1)),
    )
    row = count_activity(activity)
    assert row is not None
    assert (row.mean, row.new) == (11.0, 11.0)
    assert row.excess == pytest.approx(11 * 21 / (11 + 20 * 6) - 1) and row.excess_share == pytest.approx(5 / 11)
    again = count_activity(activity)
    assert again is not None and again.new == 0.0


def test_nobody_with_a_label_has_no_activity():
    assert count_activity(Activity()) is None
    unlabelled = Activity()
    sync_labels(unlabelled, {0: None, 1: None})
    assert count_activity(unlabelled) is None and unlabelled.labels == {0: 0, 1: 0}


def test_shadows_mirror_the_numbers_of_births_and_deaths():
    activity = founded(*"ABCD")
    mirror_events(activity, [death(1), birth(4, 0), birth(5, 2), death(3)], BORN, stream(1, "test"))
    assert activity.labels == {0: 1, 2: 3, 4: 1, 5: 3}  # children have their parents' labels
    assert activity.shadows.shape == (NUM_SHADOWS, 4)
    assert len(np.unique(activity.shadows, axis=0)) > 1  # chance decided otherwise there


def test_every_shadow_individual_is_as_likely_to_die_or_bear():
    survivors, children = np.zeros(5), np.zeros(5)
    for seed in range(100):
        activity = founded(*"ABCD")
        mirror_events(activity, [death(0)], BORN, stream(seed, "test"))
        survivors += np.bincount(activity.shadows.ravel(), minlength=5)
        mirror_events(activity, [birth(4, 3)], BORN, stream(seed, "another test"))
        children += np.bincount(activity.shadows[:, -1], minlength=5)
    assert survivors[1:] / survivors.sum() == pytest.approx([0.25] * 4, abs=0.03)
    assert children[1:] / children.sum() == pytest.approx([0.25] * 4, abs=0.05)


def test_chance_picks_among_those_of_like_age():
    """Eight of ages 9 (labelled A to D) and 1 (E to H): a quarter is two, so who dies is always as old."""
    born = {own: 0 if own < 4 else 8 for own in range(8)}
    for seed in range(20):
        activity = founded(*"ABCDEFGH")
        mirror_events(activity, [death(5)], born, stream(seed, "test"))
        assert (np.sort(activity.shadows)[:, :4] == [1, 2, 3, 4]).all()
        mirror_events(activity, [birth(8, 1)], born, stream(seed, "another test"))
        assert (activity.shadows[:, -1] <= 4).all()


def test_a_change_of_label_reaches_every_shadow_and_no_label_changes_nothing():
    activity = founded("A", "B")
    sync_labels(activity, {0: "C", 1: None})
    assert activity.labels == {0: 3, 1: 2}
    assert (activity.shadows == [3, 2]).all()


def test_a_newcomer_without_parents_joins_the_shadows():
    activity = founded("A")
    mirror_events(activity, [birth(3)], BORN, stream(1, "test"))
    assert 3 not in activity.labels
    sync_labels(activity, {0: "A", 3: "Z"})
    assert (activity.shadows == [1, 2]).all()


def test_activity_goes_through_json_unchanged():
    activity = founded(*"ABCA")
    mirror_events(activity, [death(1), birth(4, 0)], BORN, stream(1, "test"))
    count_activity(activity)
    state = json.loads(json.dumps(activity.to_dict()))
    assert Activity.from_dict(state).to_dict() == activity.to_dict()
    empty = Activity.from_dict(json.loads(json.dumps(Activity().to_dict())))
    assert empty.to_dict() == Activity().to_dict() and empty.shadows.shape == (NUM_SHADOWS, 0)

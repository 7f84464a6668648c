"""Levels follow success with hysteresis, or learning progress."""

import pytest

from evolora.environment.difficulty import Difficulty, Track, progress
from evolora.rng import stream


def difficulty(rule="success", **changes):
    settings = {"harder_above": 0.7, "easier_below": 0.3, "smoothing": 0.5, "rest": 2, "explore": 0.0}
    return Difficulty(rule, **{**settings, **changes})


def follow(rule, track, scores):
    levels = []
    for place, score in enumerate(scores):
        track = rule.follow(track, score, stream(1, "difficulty", place))
        levels.append(track.level)
    return levels, track


def test_success_goes_up_after_a_rest_and_stops_at_the_last_level():
    assert follow(difficulty(), Track.start(0, 3), [0.9] * 7)[0] == [0, 1, 1, 2, 2, 2, 2]


def test_failure_goes_down_and_stops_at_the_first():
    assert follow(difficulty(), Track.start(2, 3), [0.1] * 6)[0] == [2, 1, 1, 0, 0, 0]


@pytest.mark.parametrize("score", [0.3, 0.5, 0.7])
def test_between_the_bounds_nothing_moves(score):
    assert set(follow(difficulty(), Track.start(1, 3), [score] * 20)[0]) == {1}


def test_hysteresis_keeps_a_score_that_swings_within_the_gap_at_one_level():
    swinging = [0.68, 0.32] * 20
    assert set(follow(difficulty(), Track.start(1, 3), swinging)[0]) == {1}
    narrow = difficulty(harder_above=0.51, easier_below=0.49)
    assert len(set(follow(narrow, Track.start(1, 3), swinging)[0])) > 1  # the gap is what did it


def test_a_new_level_begins_without_the_old_one_s_success():
    _, track = follow(difficulty(), Track.start(0, 2), [0.9, 0.9])
    assert (track.level, track.success, track.stayed) == (1, None, 0)
    assert follow(difficulty(), track, [0.2])[1].success == 0.2


def test_where_nobody_came_nothing_changes():
    track = Track.start(1, 3)
    assert follow(difficulty(), track, [None] * 5)[1] == track


def test_success_is_smoothed_by_its_weight():
    # 0.8, then 0.8 + 0.25 (0.4 - 0.8) = 0.7, then 0.7 + 0.25 (0.3 - 0.7) = 0.6
    _, track = follow(difficulty(smoothing=0.25, rest=9), Track.start(0, 2), [0.8, 0.4, 0.3])
    assert track.success == pytest.approx(0.6)
    # the long memory has a fifth of the weight: 0.8, 0.78, 0.756
    assert (track.short[0], track.long[0]) == (pytest.approx(0.6), pytest.approx(0.756))
    assert progress(track) == [pytest.approx(0.156), float("inf")]


def test_progress_tries_every_level_and_then_stays_where_scores_move():
    rule = difficulty("progress", rest=2)
    track, seen = Track.start(0, 3), []
    for place in range(40):
        score = {0: 0.9, 1: 0.02 * place, 2: 0.0}[track.level]  # mastered, being learnt, hopeless
        seen.append(track.level)
        track = rule.follow(track, score, stream(1, "difficulty", place))
    assert seen[:6] == [0, 0, 1, 1, 2, 2]
    assert set(seen[6:]) == {1}


@pytest.mark.parametrize("seed", range(5))
def test_progress_decides_every_so_many_generations_also_where_the_level_stays(seed):
    rule = difficulty("progress", rest=4, explore=0.4)
    track, seen = Track.start(0, 3), []
    for place in range(80):
        seen.append(track.level)
        track = rule.follow(track, 0.5, stream(seed, "difficulty", place))
    moves = [place for place in range(1, 80) if seen[place] != seen[place - 1]]
    assert moves and all(place % 4 == 0 for place in moves)


def test_success_may_leave_a_level_at_any_time_once_it_has_rested():
    assert follow(difficulty(rest=4), Track.start(0, 2), [0.5] * 5 + [0.9] * 3)[0] == [0, 0, 0, 0, 0, 0, 1, 1]


def test_exploration_reaches_all_levels():
    rule = difficulty("progress", rest=1, explore=1.0)
    assert set(follow(rule, Track.start(0, 4), [0.5] * 60)[0]) == {0, 1, 2, 3}


def test_the_same_scores_give_the_same_track():
    rule = difficulty("progress", explore=0.5)
    scores = [0.1, 0.9, None, 0.4] * 6
    assert follow(rule, Track.start(0, 4), scores) == follow(rule, Track.start(0, 4), scores)

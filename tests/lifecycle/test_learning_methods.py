"""What each way of learning takes from a generation: which answers, with which weights."""

import pytest

from evolora.environment.encounter import Answer, Encounter, Outcome
from evolora.environment.task import Score, Task
from evolora.lifecycle.learning import Evolution, Imitate, ImitateSelf, Reinforce, Tried
from evolora.organism.perturbation import Noise

PROMPT = (5, 6, 7)


def outcome(*scores: float, key: int = 1, tokens: tuple[tuple[int, ...], ...] | None = None) -> Outcome:
    """One encounter of organism 4 whose i-th answer is (10 + i,) unless `tokens` says otherwise."""
    written = tokens or tuple((10 + i,) for i in range(len(scores)))
    encounter = Encounter(4, "niche", Task("family", "q", "a", 0), (), len(scores), 0.8, 6, key)
    answers = tuple(Answer("", ids, PROMPT, -1.0, True) for ids in written)
    return Outcome(encounter, answers, tuple(Score(value) for value in scores))


def test_reinforcement_weighs_answers_against_the_others_to_the_same_prompt():
    lived = [outcome(1.0, 0.0, 0.0, 0.0), outcome(0.0, 0.0)]
    (lesson,) = Reinforce().lessons(lived, [])
    assert lesson.organism_id == 4 and lesson.temperature == 0.8
    assert sum(lesson.advantages) == pytest.approx(0) and lesson.advantages[0] == pytest.approx(3**0.5)


def test_self_imitation_keeps_full_scores_and_what_beats_the_organisms_own_mean():
    lived = [outcome(0.2, 0.6, 0.0), outcome(0.3, 0.3, key=2), outcome(1.0, 1.0, key=3)]  # mean 3.4 / 7
    lessons = ImitateSelf().lessons(lived, [])
    assert [lesson.answers for lesson in lessons] == [((11,),), ((10,), (11,))]
    assert all(weight == 1.0 for lesson in lessons for weight in lesson.advantages)
    assert {lesson.temperature for lesson in lessons} == {1.0}


def test_self_imitation_learns_nothing_from_a_generation_without_success_or_from_silence():
    assert ImitateSelf().lessons([outcome(0.0, 0.0)], []) == []
    assert ImitateSelf().lessons([outcome(1.0, tokens=((),))], []) == []


def test_imitation_learns_every_reference_once_whatever_was_scored():
    answer = Answer("no", (10,), PROMPT, -1.0, True, reference_ids=(8, 9))
    encounter = Encounter(4, "niche", Task("family", "q", "a", 0), (), 2, 0.8, 6, 1)
    lived = [Outcome(encounter, (answer, answer), (Score(0.0), Score(1.0))), outcome(1.0)]
    (lesson,) = Imitate().lessons(lived, [])  # the second has no reference: its weights were sick
    assert lesson.answers == ((8, 9),) and lesson.advantages == (1.0,) and lesson.prompt_ids == PROMPT


def test_evolution_tries_every_encounter_with_both_signs_of_every_noise():
    lived = [outcome(0.0, key=1), outcome(0.0, key=2)]
    trials = Evolution(pairs=3, scale=0.02).trials(lived, key=9)
    assert len(trials) == 3 * 2 * 2
    noises = {trial.noise for trial in trials}
    assert {Noise(noise.key, -noise.scale) for noise in noises} == noises
    assert len({noise.key for noise in noises}) == 3
    assert {trial.encounter.key for trial in trials} == {1, 2}, "the sampling keys are those of the lived encounters"
    assert Evolution(3, 0.02).trials(lived, key=9) == trials
    assert not noises & {trial.noise for trial in Evolution(3, 0.02).trials(lived, key=10)}


def test_evolution_compares_mean_scores_of_opposites():
    method, lived = Evolution(pairs=2, scale=0.5), [outcome(0.0)]
    keys = [trial.noise.key for trial in method.trials(lived, key=1)[::2]]
    scores = {(keys[0], 0.5): 1.0, (keys[0], -0.5): 0.25, (keys[1], 0.5): 0.0, (keys[1], -0.5): 0.5}
    tried = [Tried(Noise(key, scale), outcome(value)) for (key, scale), value in scores.items()]
    (comparison,) = method.lessons(lived, tried)
    assert dict(zip(comparison.keys, comparison.gains, strict=True)) == {keys[0]: 0.75, keys[1]: -0.5}
    assert comparison.mean_score == pytest.approx(1.75 / 4) and comparison.scale == 0.5


def test_evolution_learns_nothing_where_no_opposites_differ_or_nothing_was_tried():
    method, lived = Evolution(pairs=2, scale=0.5), [outcome(0.0)]
    tried = [Tried(trial.noise, outcome(1.0)) for trial in method.trials(lived, key=1)]
    assert method.lessons(lived, tried) == method.lessons(lived, []) == []

"""Splits: disjoint by content, reworded without changing answers, and honest about families that reward constants."""

from dataclasses import replace

import numpy as np
import pytest
from sheets import small_petri

from evolora.blueprint import build_rules
from evolora.environment.families.registry import make_family
from evolora.environment.niche import Niche
from evolora.environment.tasks import TaskSource, split_of
from evolora.errors import ConfigError, TaskError
from evolora.portfolio.rewording import reword
from evolora.portfolio.splits import (
    HARDER,
    SHIFTS,
    balanced_accuracy,
    check_disjoint,
    check_use,
    family_notes,
    foreign_niches,
    harder_niches,
    make_split,
    may_carry_claims,
    selection_questions,
)
from evolora.routing.exam import Question


@pytest.fixture(scope="module")
def rules():
    return build_rules(small_petri())


def every_split(rules, num=30):
    harder, foreign = harder_niches(rules.niches), foreign_niches(rules.niches)
    return {
        shift: make_split(shift, rules.niches, rules.tasks, num, harder=harder, foreign=foreign) for shift in SHIFTS
    }


def test_no_split_shares_content_with_living_or_selection(rules):
    lived = [
        task.digest
        for niche in rules.niches
        for generation in range(60)
        for task in rules.tasks.living(niche, generation, 4)
    ]
    selection = selection_questions(rules.niches, rules.tasks, 40)
    check_use(selection, "selection")
    for split in every_split(rules).values():
        check_disjoint([*lived, *(question.task.digest for question in selection)], split)


def test_a_leaked_task_is_caught(rules):
    split = every_split(rules)["in distribution"]
    with pytest.raises(TaskError, match="got 1 of"):
        check_disjoint([split.questions[3].task.digest], split)


def test_a_leaked_original_of_a_reworded_question_is_caught(rules):
    plain = every_split(rules)["in distribution"]
    surface = every_split(rules)["surface"]
    check_disjoint([plain.questions[0].task.digest], replace(surface, origins={}))  # by its own words alone it is new
    with pytest.raises(TaskError, match=r"surface: .* got 1 of"):
        check_disjoint([plain.questions[0].task.digest], surface)


def test_a_task_of_another_use_is_refused(rules):
    niche = rules.niches[0]
    with pytest.raises(TaskError, match="expected selection tasks, got a test task"):
        check_use([Question(niche, rules.tasks.test(niche, 1)[0])], "selection")


def test_the_family_shift_refuses_a_family_somebody_lived_on(rules):
    with pytest.raises(ConfigError, match="nobody lived on"):
        make_split("family", rules.niches, rules.tasks, 5, foreign=[rules.niches[0]])


def test_a_shift_without_families_is_refused(rules):
    with pytest.raises(ConfigError, match="expected at least one niche"):
        make_split("difficulty", rules.niches, rules.tasks, 5)


def test_rewording_keeps_answer_and_score_and_the_question_within_it(rules):
    for niche in rules.niches:
        for task in rules.tasks.test(niche, 30):
            other = reword(task, seed=1)
            assert task.question in other.question and other.digest != task.digest
            assert niche.score(other, task.answer).value == 1.0
            assert reword(task, seed=1) == other
    assert len({reword(task, seed).question for seed in range(40)}) > 10


def test_harder_settings_exist_and_differ_from_the_defaults():
    for name, settings in HARDER.items():
        easy, hard = make_family(name, {}), make_family(name, settings)
        assert len(hard.sample(1, 200)) == 200
        assert {t.question for t in easy.sample(1, 50)} != {t.question for t in hard.sample(1, 50)}
        assert all(split_of(t) == "test" for t in TaskSource(1).test(Niche(name, hard), 40))


def test_a_family_that_rewards_constants_carries_no_headline():
    niche = Niche("count_word", make_family("count_word", {"max_count": 2}))
    split = make_split("in distribution", [niche], TaskSource(1), 60)
    note = family_notes(split)["count_word"]
    assert note.kinds == 2 and note.constant.score >= 0.5 and not may_carry_claims(note.kinds, note.constant.score)
    rich = make_split("in distribution", [Niche("nth_word", make_family("nth_word", {}))], TaskSource(1), 60)
    telling = family_notes(rich)["nth_word"]
    assert may_carry_claims(telling.kinds, telling.constant.score)


def test_balanced_accuracy_of_a_constant_answer_is_one_over_the_answers():
    niche = Niche("count_word", make_family("count_word", {"max_count": 2}))
    tasks = TaskSource(1).test(niche, 60)
    questions = [Question(niche, task) for task in tasks] + [Question(niche, replace(tasks[0], answer="1"))] * 30
    constant = np.array([question.task.answer == "1" for question in questions], dtype=float)
    assert balanced_accuracy(constant, questions) == 0.5 < constant.mean()

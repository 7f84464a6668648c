"""Laws of every family: seeded, without repeats, short, paid for the truth."""

import random
from itertools import pairwise

import numpy as np
import pytest

from evolora.environment.families.family import answer_kinds, constant_answer_score
from evolora.environment.families.own.opposite import PAIRS
from evolora.environment.families.own.rhyme import RHYMES
from evolora.environment.families.own.spelt_number import spell
from evolora.environment.niche import Niche
from evolora.environment.task import Task

from .niches import niche_of

SEEDS = [0, 1, 2**64 - 1]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_sample_is_a_function_of_its_seed_and_a_prefix_of_longer_ones(niche: Niche, seed: int) -> None:
    longer = niche.family.sample(seed, 24)
    assert niche.family.sample(seed, 24) == longer
    assert niche.family.sample(seed, 7) == longer[:7]


@pytest.mark.parametrize("seed", SEEDS)
def test_no_question_occurs_twice_in_a_sample(niche: Niche, seed: int) -> None:
    tasks = niche.family.sample(seed, 64)
    assert len(tasks) == 64
    assert len({task.digest for task in tasks}) == 64
    assert {task.family for task in tasks} == {niche.family.name}


def test_different_seeds_give_different_samples(niche: Niche) -> None:
    first, second = (niche.family.sample(seed, 12) for seed in (5, 6))
    assert [task.question for task in first] != [task.question for task in second]


@pytest.mark.parametrize("seed", SEEDS)
def test_the_reference_earns_everything_and_the_neighbours_answer_nothing(niche: Niche, seed: int) -> None:
    tasks = niche.family.sample(seed, 48)
    for task, other in zip(tasks, [*tasks[1:], tasks[0]], strict=True):
        assert niche.score(task, task.answer).value == 1.0
        assert niche.score(task, f"\n  {task.answer}.\nand more talk").value == 1.0
        if other.answer != task.answer:
            assert niche.score(task, other.answer).value == 0.0


def test_our_questions_and_answers_are_short(own_niche: Niche) -> None:
    for task in own_niche.family.sample(3, 64):
        assert len(task.question) < 200
        assert 1 <= len(task.answer) <= 12
        assert task.answer == task.answer.strip()


def test_our_families_do_not_pay_a_constant_answer_well(own_niche: Niche) -> None:
    tasks = own_niche.family.sample(4, 64)
    best = constant_answer_score(tasks, own_niche.family.score)
    fair = 1 / answer_kinds(tasks)
    assert best.score < fair + 0.25, f"always answering {best.answer!r} earns {best.score}"


def test_sampling_and_scoring_leave_global_random_state_alone(niche: Niche) -> None:
    before, before_numpy = random.getstate(), np.random.get_state()[1].tobytes()
    task = niche.family.sample(9, 4)[0]
    niche.score(task, "some text")
    assert random.getstate() == before
    assert np.random.get_state()[1].tobytes() == before_numpy


def test_a_constant_answer_is_measured_against_every_task() -> None:
    tasks = [Task("toy", f"question {index}", answer, 0) for index, answer in enumerate("aabac")]
    best = constant_answer_score(tasks, lambda task, text: float(task.answer == text))
    assert (best.answer, best.score) == ("a", 0.6)
    assert answer_kinds(tasks) == 3
    with pytest.raises(ValueError, match="at least one task"):
        constant_answer_score([], lambda task, text: 0.0)


def test_every_word_has_one_opposite_and_one_rhyme_group() -> None:
    opposites = [word for pair in PAIRS for word in pair]
    rhymes = [word for group in RHYMES for word in group]
    assert all(len(pair) == 2 for pair in PAIRS)
    assert sorted(set(opposites)) == sorted(opposites)
    assert sorted(set(rhymes)) == sorted(rhymes)


@pytest.mark.parametrize(
    ("number", "words"),
    [(7, "seven"), (13, "thirteen"), (40, "forty"), (99, "ninety-nine"), (100, "one hundred"),
     (512, "five hundred twelve"), (1000, "one thousand"), (9021, "nine thousand twenty-one")],
)  # fmt: skip
def test_numbers_are_spelt_as_people_spell_them(number: int, words: str) -> None:
    assert spell(number) == words


@pytest.mark.parametrize("seed", range(4))
def test_our_arithmetic_and_counting_agree_with_a_second_reading_of_the_question(seed: int) -> None:
    for task in niche_of("count_word").family.sample(seed, 32):
        head, tail = task.question.removesuffix("?").split(" in: ")
        assert tail.split().count(head.split()[-1]) == int(task.answer)
    for task in niche_of("clock_sum").family.sample(seed, 32):
        first, _, second, _, modulus, _ = task.question.split()
        assert (int(first) + int(second)) % int(modulus) == int(task.answer)
    for task in niche_of("nth_word").family.sample(seed, 32):
        head, tail = task.question.split(" of: ")
        assert tail.split()[int(head.removeprefix("Word ")) - 1] == task.answer
    for task in niche_of("letter_at", place="second").family.sample(seed, 32):
        assert task.question.removesuffix("?").split()[-1][1] == task.answer
    for task in niche_of("letter_sequence").family.sample(seed, 32):
        codes = [ord(letter) for letter in task.question.removeprefix("Next letter: ").split()] + [ord(task.answer)]
        assert len({late - early for early, late in pairwise(codes)}) == 1

"""The self-test lets honest niches pass and names the others, all in one error."""

import re

import pytest

from evolora.environment.families.family import ConstantAnswer
from evolora.environment.niche import Niche
from evolora.environment.selftest import profile, refuse_failing, self_test
from evolora.environment.task import Task
from evolora.environment.tasks import TaskSource, use_of
from evolora.errors import TaskError

from .niches import niche_of
from .plug_ins import Doubles


def test_honest_niches_pass_under_both_rules_of_payment(niche: Niche) -> None:
    source = TaskSource(1)
    assert self_test(niche, source) == []
    assert self_test(Niche(niche.name, niche.family, pay="partial"), source) == []


@pytest.mark.parametrize(
    ("family", "pay", "complaint"),
    [
        ("plug_ins:Raiser", "exact", "reference answer .* earns 0.0 .scorer raised ValueError"),
        ("plug_ins:Overpayer", "exact", "scorer returned 7.0"),
        ("plug_ins:ConsolationPayer", "partial", "lorem ipsum earns 0.125 on average, expected under 0.02"),
        ("plug_ins:NotTasks", "exact", "expected sample to return a list of Task"),
    ],
)
def test_dishonest_niches_are_found_out(family: str, pay: str, complaint: str) -> None:
    problems = self_test(niche_of(family, pay=pay), TaskSource(1))
    assert any(re.search(complaint, problem) for problem in problems), problems


def test_a_consolation_below_the_floor_or_under_exact_payment_is_harmless() -> None:
    assert self_test(niche_of("plug_ins:ConsolationPayer"), TaskSource(1)) == []
    niche = niche_of("plug_ins:ConsolationPayer", pay="partial")
    assert self_test(Niche(niche.name, niche.family, pay="partial", pay_floor=0.3), TaskSource(1)) == []


def test_one_error_names_every_failing_niche_and_no_other() -> None:
    niches = [niche_of("weekday"), niche_of("plug_ins:Raiser"), niche_of("plug_ins:Doubles", largest=40)]
    with pytest.raises(TaskError) as caught:
        refuse_failing(niches, TaskSource(1))
    assert "plug_ins:Raiser: its own reference" in str(caught.value)
    assert "too few questions" in str(caught.value)
    assert "weekday" not in str(caught.value)
    refuse_failing(niches[:1], TaskSource(1))


def test_a_niche_without_questions_for_trials_is_found_out_where_trials_are_held() -> None:
    class NoTrials(Doubles):
        name = "no_trials"

        def sample(self, seed: int, num: int) -> list[Task]:
            return [task for task in super().sample(seed, 2 * num) if use_of(task, with_trials=True) != "trial"][:num]

    niche = Niche("pond", NoTrials())
    assert self_test(niche, TaskSource(1)) == []
    (problem,) = self_test(niche, TaskSource(1, with_trials=True))
    assert "expected at least 1 different trial tasks, got 0" in problem


def test_the_profile_shows_what_a_constant_answer_earns() -> None:
    shown = profile(niche_of("clock_sum", max_term=12, modulus=2))
    assert shown.answer_kinds == 2
    assert shown.constant.score >= 0.5
    assert isinstance(shown.constant, ConstantAnswer)
    assert 10 < shown.question_characters < 20
    assert shown.answer_characters == 1

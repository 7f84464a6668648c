"""What a niche pays for: the first line, by the rule of payment, and nothing for a failing grader."""

import pytest

from evolora.environment.families.registry import make_family
from evolora.environment.niche import Niche, paid_score
from evolora.environment.task import Task

from .niches import niche_of

TASK = Task("doubles", "twice 4", "8", 0)


@pytest.mark.parametrize("text", ["8", " 8 ", "8.", "\n\n 8\nbecause 4 + 4", "8 ."])
def test_the_first_line_that_is_not_blank_is_the_answer(text: str) -> None:
    assert niche_of("plug_ins:Doubles").score(TASK, text).value == 1.0


@pytest.mark.parametrize("text", ["The answer is 8", "9\n8", "8 8", "8..", "8 or 9"])
def test_an_answer_that_only_contains_the_truth_earns_nothing(text: str) -> None:
    assert niche_of("plug_ins:Doubles").score(TASK, text).value == 0.0


@pytest.mark.parametrize("text", ["", " ", "\n\t\n", "."])
def test_silence_scores_nothing_and_says_so(text: str) -> None:
    score = niche_of("plug_ins:ConsolationPayer", pay="partial").score(TASK, text)
    assert (score.value, score.reason) == (0.0, "empty")


def test_a_grader_that_raises_scores_nothing_and_says_why() -> None:
    score = niche_of("plug_ins:Raiser").score(TASK, "8")
    assert (score.value, score.reason) == (0.0, "scorer raised ValueError: not a number")


@pytest.mark.parametrize(("text", "returned"), [("?", "nan"), ("8", "7.0")])
def test_a_score_outside_zero_to_one_is_refused_with_the_number(text: str, returned: str) -> None:
    score = niche_of("plug_ins:Overpayer", pay="partial").score(TASK, text)
    assert (score.value, score.reason) == (0.0, f"scorer returned {returned}, expected a number in [0, 1]")


def test_a_reference_of_several_lines_is_compared_with_as_many() -> None:
    class Grid:
        name = "grid"

        def sample(self, seed: int, num: int) -> list[Task]:
            return [Task("grid", "echo", "1 2\n3 4", seed)]

        def score(self, task: Task, text: str) -> float:
            return float(text == task.answer)

    niche = Niche("grid", Grid())
    task = niche.family.sample(0, 1)[0]
    assert niche.score(task, "\n1 2 \n\n3 4\nmore").value == 1.0
    assert niche.score(task, "1 2").value == 0.0


@pytest.mark.parametrize(
    ("raw", "pay", "floor", "paid"),
    [
        (1.0, "exact", 0.2, 1.0),
        (0.99, "exact", 0.2, 0.0),
        (1.0, "partial", 0.2, 1.0),
        (0.2, "partial", 0.2, 0.0),
        (0.05, "partial", 0.2, 0.0),
        (0.6, "partial", 0.2, 0.5),
        (0.6, "partial", 0.0, 0.6),
        (1.0, "partial", 1.0, 1.0),
        (0.9, "partial", 1.0, 0.0),
    ],
)
def test_partial_payment_starts_at_the_floor(raw: float, pay: str, floor: float, paid: float) -> None:
    assert paid_score(raw, pay, floor) == pytest.approx(paid)  # type: ignore[arg-type]


def test_a_raising_reasoning_gym_grader_is_survived() -> None:
    niche = niche_of("reasoning_gym:prime_factorization", pay="partial")
    task = niche.family.sample(1, 1)[0]
    score = niche.score(task, "I don't know")
    assert score.value == 0.0
    assert score.reason.startswith("scorer raised ValueError")


@pytest.mark.parametrize("text", ["__import__('os').abort()", "[9**9**9]", "1/0"])
@pytest.mark.parametrize("name", ["spiral_matrix", "string_insertion", "countdown", "puzzle24"])
def test_text_is_never_run_as_code(name: str, text: str) -> None:
    family = make_family(f"reasoning_gym:{name}", {})
    task = family.sample(1, 1)[0]
    assert family.score(task, text) == 0.0
    assert family.score(task, task.answer) == 1.0


def test_a_grader_that_finds_the_truth_in_a_long_text_does_not_pay_it_in_full() -> None:
    family = make_family("reasoning_gym:gcd", {})
    for task in family.sample(1, 16):
        assert family.score(task, f"I believe that it must be {task.answer}") < 1


@pytest.mark.parametrize("seed", range(5))
def test_samples_of_neighbouring_seeds_share_no_item_seed(seed: int) -> None:
    family = make_family("reasoning_gym:gcd", {})
    first, second = ({task.seed for task in family.sample(start, 200)} for start in (seed, seed + 1))
    assert len(first) == len(second) == 200
    assert not first & second


def test_a_long_text_earns_no_more_than_the_truths_share_of_it() -> None:
    family = make_family("reasoning_gym:spell_backward", {})
    for task in family.sample(1, 16):
        babble = task.answer + " and then some more words that nobody asked for"
        assert family.score(task, babble) <= len(task.answer) / len(babble)

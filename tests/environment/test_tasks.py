"""Law 8: tasks for living, choosing, testing and showing never meet, in whatever order they are asked for."""

import itertools

import pytest

from evolora.environment.niche import Niche
from evolora.environment.task import Task
from evolora.environment.tasks import EXAMPLE_POOL, SHARES, TaskSource, split_of, use_of
from evolora.errors import TaskError

from .niches import THEIRS, niche_of


def digests(tasks: list[Task]) -> set[str]:
    return {task.digest for task in tasks}


def splits_of(source: TaskSource, niche: Niche) -> dict[str, set[str]]:
    lived = [task for generation in range(6) for task in source.living(niche, generation, 8)]
    return {
        "living": digests(lived),
        "selection": digests(source.selection(niche, 60)),
        "test": digests(source.test(niche, 60)),
        "examples": digests(source.examples(niche)),
    }


def test_the_uses_of_a_niche_share_no_question(niche: Niche) -> None:
    splits = splits_of(TaskSource(1), niche)
    assert all(splits.values())
    for one, other in itertools.combinations(splits, 2):
        assert not splits[one] & splits[other], f"{one} and {other} share questions"


def test_uses_are_disjoint_across_niches_of_one_family_and_across_worlds() -> None:
    easy, hard = niche_of("spelt_number", max_value=200), niche_of("spelt_number", max_value=300)
    hard = Niche(name="hard", family=hard.family)
    pooled: dict[str, set[str]] = {split: set() for split in SHARES}
    for seed in range(4):
        source = TaskSource(seed)
        for niche in (easy, hard):
            for split, found in splits_of(source, niche).items():
                pooled[split] |= found
    for one, other in itertools.combinations(pooled, 2):
        assert not pooled[one] & pooled[other]


def test_answers_do_not_depend_on_the_order_of_calls_or_on_other_niches() -> None:
    niches = [niche_of("weekday"), niche_of("odd_one_out"), niche_of(THEIRS[0][0], **THEIRS[0][1])]
    forwards, backwards = TaskSource(7), TaskSource(7)
    first = [(splits_of(forwards, niche), forwards.examples(niche, 2)) for niche in niches]
    for niche in reversed(niches):
        backwards.living(niche, 3, 2)
        backwards.test(niche, 5)
        backwards.examples(niche, 1)
    second = [(splits_of(backwards, niche), backwards.examples(niche, 2)) for niche in reversed(niches)]
    assert first == second[::-1]


def test_fewer_tasks_are_a_prefix_of_more(niche: Niche) -> None:
    source, again = TaskSource(3), TaskSource(3)
    assert source.test(niche, 5) == again.test(niche, 40)[:5]
    assert source.selection(niche, 5) == again.selection(niche, 30)[:5]
    assert source.examples(niche, 3) == again.examples(niche, 6)[:3]
    assert source.living(niche, 2, 3) == again.living(niche, 2, 6)[:3]


def test_seeds_and_generations_bring_other_tasks() -> None:
    niche = niche_of("nth_word")
    source = TaskSource(1)
    assert source.living(niche, 0, 8) != source.living(niche, 1, 8)
    assert source.living(niche, 0, 8) != TaskSource(2).living(niche, 0, 8)
    assert source.test(niche, 20) != TaskSource(2).test(niche, 20)
    assert source.living(niche, 5, 8) == source.living(niche, 5, 8)


def test_the_shares_of_a_large_family_are_as_stated() -> None:
    tasks = niche_of("nth_word").family.sample(11, 4000)
    counts = {split: sum(split_of(task) == split for task in tasks) for split in SHARES}
    for split, share in SHARES.items():
        assert counts[split] / len(tasks) == pytest.approx(share / 16, abs=0.03)


@pytest.mark.parametrize("family", ["count_word", "weekday", "letter_at", "odd_one_out"])
def test_the_first_examples_show_different_answers(family: str) -> None:
    niche = niche_of(family)
    examples = TaskSource(1).examples(niche, 3)
    assert len({task.answer for task in examples}) == 3


def test_a_family_that_is_too_small_is_refused_with_numbers() -> None:
    niche = niche_of("plug_ins:Doubles", largest=60)
    with pytest.raises(TaskError, match=r"expected at least 32 different test tasks, got \d+: plug_ins:Doubles has"):
        TaskSource(1).test(niche)


def test_a_small_family_gives_what_it_has() -> None:
    source, niche = TaskSource(1), niche_of("plug_ins:Doubles", largest=200)
    assert 32 <= len(source.test(niche, 200)) < 100
    assert len(source.test(niche, 5)) == 5


@pytest.mark.parametrize(("seed", "generation"), [(1, 256), (34, 221), (51, 288)])
def test_samples_that_miss_a_small_share_of_a_family_do_not_count_it_as_too_small(seed: int, generation: int) -> None:
    niche, source = niche_of("letter_at"), TaskSource(seed, with_trials=True)
    tasks = source.trial(niche, generation, 4)
    assert tasks and all(use_of(task, with_trials=True) == "trial" for task in tasks)
    assert source.trial(niche, generation, 1) == tasks[:1]


def test_more_examples_than_the_pool_holds_are_refused() -> None:
    with pytest.raises(ValueError, match="at most 24 examples, got 25"):
        TaskSource(1).examples(niche_of("weekday"), 25)


def test_golden_tasks_stay_what_they_were() -> None:
    source, niche = TaskSource(1), niche_of("weekday")
    assert source.living(niche, 0, 1)[0].question == "10 days before Saturday?"
    assert source.test(niche, 1)[0].question == "12 days after Thursday?"


def test_a_family_that_has_given_all_it_has_is_not_searched_again(monkeypatch: pytest.MonkeyPatch) -> None:
    niche, source = niche_of("weekday", max_days=12), TaskSource(1)
    first = source.examples(niche, 3)
    assert len(source.examples(niche, EXAMPLE_POOL)) < EXAMPLE_POOL  # or the test would show nothing

    def searched(*_: object) -> list[Task]:
        raise AssertionError("sampled again")

    monkeypatch.setattr(type(niche.family), "sample", searched)
    assert source.examples(niche, 3) == first

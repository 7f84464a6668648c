"""What every task family offers, and how far a constant answer gets in it."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from evolora.environment.task import Task

SettingValue = int | float | str | bool | list[int | float | str]


@runtime_checkable
class Family(Protocol):
    """A source of seeded questions of one kind at one difficulty, with their scorer."""

    @property
    def name(self) -> str:
        """What `make_family` resolves to this family; part of every task's digest."""
        ...

    def sample(self, seed: int, num: int) -> list[Task]:
        """At most `num` tasks of different content, a function of `seed` (64 bits).

        Fewer only where the family has no more. The tasks for a smaller `num` are a prefix of those for a
        larger one.
        """
        ...

    def score(self, task: Task, text: str) -> float:
        """How good `text` is, in [0, 1]; 1 for `task.answer`. May raise: the niche makes that a 0."""
        ...


@dataclass(frozen=True)
class ConstantAnswer:
    """The answer that earns most when given to every question, and its mean score in [0, 1]."""

    answer: str
    score: float


def answer_kinds(tasks: Sequence[Task]) -> int:
    """How many different reference answers `tasks` have: 2 marks a family that rewards constant answering."""
    return len({task.answer for task in tasks})


def constant_answer_score(
    tasks: Sequence[Task], score: Callable[[Task, str], float], num_candidates: int = 8
) -> ConstantAnswer:
    """The best mean score over `tasks` of one answer given to all of them.

    The candidates are the `num_candidates` commonest reference answers, the earliest first among equals.
    Raises `ValueError` without tasks.
    """
    if not tasks:
        raise ValueError("expected at least one task, got none")
    candidates = [answer for answer, _ in Counter(task.answer for task in tasks).most_common(num_candidates)]
    means = [sum(score(task, answer) for task in tasks) / len(tasks) for answer in candidates]
    best = max(range(len(candidates)), key=lambda index: means[index])
    return ConstantAnswer(answer=candidates[best], score=means[best])

"""Policy gradient: answers better than the others to the same prompt become likelier, worse ones less likely."""

from collections.abc import Sequence
from dataclasses import dataclass

from evolora.environment.encounter import Outcome
from evolora.lifecycle.learning.method import Trial, Tried
from evolora.organism.learning import Lesson


@dataclass(frozen=True)
class Reinforce:
    """Group-relative advantages: (score - mean) / standard deviation over one encounter's answers (GRPO, Shao et al.
    2024)."""

    def trials(self, lived: Sequence[Outcome], key: int) -> list[Trial]:
        return []

    def lessons(self, lived: Sequence[Outcome], tried: Sequence[Tried]) -> list[Lesson]:
        lessons = (group_relative(outcome) for outcome in lived)
        return [lesson for lesson in lessons if lesson is not None]


def group_relative(outcome: Outcome) -> Lesson | None:
    """One encounter's lesson. None where there is nothing to learn: all scores equal, or an answer without tokens."""
    values = [score.value for score in outcome.scores]
    mean = sum(values) / len(values)
    deviation = (sum((value - mean) ** 2 for value in values) / len(values)) ** 0.5
    if deviation == 0 or not all(answer.token_ids for answer in outcome.answers):
        return None
    return Lesson(
        outcome.encounter.organism_id,
        outcome.answers[0].prompt_ids,
        tuple(answer.token_ids for answer in outcome.answers),
        tuple((value - mean) / deviation for value in values),
        outcome.encounter.temperature or 1.0,
    )

"""Policy gradient: answers better than expected become likelier, worse ones less likely."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evolora.environment.encounter import Outcome
from evolora.lifecycle.learning.method import Trial, Tried
from evolora.organism.learning import Lesson

LEAST_SURPRISE = 0.15  # advantage: where no answer is as surprising as that, a lesson is not worth its tokens
LEAST_DEVIATION = 0.2  # of scores about their expectation: what is almost certain surprises only so much


@dataclass(frozen=True)
class Reinforce:
    """(score - baseline) / deviation, with the mean score of an encounter's answers for a baseline: group-relative
    advantages (GRPO, Shao et al. 2024). Answers that score all alike then teach nothing.

    With an `expectation` in (0, 1] that share of the baseline is what the organism has scored in the niche so far, a
    baseline that does not depend on the answers (REINFORCE, Williams 1992): a task answered rightly, or wrongly, every
    time teaches as well, the more the rarer that is. The deviation is then that of a coin with the expected or the
    answers' mean score, whichever is larger.
    """

    expectation: float = 0.0

    def trials(self, lived: Sequence[Outcome], key: int) -> list[Trial]:
        return []

    def lessons(self, lived: Sequence[Outcome], tried: Sequence[Tried], expected: Mapping[str, float]) -> list[Lesson]:
        lessons = (self._lesson(outcome, expected.get(outcome.encounter.niche)) for outcome in lived)
        return [lesson for lesson in lessons if lesson is not None]

    def _lesson(self, outcome: Outcome, expected: float | None) -> Lesson | None:
        """One encounter's lesson. None where there is nothing to learn, or an answer has no tokens."""
        values, mean = [score.value for score in outcome.scores], outcome.mean_score
        if self.expectation == 0 or expected is None:
            baseline, deviation, least = mean, (sum((v - mean) ** 2 for v in values) / len(values)) ** 0.5, 0.0
        else:
            baseline = mean + self.expectation * (expected - mean)
            coin = max(expected * (1 - expected), mean * (1 - mean)) ** 0.5
            deviation, least = max(coin, LEAST_DEVIATION), LEAST_SURPRISE
        if deviation == 0 or not all(answer.token_ids for answer in outcome.answers):
            return None
        advantages = tuple((value - baseline) / deviation for value in values)
        if max(abs(advantage) for advantage in advantages) < least:
            return None
        return Lesson(
            outcome.encounter.organism_id,
            outcome.answers[0].prompt_ids,
            tuple(answer.token_ids for answer in outcome.answers),
            advantages,
            outcome.encounter.temperature or 1.0,
        )

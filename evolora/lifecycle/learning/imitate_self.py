"""Filtered self-imitation: an organism repeats its own best answers and forgets the others."""

from collections.abc import Sequence
from dataclasses import dataclass

from evolora.environment.encounter import Outcome
from evolora.lifecycle.learning.method import Trial, Tried
from evolora.organism.learning import Lesson


@dataclass(frozen=True)
class ImitateSelf:
    """Cross-entropy on answers that scored fully, or above the mean of all that the organism gave this generation.

    Filtered behaviour cloning (Chen et al. 2020), known for language models as reward-ranked fine-tuning (RAFT, Dong
    et al. 2023). The loss is the plain one of supervised fine-tuning, at temperature 1, averaged over answer tokens.
    """

    def trials(self, lived: Sequence[Outcome], key: int) -> list[Trial]:
        return []

    def lessons(self, lived: Sequence[Outcome], tried: Sequence[Tried]) -> list[Lesson]:
        values = [score.value for outcome in lived for score in outcome.scores]
        mean = sum(values) / len(values)
        lessons = []
        for outcome in lived:
            best = tuple(
                answer.token_ids
                for answer, score in zip(outcome.answers, outcome.scores, strict=True)
                if answer.token_ids and (score.value >= 1 or score.value > mean)
            )
            if best:
                prompt = outcome.answers[0].prompt_ids
                lessons.append(Lesson(outcome.encounter.organism_id, prompt, best, (1.0,) * len(best), 1.0))
        return lessons

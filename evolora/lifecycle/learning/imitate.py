"""Imitation of the reference: an organism is shown the right answer to every task it met. No reward is learnt from."""

from collections.abc import Sequence
from dataclasses import dataclass

from evolora.environment.encounter import Outcome
from evolora.lifecycle.learning.method import Trial, Tried
from evolora.organism.learning import Lesson


@dataclass(frozen=True)
class Imitate:
    """Supervised fine-tuning within a lifetime: cross-entropy on each task's reference answer, its stop token included.

    This tells organisms gold answers: worlds that use it are not to be compared with worlds that pay rewards only
    without saying so.
    """

    def trials(self, lived: Sequence[Outcome], key: int) -> list[Trial]:
        return []

    def lessons(self, lived: Sequence[Outcome], tried: Sequence[Tried]) -> list[Lesson]:
        return [
            Lesson(
                outcome.encounter.organism_id,
                outcome.answers[0].prompt_ids,
                (outcome.answers[0].reference_ids,),
                (1.0,),
                1.0,
            )
            for outcome in lived
            if outcome.answers[0].reference_ids
        ]

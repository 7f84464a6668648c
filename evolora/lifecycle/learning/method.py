"""What a way of learning is: it may ask for more answers, then says what is learnt from all of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from evolora.environment.encounter import Encounter, Outcome
from evolora.organism.learning import Comparison, Lesson
from evolora.organism.perturbation import Noise


@dataclass(frozen=True)
class Trial:
    """An encounter to be lived again by the same organism with noise on its weights."""

    noise: Noise
    encounter: Encounter


@dataclass(frozen=True)
class Tried:
    """What came of a trial. Nothing is earned by it; its tokens are charged as tokens of learning."""

    noise: Noise
    outcome: Outcome


class LearningMethod(Protocol):
    """One organism's learning. Without state: what lasts from generation to generation belongs to the organism."""

    def trials(self, lived: Sequence[Outcome], key: int) -> list[Trial]:
        """What the organism tries, having `lived` its generation; `key` is its own for this generation."""
        ...

    def lessons(self, lived: Sequence[Outcome], tried: Sequence[Tried]) -> list[Lesson] | list[Comparison]:
        """What it learns from; empty where there is nothing to learn."""
        ...

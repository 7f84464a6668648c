"""Who answers and learns for the population: one protocol, local or remote."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from evolora.environment.encounter import Answer, Encounter
from evolora.organism.genome import Genome
from evolora.organism.learning import Learner, Learnt, Lesson


class Evaluator(Protocol):
    """The only door between the simulation and the language model."""

    def answer(self, genomes: Mapping[int, Genome], encounters: Sequence[Encounter]) -> list[tuple[Answer, ...]]:
        """Answers to each encounter, in the order given, `num_samples` each.

        An organism's greedy answers do not depend on who else is asked. Faults are data: an `Answer` with a
        `fault`, never an exception.
        """
        ...

    def learn(self, learners: Mapping[int, Learner], lessons: Sequence[Lesson]) -> dict[int, Learnt]:
        """One update of every learner from its own lessons. Learners without a lesson come back unchanged."""
        ...

"""Who answers and learns for the population: one protocol, local or remote."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from evolora.environment.encounter import Answer, Encounter
from evolora.organism.genome import Genome, SiteShape
from evolora.organism.learning import Comparison, Learner, Learnt, Lesson
from evolora.organism.perturbation import Perturbed

Body = Genome | Perturbed  # what can answer: an organism, or what it would be with noise on its weights


@dataclass(frozen=True)
class HostFacts:
    """What a run keeps of the host it lives on, and the sites that organisms may adapt."""

    name: str
    digest: str
    device: str
    dtype: str
    num_parameters: int
    sites: tuple[SiteShape, ...]


@dataclass(frozen=True, eq=False)
class Reading:
    """What the frozen host makes of questions: `features` (questions, width), its last hidden states averaged over each
    question's prompt, and the `tokens` (questions,) of these prompts."""

    features: NDArray[np.float64]
    tokens: NDArray[np.float64]


class Evaluator(Protocol):
    """The only door between the simulation and the language model."""

    @property
    def facts(self) -> HostFacts:
        """The host that answers."""
        ...

    @property
    def losses(self) -> Sequence[str]:
        """Why each helper was lost whose work was then done again, in order."""
        ...

    def answer(self, bodies: Mapping[int, Body], encounters: Sequence[Encounter]) -> list[tuple[Answer, ...]]:
        """Answers to each encounter, in the order given, `num_samples` each; `organism_id` names the body that answers.

        An organism's greedy answers do not depend on who else is asked, up to rounding. Faults are data: an `Answer`
        with a `fault`, never an exception.

        Raises:
            WorkerError: nobody is left to answer, or a machine lacks memory or disk.
        """
        ...

    def learn(self, learners: Mapping[int, Learner], lessons: Sequence[Lesson | Comparison]) -> dict[int, Learnt]:
        """One update of every learner from its own lessons. Learners without a lesson come back unchanged.

        Raises:
            WorkerError: nobody is left to learn, or a machine lacks memory or disk.
        """
        ...

    def read(self, questions: Sequence[str]) -> Reading:
        """The bare host's reading of questions, without worked examples: the same for the same list of them.

        Raises:
            WorkerError: nobody is left to read, or a machine lacks memory or disk.
        """
        ...

    def close(self) -> None:
        """Give back what was started for it (processes, say). Nothing can be asked afterwards."""
        ...

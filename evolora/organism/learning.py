"""What learning takes and gives: lessons, learners, and what became of them."""

from dataclasses import dataclass

from evolora.organism.genome import Genome, OptimizerState


@dataclass(frozen=True)
class Lesson:
    """The answers of one encounter with their advantages: what an organism learns from.

    `advantages` has one number per answer; 0 everywhere teaches nothing.
    """

    organism_id: int
    prompt_ids: tuple[int, ...]
    answers: tuple[tuple[int, ...], ...]
    advantages: tuple[float, ...]
    temperature: float

    @property
    def num_tokens(self) -> int:
        """Tokens processed to learn from it: the prompt once, every answer once."""
        return len(self.prompt_ids) + sum(len(answer) for answer in self.answers)


@dataclass(frozen=True, eq=False)
class Learner:
    """An organism about to learn: its current weights, its optimizer state (None before the first update)."""

    genome: Genome
    optimizer: OptimizerState | None


@dataclass(frozen=True, eq=False)
class Learnt:
    """What learning made of an organism. With a `fault`, genome and optimizer are those it came with."""

    genome: Genome
    optimizer: OptimizerState | None
    loss: float
    gradient_norm: float
    fault: str = ""

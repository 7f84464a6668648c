"""What learning takes and gives: lessons, comparisons, learners, and what became of them."""

from dataclasses import dataclass

from evolora.organism.genome import Genome, OptimizerState


@dataclass(frozen=True)
class Lesson:
    """Answers to one prompt, each with how much to raise its log-probability (negative: to lower it).

    `advantages` has one number per answer; 0 everywhere teaches nothing. The log-probability is that of
    softmax(logits / `temperature`).
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


@dataclass(frozen=True)
class Comparison:
    """How much better an organism did with each of its perturbations than with their opposites.

    `gains` are score(+) - score(-), one for each 64-bit noise key; `scale` is the perturbations' standard deviation;
    `mean_score` is over all that was tried.
    """

    organism_id: int
    keys: tuple[int, ...]
    gains: tuple[float, ...]
    scale: float
    mean_score: float

    @property
    def num_tokens(self) -> int:
        """None: the tokens were processed, and paid, when the perturbations were tried."""
        return 0


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

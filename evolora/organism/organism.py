"""An organism: a genome with an age, an ancestry and a memory of what paid. Its energy is its ledger account."""

from dataclasses import dataclass, field
from typing import Literal

from evolora.organism.averaging import Average
from evolora.organism.genome import Genome, OptimizerState

BirthKind = Literal["founder", "clone", "merge"]


@dataclass
class Organism:
    """One living (or just dead) individual.

    `genome` is what it was born with; `learnt` is what learning made of it (None until it learns). Lamarckian
    worlds hand `learnt` to children, darwinian ones `genome`. `average` is of its versions so far, where the world
    averages (None until it learns). `lineage` is the founder it descends from through its first parent. `profit` and
    `competence` are exponentially smoothed per niche: net energy per answer, and mean score; a niche never visited is
    absent. `practice` is a longer memory: tasks met per niche, as many as count, and the mean score over them.
    """

    id: int
    genome: Genome
    kind: BirthKind
    parents: tuple[int, ...]
    lineage: int
    born: int
    learnt: Genome | None = None
    optimizer: OptimizerState | None = None
    average: Average | None = None
    profit: dict[str, float] = field(default_factory=dict)
    competence: dict[str, float] = field(default_factory=dict)
    practice: dict[str, tuple[int, float]] = field(default_factory=dict)
    children: int = 0

    @property
    def active(self) -> Genome:
        """The weights it answers with."""
        return self.genome if self.learnt is None else self.learnt

    @property
    def settled(self) -> Genome:
        """The weights that are kept of it or passed on: the average of its versions, else those it answers with."""
        return self.active if self.average is None else self.average.genome

    @property
    def account(self) -> str:
        """The name of its account in the ledger."""
        return f"organism:{self.id}"

    def age(self, generation: int) -> int:
        """Generations lived through."""
        return generation - self.born

"""A world: the state that a checkpoint holds, and the rules that never change while it runs."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from evolora.environment.niche import Niche
from evolora.environment.seasons import Season, Shock
from evolora.environment.tasks import TaskSource
from evolora.history import History
from evolora.lifecycle.foraging import Forager
from evolora.lifecycle.heredity import Heredity
from evolora.lifecycle.ledger import Ledger
from evolora.lifecycle.metabolism import Prices
from evolora.lifecycle.reproduction import Breeder
from evolora.lifecycle.survival import Heir, Survival
from evolora.organism.population import Population


@dataclass
class World:
    """Everything that changes. `generation` counts the generations lived through."""

    generation: int = 0
    population: Population = field(default_factory=Population)
    ledger: Ledger = field(default_factory=Ledger)
    history: History = field(default_factory=History)


@dataclass(frozen=True)
class Diet:
    """How an organism's generation looks: `visits` tasks, `answers_per_task` answers to each, out of the
    `tasks_per_niche` that a niche offers every visitor alike."""

    visits: int
    answers_per_task: int
    tasks_per_niche: int


@dataclass(frozen=True)
class Rules:
    """Everything that does not. `breeder` None: no births. `learning` and `lamarckian` say whether organisms learn
    and whether children inherit it; `neutral` deals each generation's earnings and charges at random (drift)."""

    seed: int
    niches: Sequence[Niche]
    tasks: TaskSource
    seasons: Sequence[Season]
    shocks: Sequence[Shock]
    diet: Diet
    forager: Forager
    prices: Prices
    survival: Survival
    breeder: Breeder | None
    heredity: Heredity
    heir: Heir
    commons_release: float
    learning: bool
    neutral: bool

"""A world: the state that a checkpoint holds, and the rules that never change while it runs."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Literal

from evolora.environment.difficulty import Difficulty, Track
from evolora.environment.niche import Niche
from evolora.environment.seasons import Season, Shock
from evolora.environment.tasks import TaskSource
from evolora.history import History
from evolora.lifecycle.archive import Archive
from evolora.lifecycle.arrival import Arrivals
from evolora.lifecycle.behaviour import Axis
from evolora.lifecycle.colony import Colonies
from evolora.lifecycle.colony_rules import ColonyRules
from evolora.lifecycle.extinction import Extinction
from evolora.lifecycle.foraging import Forager
from evolora.lifecycle.heredity import Heredity
from evolora.lifecycle.learning import LearningMethod
from evolora.lifecycle.ledger import Ledger
from evolora.lifecycle.metabolism import Prices
from evolora.lifecycle.reproduction import Breeder
from evolora.lifecycle.sharing import Sharing
from evolora.lifecycle.survival import Heir, Survival
from evolora.organism.population import Population


@dataclass
class World:
    """Everything that changes. `generation` counts the generations lived through; `tracks` has the niches whose
    difficulty moves, by name."""

    generation: int = 0
    population: Population = field(default_factory=Population)
    ledger: Ledger = field(default_factory=Ledger)
    history: History = field(default_factory=History)
    tracks: dict[str, Track] = field(default_factory=dict)
    colonies: Colonies = field(default_factory=Colonies)
    archive: Archive | None = None

    def snapshot(self) -> "World":
        """A world in the same state that goes its own way. Weights and elites, which nobody changes, are shared."""
        kept: list[object] = [
            weights for o in self.population for weights in (o.genome, o.learnt, o.optimizer, o.average)
        ]
        kept += [] if self.archive is None else self.archive.elites
        return deepcopy(self, {id(one): one for one in kept if one is not None})


@dataclass(frozen=True)
class Diet:
    """How an organism's generation looks: `visits` tasks, `answers_per_task` answers to each, out of the
    `tasks_per_niche` that a niche offers every visitor alike."""

    visits: int
    answers_per_task: int
    tasks_per_niche: int


@dataclass(frozen=True)
class Archiving:
    """How elites are kept: the archive's `axes`, what they are compared by (the mean score of `all` tasks remembered,
    or of those of one niche, in each that it visited this generation: `home`), the tasks that an organism must remember
    for that, and the chance that a birth which one organism can pay alone has an elite for a parent."""

    axes: tuple[Axis, ...]
    objective: Literal["all", "home"]
    least_tasks: int
    parents: float


@dataclass(frozen=True)
class Rules:
    """Everything that does not. `breeder` None: no births; `learning` None: nobody learns within a lifetime;
    `averaged` is the number of an organism's last versions whose mean is kept of it; `neutral`
    deals out at random, every generation, what everybody owns and owes (drift).

    `ladders` are the levels, easiest first, of the niches whose difficulty moves by `difficulty`, by name. Without
    `economy` nothing is earned or paid and births go to the best scores; with `random_death` chance says who dies in
    the place of those who cannot pay. `colonies` None: everybody lives alone; `archive` None: no elites are kept;
    `arrivals` None: nobody comes from outside."""

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
    sharing: Sharing
    extinctions: Sequence[Extinction]
    difficulty: Difficulty | None
    ladders: Mapping[str, Sequence[Niche]]
    commons_release: float
    learning: LearningMethod | None
    averaged: int
    neutral: bool
    economy: bool
    random_death: bool
    colonies: ColonyRules | None = None
    archive: Archiving | None = None
    arrivals: Arrivals | None = None

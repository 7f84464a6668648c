"""Organisms without weights and a whole economy without a host."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest

from evolora.events import Event
from evolora.lifecycle.foraging import Forager, remember
from evolora.lifecycle.ledger import SINK, SOURCE, Flows, Ledger, Reason, to_energy, to_units
from evolora.lifecycle.metabolism import Prices, pay_bill
from evolora.lifecycle.reproduction import BirthPlan, Breeder, Conception, found, give_birth
from evolora.lifecycle.selection import deal_fortunes
from evolora.lifecycle.sharing import pay_meals, release_commons
from evolora.lifecycle.survival import Survival, bury
from evolora.organism.genome import Genome
from evolora.organism.population import Population
from evolora.organism.traits import Traits
from evolora.rng import stream

NICHES = ["sums", "words", "logic"]


def weightless(preferences: dict[str, float] | None = None) -> Genome:
    traits = Traits(8, 0.02, 1e-3, 1.0, 8, 0, preferences or {})
    return Genome(factors={}, traits=traits, scaling=2.0)


@dataclass
class Economy:
    """A world of random scores and token counts, in which every rule of the lifecycle is at work."""

    seed: int
    neutral: bool = False
    population: Population = field(default_factory=Population)
    ledger: Ledger = field(default_factory=Ledger)
    events: list[Event] = field(default_factory=list)
    flows: list[Flows] = field(default_factory=list)

    def __post_init__(self) -> None:
        draw = stream(self.seed, "rules")
        self.prices = Prices(*(float(price) for price in draw.uniform(0, [0.003, 0.01, 0.002, 0.3, 0.8])))
        self.forager = Forager(float(draw.uniform(0, 2)), float(draw.uniform(0, 2)))
        max_age = None if draw.random() < 0.3 else int(draw.integers(3, 9))
        self.survival = Survival(insolvency=True, max_age=max_age)
        self.heir = "commons" if draw.random() < 0.5 else "sink"
        self.breeder = Breeder(
            threshold=float(draw.uniform(3, 7)),
            endowment=float(draw.uniform(1, 4)),
            reserve=float(draw.uniform(0, 1)),
            max_births=int(draw.integers(1, 6)),
            merge_prob=float(draw.random()),
            mate="complementary" if draw.random() < 0.5 else "random",
            crowding=("poorest", "oldest", "random", "none")[self.seed % 4],
            capacity=int(draw.integers(6, 14)),
        )
        for name in NICHES:
            self.ledger.open_account(f"niche:{name}")
        for _ in range(6):
            preferences = dict(zip(NICHES, draw.normal(size=3).tolist(), strict=True))
            self.events.append(found(self.population, self.ledger, weightless(preferences), 5.0, 0))

    def conceive(self, plan: BirthPlan, child_id: int, rng: np.random.Generator) -> Conception:
        preferences = dict(zip(NICHES, rng.normal(size=3).tolist(), strict=True))
        return Conception(weightless(preferences), None, plan.kind)

    def live(self, generation: int) -> None:
        rng = stream(self.seed, "live", generation)
        self._grow(rng)
        owed = self._eat(generation, rng)
        for organism_id, cause in self.survival.find_deaths(self.population, owed, generation).items():
            debt = owed[organism_id]
            self.events.append(bury(self.population, self.ledger, organism_id, cause, generation, self.heir, debt))
        for plan in self.breeder.plan(self.population, self.ledger, generation, rng):
            self.events += give_birth(plan, self.population, self.ledger, generation, self.conceive, self.heir, rng)
        self.flows.append(self.ledger.close_generation())

    def _grow(self, rng: np.random.Generator) -> None:
        accounts = [f"niche:{name}" for name in NICHES]
        for account in accounts:
            self.ledger.transfer(SOURCE, account, to_units(float(rng.uniform(0, 9))), Reason.INFLOW)
            self.ledger.transfer(account, SINK, self.ledger.balance(account) // 10, Reason.OUTFLOW)
        release_commons(self.ledger, accounts, float(rng.random()))

    def _eat(self, generation: int, rng: np.random.Generator) -> dict[int, int]:
        demands: dict[str, dict[str, int]] = {name: {} for name in NICHES}
        owed = dict.fromkeys(self.population.ids, 0)
        for organism in self.population:
            prompt, generated = (int(n) for n in rng.integers(1, 200, size=2))
            bill = self.prices.answering_cost(prompt, generated, 500_000)
            bill |= self.prices.learning_cost(prompt + generated) | self.prices.upkeep_cost()
            owed[organism.id] += pay_bill(self.ledger, organism.account, bill).owed
            for niche in self.forager.choose(organism, NICHES, 3, rng):
                score = float(rng.random())
                demands[niche][organism.account] = demands[niche].get(organism.account, 0) + to_units(score)
                remember(organism, niche, score - to_energy(sum(bill.values())) / 3, score, 0.3)
        for niche, demand in demands.items():
            pay_meals(self.ledger, f"niche:{niche}", demand)
        return deal_fortunes(self.population, self.ledger, owed, rng) if self.neutral else owed


@pytest.fixture
def make_economy() -> Callable[..., Economy]:
    return Economy


@pytest.fixture
def make_genome() -> Callable[..., Genome]:
    return weightless


@pytest.fixture
def make_society() -> Callable[[list[float]], tuple[Population, Ledger]]:
    """Founders with the given energies, ids in that order, born in generation 0."""

    def society(energies: list[float]) -> tuple[Population, Ledger]:
        population, ledger = Population(), Ledger()
        for energy in energies:
            found(population, ledger, weightless(), energy, 0)
        return population, ledger

    return society

"""Why fortunes are dealt whole in neutral worlds: with books, births and deaths of the lifecycle and incomes by chance.

Each economy is lived thirty times, 60 generations of at most 40 organisms that differ in nothing but their luck.
"""

import numpy as np
import pytest

from evolora.events import Death, Event
from evolora.history import Activity
from evolora.lifecycle.ledger import SINK, SOURCE, Ledger, Reason, to_units
from evolora.lifecycle.reproduction import BirthPlan, Breeder, Conception, found, give_birth
from evolora.lifecycle.selection import deal_fortunes
from evolora.lifecycle.survival import Survival, bury
from evolora.organism.population import Population
from evolora.record.measures.activity import count_activity, mirror_events, sync_labels
from evolora.rng import stream

REPLICATES, GENERATIONS, SIZE = 30, 60, 40
T_99 = 2.756  # 29 degrees of freedom


def excess_activity(seed: int, dealt: bool, make_genome) -> float:
    """Excess activity of lineages at the end."""
    population, ledger, activity = Population(), Ledger(), Activity()
    for _ in range(SIZE):
        found(population, ledger, make_genome(), 3.0, 0)
    breeder = Breeder(
        threshold=5.0, endowment=2.5, reserve=0.0, max_births=8, merge_prob=0.0, mate="random", crowding="oldest",
        capacity=SIZE,
    )  # fmt: skip

    def conceive(plan: BirthPlan, child_id: int, rng: np.random.Generator) -> Conception:
        return Conception(make_genome(), None, plan.kind)

    row = None
    for generation in range(1, GENERATIONS + 1):
        sync_labels(activity, {organism.id: str(organism.lineage) for organism in population})
        row = count_activity(activity) or row
        born = {organism.id: organism.born for organism in population}
        owed = earn(population, ledger, stream(seed, "luck", generation))
        if dealt:
            owed = deal_fortunes(population, ledger, owed, stream(seed, "deal", generation))
        events: list[Event] = []
        for identity, cause in (
            Survival(insolvency=True, max_age=None).find_deaths(population, owed, generation).items()
        ):
            death: Death = bury(population, ledger, identity, cause, generation, SINK, owed[identity])
            events.append(death)
        rng = stream(seed, "births", generation)
        for plan in breeder.plan(population, ledger, generation, rng):
            events += give_birth(plan, population, ledger, generation, conceive, SINK, rng)
        mirror_events(activity, events, born, stream(seed, "shadows", generation))
        ledger.close_generation()
    assert row is not None
    return row.excess


def earn(population: Population, ledger: Ledger, rng: np.random.Generator) -> dict[int, int]:
    """A share of a fixed supply, give or take; who owes what it cannot pay."""
    owed = {}
    for organism, luck in zip(population, rng.normal(SIZE / len(population) - 1.0, 1.0, len(population)), strict=True):
        units = to_units(float(luck))
        paid = min(max(0, -units), ledger.balance(organism.account))
        ledger.transfer(SOURCE, organism.account, max(0, units), Reason.INFLOW)
        ledger.transfer(organism.account, SINK, paid, Reason.UPKEEP)
        owed[organism.id] = max(0, -units) - paid
    return owed


@pytest.mark.parametrize("dealt", [True, False])
def test_lineages_outlast_their_shadows_by_luck_alone_where_fortunes_are_kept_and_not_where_they_are_dealt(
    dealt, make_genome
):
    excess = np.array([excess_activity(seed, dealt, make_genome) for seed in range(REPLICATES)])
    half = T_99 * excess.std(ddof=1) / np.sqrt(REPLICATES)
    if dealt:
        assert excess.mean() - half <= 0 <= excess.mean() + half and half < 0.15
    else:
        assert excess.mean() - half > 0

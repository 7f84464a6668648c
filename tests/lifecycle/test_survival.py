"""Deaths: one cause each, and everything left goes to one heir."""

import pytest

from evolora.events import DeathCause
from evolora.lifecycle.ledger import Reason, to_units
from evolora.lifecycle.survival import Survival, bury, strike_at_random
from evolora.rng import stream


def test_whoever_owes_dies_of_insolvency_and_whoever_is_old_of_age(make_society):
    population, _ = make_society([1.0] * 4)
    population[2].born = population[3].born = 3
    owed = {0: 1, 1: 0, 2: 5}
    deaths = Survival(insolvency=True, max_age=5).find_deaths(population, owed, generation=5)
    assert deaths == {0: DeathCause.INSOLVENCY, 1: DeathCause.AGE, 2: DeathCause.INSOLVENCY}


def test_nobody_dies_of_a_cause_that_is_switched_off(make_society):
    population, _ = make_society([1.0] * 2)
    assert Survival(insolvency=False, max_age=None).find_deaths(population, {0: 9}, generation=99) == {}


@pytest.mark.parametrize("cause", list(DeathCause))
@pytest.mark.parametrize("heir", ["commons", "sink"])
def test_the_buried_leaves_everything_to_its_heir(make_society, cause, heir):
    population, ledger = make_society([2.5, 1.0])
    death = bury(population, ledger, 0, cause, generation=4, heir=heir, owed=to_units(0.25))
    assert population.ids == [1]
    assert ledger.accounts("organism") == ["organism:1"]
    assert ledger.balance(heir) == to_units(2.5)
    assert ledger.close_generation().total(Reason.REMAINS) == to_units(2.5)
    assert (death.cause, death.age, death.owed, death.remains, death.heir) == (cause, 4, 0.25, 2.5, heir)


def test_random_death_keeps_the_number_and_the_aged_and_lets_chance_name_the_rest():
    deaths = {1: DeathCause.INSOLVENCY, 4: DeathCause.AGE, 6: DeathCause.INSOLVENCY}
    named = [strike_at_random(deaths, range(8), stream(seed, "die")) for seed in range(200)]
    for struck in named:
        assert struck[4] is DeathCause.AGE and list(struck) == sorted(struck)
        assert sorted(struck.values()) == sorted([DeathCause.AGE, DeathCause.CHANCE, DeathCause.CHANCE])
    assert {identity for struck in named for identity in struck} == set(range(8))
    assert strike_at_random({}, [], stream(0, "die")) == {}

"""Births are planned so that they can be paid, and carried out as planned."""

from dataclasses import replace

import pytest

from evolora.errors import GenomeError
from evolora.events import Birth, Death, Merge
from evolora.lifecycle.ledger import to_units
from evolora.lifecycle.reproduction import BirthPlan, Breeder, Conception, give_birth
from evolora.rng import stream

BREEDER = Breeder(
    threshold=8.0,
    endowment=4.0,
    reserve=0.5,
    max_births=8,
    merge_prob=0.0,
    mate="random",
    crowding="poorest",
    capacity=10,
)
FOUR, TWO = to_units(4.0), to_units(2.0)


def plan(breeder, society, generation=1, seed=0):
    return breeder.plan(*society, generation, stream(seed, "breed"))


def test_the_rich_clone_themselves_richest_first_up_to_the_limit(make_society):
    society = make_society([9.0, 7.99, 12.0, 8.0])
    assert plan(BREEDER, society) == [BirthPlan("clone", (i,), (FOUR,), None) for i in (2, 0, 3)]
    assert len(plan(replace(BREEDER, max_births=2), society)) == 2


def test_no_parent_is_taken_below_the_reserve(make_society):
    society = make_society([9.0])
    assert plan(replace(BREEDER, reserve=5.0), society) != []
    assert plan(replace(BREEDER, reserve=5.1), society) == []


def test_partners_pay_half_each_and_one_who_cannot_is_no_partner(make_society):
    merging = replace(BREEDER, merge_prob=1.0)
    assert plan(merging, make_society([9.0, 2.5])) == [BirthPlan("merge", (0, 1), (TWO, TWO), None)]
    assert plan(merging, make_society([9.0, 2.4])) == [BirthPlan("clone", (0,), (FOUR,), None)]
    odd = replace(merging, endowment=0.000003)
    assert plan(odd, make_society([9.0, 2.5]))[0].payments == (2, 1)


def test_who_paid_as_a_partner_below_the_threshold_bears_no_child_of_its_own(make_society):
    births = plan(replace(BREEDER, merge_prob=1.0), make_society([20.0, 8.5]))
    assert births == [BirthPlan("merge", (0, 1), (TWO, TWO), None)]


def test_a_rich_partner_does_not_pay_for_a_parent_that_cannot(make_society):
    births = plan(replace(BREEDER, merge_prob=1.0, threshold=1.0), make_society([2.2, 9.0]))
    assert births == [BirthPlan("clone", (1,), (FOUR,), None)]


@pytest.mark.parametrize("seed", range(30))
def test_plans_can_all_be_paid_and_leave_every_payer_its_reserve(make_society, seed):
    draw = stream(seed, "energies")
    society = make_society(draw.uniform(0, 14, size=10).tolist())
    breeder = replace(BREEDER, merge_prob=0.7, crowding=("poorest", "oldest", "random")[seed % 3])
    left = {o.id: society[1].balance(o.account) for o in society[0]}
    gone: set[int] = set()
    for birth in plan(breeder, society, seed=seed):
        assert not gone & set(birth.parents) and birth.displaced not in birth.parents
        assert len(set(birth.parents)) == len(birth.parents) and sum(birth.payments) == FOUR
        for parent, payment in zip(birth.parents, birth.payments, strict=True):
            left[parent] -= payment
            assert left[parent] >= to_units(0.5)
        assert birth.displaced is not None and birth.displaced not in gone  # ten living, capacity ten
        gone.add(birth.displaced)


def test_at_capacity_a_birth_waits_or_displaces(make_society):
    society = make_society([9.0, 3.0, 1.0])
    full = replace(BREEDER, capacity=3)
    assert [birth.displaced for birth in plan(full, society)] == [2]
    assert plan(replace(full, crowding="none"), society) == []
    assert plan(replace(full, capacity=1), make_society([9.0])) == []


def test_a_newborn_of_this_generation_makes_no_room(make_society):
    society = make_society([9.0, 3.0, 1.0])
    society[0][2].born, society[0][2].kind = 1, "clone"
    assert [birth.displaced for birth in plan(replace(BREEDER, capacity=3), society, generation=1)] == [1]
    assert [birth.displaced for birth in plan(replace(BREEDER, capacity=3), society, generation=2)] == [2]


def test_a_merge_at_capacity_is_carried_out_as_planned(make_society, make_genome):
    population, ledger = society = make_society([9.0, 5.0, 1.0])
    (birth,) = plan(replace(BREEDER, merge_prob=1.0, capacity=3), society)
    genome = make_genome({"sums": 1.0})
    events = give_birth(
        birth, population, ledger, 1, lambda *_: Conception(genome, None, "ties"), "commons", stream(0, "c")
    )
    assert [type(event) for event in events] == [Death, Birth, Merge]
    assert population.ids == [0, 1, 3]
    child = population[3]
    assert (child.genome, child.parents, child.lineage, child.born) == (genome, (0, 1), 0, 1)
    balances = [ledger.balance(o.account) for o in population]
    assert balances == [to_units(energy) for energy in (7.0, 3.0, 4.0)]
    assert [o.children for o in population] == [1, 1, 0]
    assert events[2] == Merge(1, 3, (0, 1), (0, 1), "ties")
    assert population.lineage_counts() == {0: 2, 1: 1}


@pytest.mark.parametrize("seed", range(5))
def test_who_is_not_fertile_is_nobodys_parent_and_changes_nobody_else_s_births(make_society, seed):
    merging, energies = replace(BREEDER, merge_prob=0.6), [9.0, 20.0, 14.0, 3.0]
    births = merging.plan(*make_society(energies), 1, stream(seed, "breed"), fertile=lambda identity: identity != 1)
    assert len(births) > 0 and births == plan(merging, make_society([9.0, 0.0, 14.0, 3.0]), seed=seed)
    crowded = replace(BREEDER, capacity=2)
    (birth,) = crowded.plan(*make_society([9.0, 1.0]), 1, stream(seed, "breed"), fertile=lambda identity: identity != 1)
    assert birth.parents == (0,) and birth.displaced == 1


def test_a_conception_that_fails_costs_nobody_anything(make_society):
    population, ledger = society = make_society([9.0, 1.0])
    (birth,) = plan(replace(BREEDER, capacity=2), society)
    before = ledger.to_dict()

    def barren(*_):
        raise GenomeError("the parents do not fit")

    with pytest.raises(GenomeError):
        give_birth(birth, population, ledger, 1, barren, "sink", stream(0, "c"))
    assert ledger.to_dict() == before and population.ids == [0, 1] and population.next_id == 2

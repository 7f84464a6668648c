"""Who breeds, with whom, and who makes room."""

from collections import Counter

import pytest

from evolora.lifecycle.ledger import Reason, to_units
from evolora.lifecycle.selection import (
    attracted_mate,
    complementarity,
    complementary_mate,
    deal,
    deal_fortunes,
    find_breeders,
    find_displaced,
    random_mate,
)
from evolora.rng import stream


def test_breeders_reach_the_threshold_and_come_richest_first():
    assert find_breeders({1: 9, 2: 12, 3: 7, 4: 12, 5: 8}, threshold=8) == [2, 4, 1, 5]


@pytest.mark.parametrize(("rule", "expected"), [("poorest", 2), ("oldest", 1), ("none", None)])
def test_crowding_takes_whom_its_rule_names_but_never_the_protected(make_society, rule, expected):
    population, _ = make_society([1.0] * 4)
    for organism, born in zip(population, (0, 2, 5, 2), strict=True):
        organism.born = born
    energies = {0: 1, 1: 6, 2: 3, 3: 3}
    assert find_displaced(rule, population, energies, {0}, stream(0, "crowd")) == expected
    assert find_displaced(rule, population, energies, {0, 1, 2, 3}, stream(0, "crowd")) is None


def test_random_crowding_reaches_everybody_who_is_not_protected(make_society):
    population, _ = make_society([1.0] * 4)
    taken = {find_displaced("random", population, {}, {1}, stream(s, "crowd")) for s in range(60)}
    assert taken == {0, 2, 3}


def test_complementarity_counts_only_what_the_partner_does_better():
    own, partner = {"sums": 0.9, "words": 0.1}, {"sums": 0.5, "words": 0.4, "logic": 0.2}
    assert complementarity(own, partner) == pytest.approx(0.5)
    assert complementarity(partner, own) == pytest.approx(0.4)
    assert complementarity(own, own) == 0


def test_a_complementary_mate_is_good_where_the_organism_is_bad(make_society):
    population, _ = make_society([1.0] * 3)
    own, twin, other = population
    own.competence.update(sums=0.9)
    twin.competence.update(sums=1.0)
    other.competence.update(words=0.6)
    assert complementary_mate(own, [twin, other], stream(0, "mate")) is other
    assert complementary_mate(own, [], stream(0, "mate")) is None
    assert random_mate(own, [], stream(0, "mate")) is None


@pytest.mark.parametrize("mate", [complementary_mate, attracted_mate, random_mate])
def test_chance_decides_among_equals(make_society, mate):
    own, *others = make_society([1.0] * 4)[0]
    mates = {mate(own, others, stream(seed, "mate")).id for seed in range(60)}
    assert mates == {1, 2, 3}


def test_attraction_draws_in_proportion_to_where_the_partner_is_better(make_society):
    own, twin, good, better = make_society([1.0] * 4)[0]
    own.competence.update(sums=0.9)
    twin.competence.update(sums=0.9)
    good.competence.update(words=0.2)
    better.competence.update(words=0.6)
    drawn = Counter(attracted_mate(own, [twin, good, better], stream(s, "mate")).id for s in range(2000))
    assert drawn[twin.id] == 0
    assert drawn[better.id] == pytest.approx(1500, abs=100)  # 0.6 / (0.2 + 0.6)
    assert attracted_mate(own, [], stream(0, "mate")) is None


@pytest.mark.parametrize("seed", range(20))
def test_a_deal_is_a_permutation_of_the_living(seed):
    ids = [3, 8, 9, 20, 41]
    dealt = deal(ids, stream(seed, "deal"))
    assert list(dealt) == ids and sorted(dealt.values()) == ids
    assert dealt == deal(reversed(ids), stream(seed, "deal"))


def test_a_deal_is_blind_to_who_did_what():
    partners = Counter(deal(range(4), stream(seed, "deal"))[0] for seed in range(2000))
    assert all(count == pytest.approx(500, abs=100) for count in partners.values()) and len(partners) == 4


@pytest.mark.parametrize("seed", range(20))
def test_dealt_fortunes_are_the_old_ones_in_other_hands_debts_included(make_society, seed):
    energies = [4.0, 0.0, 2.5, 0.25, 1.0]
    population, ledger = make_society(energies)
    owed = {1: 70, 3: 20}
    before = Counter((ledger.balance(organism.account), owed.get(organism.id, 0)) for organism in population)
    dealt = deal_fortunes(population, ledger, owed, stream(seed, "deal"))
    assert Counter((ledger.balance(organism.account), dealt[organism.id]) for organism in population) == before
    flows = ledger.close_generation()
    assert flows.residual == 0 and {reason for reason, _, _ in flows.totals} <= {Reason.FOUNDING, Reason.DEALING}


def test_whoever_was_rich_is_as_likely_as_anybody_to_get_the_riches(make_society):
    rich = Counter[int]()
    for seed in range(400):
        population, ledger = make_society([9.0, 1.0, 1.0, 1.0])
        deal_fortunes(population, ledger, {}, stream(seed, "deal"))
        rich.update(o.id for o in population if ledger.balance(o.account) == to_units(9.0))
    assert sorted(rich) == [0, 1, 2, 3] and all(count == pytest.approx(100, abs=35) for count in rich.values())

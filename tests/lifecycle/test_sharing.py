"""Shares are exact, proportional and independent of order."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolora.errors import LedgerError
from evolora.lifecycle.ledger import COMMONS, SOURCE, Ledger, Reason
from evolora.lifecycle.sharing import Sharing, Taking, apportion, pay_meals, release_commons

eaters = st.integers(0, 99).map(lambda i: f"organism:{i}")
demands = st.dictionaries(eaters, st.integers(0, 10**7), max_size=12)


def niche_with(stock: int, eaters) -> Ledger:
    ledger = Ledger()
    for name in ("niche:sums", *eaters):
        ledger.open_account(name)
    ledger.transfer(SOURCE, "niche:sums", stock, Reason.INFLOW)
    return ledger


@given(st.integers(0, 10**8), demands, st.randoms(use_true_random=False))
def test_meals_are_the_same_fraction_of_every_demand_to_within_a_unit(stock, demand, shuffler):
    total = sum(demand.values())
    ledger = niche_with(stock, demand)
    meals = pay_meals(ledger, "niche:sums", demand)
    assert sum(meals.values()) == min(stock, total)
    assert ledger.balance("niche:sums") == stock - min(stock, total)
    for name, amount in meals.items():
        assert ledger.balance(name) == amount <= demand[name]
        fair = demand[name] * min(Fraction(1), Fraction(stock, total)) if total else 0
        assert abs(amount - fair) < 1
    items = list(demand.items())
    shuffler.shuffle(items)
    assert apportion(min(stock, total), dict(items)) == meals


def test_plenty_is_paid_in_full_and_scarcity_by_largest_remainder():
    demand = {"organism:0": 10, "organism:1": 10, "organism:2": 5}
    assert pay_meals(niche_with(30, demand), "niche:sums", demand) == demand
    scarce = pay_meals(niche_with(12, demand), "niche:sums", demand)  # 4.8, 4.8, 2.4
    assert scarce == {"organism:0": 5, "organism:1": 5, "organism:2": 2}


def test_a_negative_demand_is_refused():
    with pytest.raises(LedgerError, match="0 or more"):
        pay_meals(niche_with(9, ["organism:0"]), "niche:sums", {"organism:0": -1})


@pytest.mark.parametrize(("share", "given_out"), [(0.0, [0, 0, 0]), (0.5, [17, 17, 16]), (1.0, [34, 33, 33])])
def test_the_commons_releases_its_share_in_equal_parts(share, given_out):
    niches = ["niche:a", "niche:b", "niche:c"]
    ledger = Ledger()
    for name in niches:
        ledger.open_account(name)
    ledger.transfer(SOURCE, COMMONS, 100, Reason.INFLOW)
    assert list(release_commons(ledger, niches, share).values()) == given_out
    assert [ledger.balance(name) for name in niches] == given_out
    assert ledger.balance(COMMONS) == 100 - sum(given_out)


def test_a_share_of_the_commons_is_a_fraction():
    with pytest.raises(LedgerError, match=r"\[0, 1\]"):
        release_commons(Ledger(), [], 1.5)


takings = st.lists(
    st.builds(
        lambda task, right, answers: Taking(f"task {task}", float(min(right, answers)), answers),
        st.integers(0, 4),
        st.integers(0, 6),
        st.integers(1, 6),
    ),
    max_size=12,
)


@given(takings, st.floats(0.01, 9))
def test_competition_without_strength_is_the_chemostat(taken, price):
    claims = Sharing("competition", 0.0).claims(taken, price)
    assert claims == Sharing("chemostat", 1.0).claims(taken, price)
    assert claims == [round(1e6 * taking.score * price) for taking in taken]


@given(takings)
def test_full_competition_pays_a_task_its_price_for_each_answer_however_many_solve_it(taken):
    equal = [Taking(taking.task, taking.score, 6) for taking in taken]
    claims = Sharing("competition", 1.0).claims(equal, 2.0)
    for task in {taking.task for taking in equal}:
        mine = [claim for taking, claim in zip(equal, claims, strict=True) if taking.task == task]
        solved = any(taking.score > 0 for taking in equal if taking.task == task)
        assert abs(sum(mine) - (12_000_000 if solved else 0)) <= len(mine)  # rounding: a unit each


def test_competition_as_worked_by_hand():
    # task a: mean scores 1, 0.5 and 0.5, so each score is divided by 2 ** 0.5; task b: one solver, divided by 1
    taken = [Taking("a", 4.0, 4), Taking("a", 2.0, 4), Taking("b", 1.0, 1), Taking("a", 1.0, 2), Taking("c", 0.0, 2)]
    assert Sharing("competition", 0.5).claims(taken, 1.0) == [2_828_427, 1_414_214, 1_000_000, 707_107, 0]

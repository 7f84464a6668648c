"""Law 2: price is a function of tokens and adapter size, and grows with both."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolora.lifecycle.ledger import SINK, SOURCE, Ledger, Reason
from evolora.lifecycle.metabolism import Charge, Prices, charge, pay_bill

PRICES = Prices(0.001, 0.004, 0.0005, 0.1, 0.5)
tokens = st.integers(0, 10**6)
sizes = st.integers(0, 10**9)


def test_the_default_prices_cost_what_their_descriptions_say():
    bill = PRICES.answering_cost(prompt_tokens=40, generated_tokens=10, num_parameters=2_000_000)
    assert bill == {Reason.PROMPT: 40_000, Reason.GENERATION: 40_000, Reason.PARAMETERS: 10_000}
    assert PRICES.learning_cost(200) == {Reason.LEARNING: 100_000}
    assert PRICES.upkeep_cost() == {Reason.UPKEEP: 500_000}


@given(tokens, tokens, sizes, tokens, tokens, sizes)
def test_more_work_never_costs_less(prompt, generated, size, more_prompt, more_generated, more_size):
    less = PRICES.answering_cost(prompt, generated, size)
    more = PRICES.answering_cost(prompt + more_prompt, generated + more_generated, size + more_size)
    assert all(0 <= less[reason] <= more[reason] for reason in less)
    before, after = (PRICES.learning_cost(n)[Reason.LEARNING] for n in (prompt, prompt + more_prompt))
    assert 0 <= before <= after


@given(tokens, tokens, sizes)
def test_the_same_work_costs_the_same_whenever_it_is_done(prompt, generated, size):
    first, again = (PRICES.answering_cost(prompt, generated, size) for _ in range(2))
    assert first == again


def with_energy(units: int) -> Ledger:
    ledger = Ledger()
    ledger.open_account("organism:0")
    ledger.transfer(SOURCE, "organism:0", units, Reason.FOUNDING)
    return ledger


@pytest.mark.parametrize(("held", "paid", "owed"), [(10, 7, 0), (7, 7, 0), (6, 6, 1), (0, 0, 7)])
def test_a_charge_takes_what_is_there_and_records_the_rest_as_owed(held, paid, owed):
    ledger = with_energy(held)
    result = charge(ledger, "organism:0", 7, SINK, Reason.UPKEEP)
    assert result == Charge(paid, owed)
    assert result.solvent == (owed == 0)
    assert ledger.balance("organism:0") == held - paid


@given(st.integers(0, 300), st.lists(st.integers(0, 100), min_size=3, max_size=3))
def test_a_bill_is_paid_in_order_and_paid_plus_owed_is_the_bill(held, amounts):
    ledger = with_energy(held)
    bill = dict(zip((Reason.PROMPT, Reason.GENERATION, Reason.UPKEEP), amounts, strict=True))
    result = pay_bill(ledger, "organism:0", bill)
    assert result.paid == min(held, sum(amounts))
    assert result.paid + result.owed == sum(amounts)
    flows = ledger.close_generation()
    assert flows.total(Reason.PROMPT) == min(held, amounts[0])
    assert flows.burned == result.paid

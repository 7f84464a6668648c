"""What living costs: prices of tokens and adapter size, never of the clock."""

from collections.abc import Mapping
from dataclasses import dataclass

from evolora.lifecycle.ledger import SINK, Ledger, Reason, to_units

Bill = dict[Reason, int]  # units by reason, in the order they are paid


@dataclass(frozen=True)
class Prices:
    """Unit prices in energy (1.0 = a full-score answer at base price).

    `cost_per_gigaparameter_token` is per 10^9 (adapter parameters · tokens processed in answering); `upkeep`
    is per generation.
    """

    cost_per_prompt_token: float
    cost_per_generated_token: float
    cost_per_learning_token: float
    cost_per_gigaparameter_token: float
    upkeep: float

    def answering_cost(self, prompt_tokens: int, generated_tokens: int, num_parameters: int) -> Bill:
        """Units for answering: each token once, and the adapter's size for every token it processed."""
        gigaparameter_tokens = num_parameters * (prompt_tokens + generated_tokens) / 1e9
        return {
            Reason.PROMPT: to_units(self.cost_per_prompt_token * prompt_tokens),
            Reason.GENERATION: to_units(self.cost_per_generated_token * generated_tokens),
            Reason.PARAMETERS: to_units(self.cost_per_gigaparameter_token * gigaparameter_tokens),
        }

    def learning_cost(self, tokens: int) -> Bill:
        """Units for learning from `tokens` processed tokens."""
        return {Reason.LEARNING: to_units(self.cost_per_learning_token * tokens)}

    def upkeep_cost(self) -> Bill:
        """Units for living one generation."""
        return {Reason.UPKEEP: to_units(self.upkeep)}


@dataclass(frozen=True)
class Charge:
    """Units `paid`, and units `owed` because the account was empty. Whoever owes is insolvent."""

    paid: int
    owed: int

    @property
    def solvent(self) -> bool:
        return self.owed == 0


def charge(ledger: Ledger, account: str, amount: int, payee: str, reason: Reason) -> Charge:
    """Take up to `amount` units from an account for `payee`; what it cannot pay is owed, not overdrawn."""
    paid = min(amount, ledger.balance(account))
    ledger.transfer(account, payee, paid, reason)
    return Charge(paid, amount - paid)


def pay_bill(ledger: Ledger, account: str, bill: Mapping[Reason, int], payee: str = SINK) -> Charge:
    """Charge every item of a bill in order; by default the energy is burned."""
    charges = [charge(ledger, account, amount, payee, reason) for reason, amount in bill.items()]
    return Charge(sum(c.paid for c in charges), sum(c.owed for c in charges))

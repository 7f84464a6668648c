"""Splitting energy among many, exact to the unit."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from evolora.errors import LedgerError
from evolora.lifecycle.ledger import COMMONS, Ledger, Reason, to_units

SharingRule = Literal["chemostat", "competition"]


@dataclass(frozen=True)
class Taking:
    """What one organism answered to one task: the sum of its `num_answers` answers' scores, each in [0, 1]."""

    task: str
    score: float
    num_answers: int


@dataclass(frozen=True)
class Sharing:
    """What answers claim from a niche's stock.

    chemostat: price · score, whoever else answered. competition: price · score / (sum of mean scores of all who met
    the task) ** alpha, so that what many can do pays each of them less (M2N2's resource competition, Abrantes, Lange &
    Tang 2025); alpha 0 is the chemostat, alpha 1 pays a task's price once however many solve it.
    """

    rule: SharingRule
    alpha: float

    def claims(self, takings: Sequence[Taking], price: float) -> list[int]:
        """Units each taking claims, in their order; `price` is the energy for a full-score answer."""
        if self.rule == "chemostat":
            return [to_units(taking.score * price) for taking in takings]
        solved: defaultdict[str, float] = defaultdict(float)
        for taking in takings:
            solved[taking.task] += taking.score / taking.num_answers
        return [
            to_units(taking.score * price / solved[taking.task] ** self.alpha) if taking.score > 0 else 0
            for taking in takings
        ]


def apportion(amount: int, weights: Mapping[str, int]) -> dict[str, int]:
    """Split `amount` units in proportion to integer weights by largest remainders (Hamilton's method).

    The parts sum to `amount` exactly, none is further than one unit from its proportional share, and the
    mapping's order does not matter: equal remainders are settled by name. All-zero weights get nothing.

    Raises:
        LedgerError: a negative amount or weight.
    """
    if amount < 0 or any(weight < 0 for weight in weights.values()):
        raise LedgerError(f"expected an amount and weights of 0 or more, got {amount} and {dict(weights)}")
    total = sum(weights.values())
    if total == 0:
        return dict.fromkeys(weights, 0)
    parts = {name: amount * weight // total for name, weight in weights.items()}
    left_over = amount - sum(parts.values())
    by_remainder = sorted(weights, key=lambda name: (-(amount * weights[name] % total), name))
    for name in by_remainder[:left_over]:
        parts[name] += 1
    return parts


def pay_meals(ledger: Ledger, niche_account: str, demands: Mapping[str, int]) -> dict[str, int]:
    """Pay each account its demand (score · price, in units) out of a niche's stock.

    When the stock is too small everybody gets the same fraction of the demand and the stock is emptied.
    Returns the units each account was paid.
    """
    stock, demand = ledger.balance(niche_account), sum(demands.values())
    meals = apportion(min(stock, demand), demands)
    for account, amount in meals.items():
        ledger.transfer(niche_account, account, amount, Reason.MEAL)
    return meals


def release_commons(ledger: Ledger, niche_accounts: Sequence[str], share: float) -> dict[str, int]:
    """Hand `share` (in [0, 1]) of the commons to the niches in equal parts; returns the units given."""
    if not 0 <= share <= 1:
        raise LedgerError(f"expected a share of the commons in [0, 1], got {share}")
    amount = ledger.balance(COMMONS) * to_units(share) // to_units(1.0)
    parts = apportion(amount, dict.fromkeys(niche_accounts, 1))
    for account, part in parts.items():
        ledger.transfer(COMMONS, account, part, Reason.COMMONS_RELEASE)
    return parts

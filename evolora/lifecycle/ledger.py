"""Double-entry books of all energy, in whole micro-energy, so that nothing is lost to rounding."""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypedDict

from evolora.errors import LedgerError

UNITS_PER_ENERGY = 1_000_000

SOURCE = "source"  # boundary: declared inflow comes from here, so its balance goes negative
SINK = "sink"  # boundary: declared burning goes here
COMMONS = "commons"
BOUNDARY = frozenset({SOURCE, SINK})
NUMBERED_KINDS = frozenset({"niche", "organism", "pot"})  # written kind:NAME


class Reason(StrEnum):
    """What a transfer is for."""

    FOUNDING = "founding"
    INFLOW = "inflow"
    OUTFLOW = "outflow"
    COMMONS_RELEASE = "commons_release"
    MEAL = "meal"
    PROMPT = "prompt"
    GENERATION = "generation"
    LEARNING = "learning"
    PARAMETERS = "parameters"
    UPKEEP = "upkeep"
    ENDOWMENT = "endowment"
    REMAINS = "remains"
    FORWARDING = "forwarding"  # burned by who passes a task on
    REWARD = "reward"  # from who answered a task to who passed it on
    POOLING = "pooling"  # dues and stakes, into a pot
    COVER = "cover"  # out of a pot: a member's upkeep, or its tokens in a trial
    TRIAL = "trial"  # tokens of a paired trial
    DIVIDEND = "dividend"  # out of a pot that is full, or whose colony ends
    BUDDING = "budding"  # from a colony's pot into its daughter's
    DEALING = "dealing"  # in a neutral world, from one whose fortune chance has given to another
    ESTATE = "estate"  # out of a pot whose members are all dead


FlowKey = tuple[Reason, str, str]


def to_units(energy: float) -> int:
    """Energy (1.0 = a full-score answer at base price) as the nearest whole number of micro-energy units."""
    if not math.isfinite(energy):
        raise LedgerError(f"expected a finite energy, got {energy}")
    return round(energy * UNITS_PER_ENERGY)


def to_energy(units: int) -> float:
    """Micro-energy units as energy."""
    return units / UNITS_PER_ENERGY


def kind_of(account: str) -> str:
    """`organism` of `organism:12`; the boundary accounts and the commons are their own kinds."""
    return account.partition(":")[0]


@dataclass(frozen=True)
class Flows:
    """One generation's books, in units. `totals` is by (reason, payer's kind, payee's kind)."""

    totals: Mapping[FlowKey, int]
    living_before: int
    living_after: int

    @property
    def inflow(self) -> int:
        """What left the source."""
        return sum(amount for (_, payer, _), amount in self.totals.items() if payer == SOURCE)

    @property
    def burned(self) -> int:
        """What reached the sink."""
        return sum(amount for (_, _, payee), amount in self.totals.items() if payee == SINK)

    @property
    def residual(self) -> int:
        """Change of living energy that inflow and burning do not explain. 0, or the books are wrong."""
        return self.living_after - self.living_before - self.inflow + self.burned

    def total(self, reason: Reason) -> int:
        """Everything transferred for one reason."""
        return sum(amount for (why, _, _), amount in self.totals.items() if why == reason)


class LedgerState(TypedDict):
    """The ledger in a checkpoint. Flow keys are written reason>payer>payee."""

    balances: dict[str, int]
    flows: dict[str, int]
    living_before: int


class Ledger:
    """Accounts and the only way to move energy between them.

    The source, the sink and the commons exist from the start; `niche:NAME`, `organism:ID` and `pot:ID` are
    opened and closed. All balances, boundary accounts included, sum to 0 at all times.
    """

    def __init__(self) -> None:
        self._balances: dict[str, int] = {SOURCE: 0, SINK: 0, COMMONS: 0}
        self._kinds = {name: name for name in self._balances}
        self._flows: Counter[FlowKey] = Counter()
        self._living_before = 0

    def open_account(self, name: str) -> None:
        """Open an empty account.

        Raises:
            LedgerError: the name is taken, or is not niche:NAME, organism:ID or pot:ID.
        """
        kind, _, rest = name.partition(":")
        if kind not in NUMBERED_KINDS or not rest:
            raise LedgerError(f"expected an account named niche:NAME, organism:ID or pot:ID, got {name!r}")
        if name in self._balances:
            raise LedgerError(f"expected a new account, but {name} is open")
        self._balances[name] = 0
        self._kinds[name] = kind

    def close_account(self, name: str) -> None:
        """Close an account whose balance is 0; it can then neither pay nor be paid."""
        balance = self.balance(name)
        if kind_of(name) not in NUMBERED_KINDS:
            raise LedgerError(f"expected a niche's, organism's or pot's account to close, got {name}")
        if balance != 0:
            raise LedgerError(f"expected {name} to be empty before it closes, but it holds {balance} units")
        del self._balances[name], self._kinds[name]

    def balance(self, name: str) -> int:
        """Units in an open account."""
        if name not in self._balances:
            raise LedgerError(f"expected an open account, got {name!r} (never opened, or closed)")
        return self._balances[name]

    def accounts(self, kind: str) -> list[str]:
        """Open accounts of a kind, sorted by name: the same before and after a resume."""
        return sorted(name for name, its_kind in self._kinds.items() if its_kind == kind)

    def total(self, kind: str) -> int:
        """Units in all open accounts of a kind."""
        return sum(self._balances[name] for name in self.accounts(kind))

    @property
    def living(self) -> int:
        """Units inside the world: everything but the source and the sink."""
        return sum(amount for name, amount in self._balances.items() if name not in BOUNDARY)

    @property
    def residual(self) -> int:
        """Sum of all balances, boundary accounts included. 0, or the books are wrong."""
        return sum(self._balances.values())

    def transfer(self, payer: str, payee: str, amount: int, reason: Reason) -> None:
        """Move `amount` units. The source only pays, the sink only receives, nobody else goes below 0.

        Raises:
            LedgerError: a negative or fractional amount, an account that is not open, an overdraft.
        """
        if type(amount) is not int or amount < 0:
            raise LedgerError(f"{reason}: expected a whole amount of 0 or more units, got {amount!r}")
        payer_balance, payee_balance = self.balance(payer), self.balance(payee)
        if payer in (payee, SINK) or payee == SOURCE:
            raise LedgerError(f"{reason}: {payer} cannot pay {payee}")
        if amount > payer_balance and payer != SOURCE:
            raise LedgerError(f"{reason}: {payer} holds {payer_balance} units and cannot pay {amount}")
        self._balances[payer] = payer_balance - amount
        self._balances[payee] = payee_balance + amount
        if amount:
            self._flows[reason, self._kinds[payer], self._kinds[payee]] += amount

    def close_generation(self) -> Flows:
        """Check the books, return the generation's flows and start the next page.

        Raises:
            LedgerError: balances do not sum to 0, or living energy changed by other than inflow less burning.
        """
        flows = Flows(dict(sorted(self._flows.items())), self._living_before, self.living)
        if self.residual != 0 or flows.residual != 0:
            raise LedgerError(
                f"expected books that balance, but balances sum to {self.residual} units "
                f"and {flows.residual} units of change are unexplained"
            )
        self._flows.clear()
        self._living_before = flows.living_after
        return flows

    def to_dict(self) -> LedgerState:
        """The whole state as JSON-able integers, keys sorted."""
        return LedgerState(
            balances=dict(sorted(self._balances.items())),
            flows={">".join(key): amount for key, amount in sorted(self._flows.items())},
            living_before=self._living_before,
        )

    @classmethod
    def from_dict(cls, state: LedgerState) -> "Ledger":
        """The ledger that `to_dict` described.

        Raises:
            LedgerError: the balances do not sum to 0 or an account has no such kind.
        """
        ledger = cls()
        for name in sorted(state["balances"].keys() - ledger._balances.keys()):
            ledger.open_account(name)
        ledger._balances.update(state["balances"])
        for text, amount in state["flows"].items():
            reason, payer, payee = text.split(">")
            ledger._flows[Reason(reason), payer, payee] = amount
        ledger._living_before = state["living_before"]
        if ledger.residual != 0:
            raise LedgerError(f"expected balances that sum to 0, got {ledger.residual} units: damaged books")
        return ledger

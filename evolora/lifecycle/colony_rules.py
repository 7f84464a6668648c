"""The rules of colonies: who is handed a task, what is paid for it, who signs up, who must go, when it ends."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evolora.lifecycle.colony import Colony
from evolora.lifecycle.ledger import to_units
from evolora.lifecycle.selection import complementarity
from evolora.organism.organism import Organism


@dataclass(frozen=True)
class Forwarding:
    """Passes tasks on. `cost` (energy) is burned by who does; `finder_share` of the profit is its reward.

    A bid is what an organism's own practice says of its mean score in the niche, drawn toward the group's mean as if
    `doubt` tasks had been met with that: else the best of many bids is mostly the luckiest (the winner's curse).
    """

    cost: float
    margin: float
    finder_share: float
    doubt: float

    def find_performer(self, niche: str, finder: Organism, others: Sequence[Organism]) -> tuple[Organism, float]:
        """Who answers, and its bid: the best bidder if it exceeds the finder's own by the margin (equal bids: the lower
        id), else the finder itself, as where it has never tried the niche and cannot know what it is worth there."""
        bids = self.bids(niche, [finder, *others])
        if finder.id not in bids:
            return finder, 0.0
        best = max((other for other in others if other.id in bids), key=lambda o: (bids[o.id], -o.id), default=finder)
        lead = bids[best.id] - bids[finder.id]
        return (best, bids[best.id]) if lead > 0 and lead >= self.margin else (finder, bids[finder.id])

    def bids(self, niche: str, group: Sequence[Organism]) -> dict[int, float]:
        """Organism id -> its bid, of those who ever tried the niche."""
        known = {organism.id: organism.practice[niche] for organism in group if niche in organism.practice}
        tasks = sum(number for number, _ in known.values())
        prior = sum(number * mean for number, mean in known.values()) / max(1, tasks)
        return {i: (number * mean + self.doubt * prior) / (number + self.doubt) for i, (number, mean) in known.items()}

    def reward(self, profit: int) -> int:
        """Units that the performer hands the finder of a `profit` (meal less tokens, units). It bears losses alone."""
        return max(0, profit) * to_units(self.finder_share) // to_units(1.0)


@dataclass(frozen=True)
class Contract:
    """What members owe the pot, and the pot members. `pot_share` of income goes in, `stake` (energy) once at signing.

    The pot pays a member's upkeep where the member cannot, if that saves it; who brought the pot most over the last
    `window` generations is served first.
    """

    pot_share: float
    stake: float
    window: int

    def dues(self, income: int) -> int:
        """Units that a member owes the pot of its generation's income (meals, rewards got less rewards given)."""
        return max(0, income) * to_units(self.pot_share) // to_units(1.0)

    def cover(self, colony: Colony, pot: int, needs: Mapping[int, int]) -> dict[int, int]:
        """What each needy member gets out of `pot` units: all it needs or nothing, best standing first, then by id."""
        granted = {}
        for identity in sorted(needs, key=lambda member: (-colony.members[member].standing, member)):
            if needs[identity] <= pot:
                granted[identity] = needs[identity]
                pot -= needs[identity]
        return granted

    def find_free_riders(self, colony: Colony) -> list[int]:
        """Members, of at least a window's standing, on whom the pot spent more than they brought."""
        return [i for i, own in colony.members.items() if len(own.balances) >= self.window and own.standing < 0]


@dataclass(frozen=True)
class Signing:
    """Who is asked to sign up, and who does. A trial's mean gain must exceed 0 by `errors` standard errors."""

    founding_size: int
    max_size: int
    tasks: int
    errors: float
    trials: int

    def gather(self, first: Sequence[Organism], crowd: Sequence[Organism], size: int) -> list[Organism]:
        """`first` and, up to `size`, those out of `crowd` who do best where the group so far does worst; fewer where
        nobody adds anything. Equal gains: the lower id."""
        group, left = list(first), sorted(crowd, key=lambda organism: organism.id)
        while len(group) < size and left:
            best = best_competence(group)
            newcomer = max(left, key=lambda organism: (complementarity(best, organism.competence), -organism.id))
            if complementarity(best, newcomer.competence) <= 0:
                break
            group.append(newcomer)
            left.remove(newcomer)
        return group

    def is_worth_it(self, gains: Sequence[int], num_members: int) -> bool:
        """Whether a trial speaks for signing up; `gains` (units) are those of every task met, passed on or not."""
        total = sum(gains)
        if total <= 0 or num_members < 2:
            return False
        mean = total / len(gains)
        variance = sum((gain - mean) ** 2 for gain in gains) / max(1, len(gains) - 1)
        return mean > self.errors * math.sqrt(variance / len(gains))


@dataclass(frozen=True)
class Fate:
    """When colonies are tried again, bud and end. `bud_pot` is in energy per member."""

    audit_every: int
    patience: int
    bud_pot: float
    smallest_daughter: int

    def is_due(self, colony: Colony, generation: int) -> bool:
        """Whether the colony is to be tried again."""
        return generation - colony.audited >= self.audit_every

    def num_missed(self, colony: Colony, generation: int) -> int:
        """Trials in a row that came due, `audit_every` generations apart, and that its pot could not pay for."""
        return (generation - colony.audited) // self.audit_every

    def reason_to_end(self, colony: Colony, generation: int) -> str | None:
        """Why a colony dissolves, None if it lives on. To be asked after those that are due have been tried."""
        if len(colony) < 2:
            return "too small"
        if len(colony.gains) >= self.patience and sum(colony.gains[-self.patience :]) <= 0:
            return "no gain"
        failures = max(colony.failing, self.num_missed(colony, generation))
        return "broke" if failures >= self.patience else None

    def surplus(self, colony: Colony, pot: int) -> int:
        """Units in the pot beyond what makes a colony rich."""
        return max(0, pot - to_units(self.bud_pot) * len(colony))

    def buds(self, colony: Colony, pot: int) -> bool:
        """Whether it is rich, and large enough for two."""
        return self.surplus(colony, pot) > 0 and len(colony) >= 2 * self.smallest_daughter

    def find_daughter(self, members: Sequence[Organism]) -> list[int]:
        """Half of the members: every second one in the order of their best niches, so that both halves have each
        trade as far as there are two of it."""
        ordered = sorted(members, key=lambda organism: (trade(organism), organism.id))
        return sorted(organism.id for organism in ordered[1::2])


@dataclass(frozen=True)
class ColonyRules:
    """All rules of colonies."""

    forwarding: Forwarding
    contract: Contract
    signing: Signing
    fate: Fate


def best_competence(group: Sequence[Organism]) -> dict[str, float]:
    """Niche -> the best mean score that one of a group remembers."""
    niches = sorted({niche for organism in group for niche in organism.competence})
    return {niche: max(organism.competence.get(niche, 0.0) for organism in group) for niche in niches}


def trade(organism: Organism) -> str:
    """The niche in which an organism remembers to be best, the first by name among equals; empty: none tried."""
    return min(organism.competence, key=lambda niche: (-organism.competence[niche], niche), default="")

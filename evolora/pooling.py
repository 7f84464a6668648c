"""What members of colonies do for each other within a generation: pass tasks on, share profits, keep a pot."""

from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field, replace

from evolora.environment.encounter import Encounter
from evolora.environment.niche import Niche
from evolora.lifecycle.colony import Colony
from evolora.lifecycle.ledger import SINK, Reason, to_energy, to_units
from evolora.lifecycle.metabolism import charge
from evolora.organism.organism import Organism
from evolora.world import Rules, World


def pass_on(
    world: World, rules: Rules, encounters: Sequence[Encounter], niches: Mapping[str, Niche]
) -> list[Encounter]:
    """The encounters with each member's tasks handed to the member who bids best; loners keep theirs."""
    if rules.colonies is None or not len(world.colonies):
        return list(encounters)
    handed = []
    for encounter in encounters:
        colony = world.colonies.home_of(encounter.organism_id)
        if colony is not None:
            colleagues = [world.population[identity] for identity in colony.members]
            encounter = hand_over(rules, encounter, world.population[encounter.organism_id], colleagues, niches)
        handed.append(encounter)
    return handed


def hand_over(
    rules: Rules, encounter: Encounter, finder: Organism, colleagues: Sequence[Organism], niches: Mapping[str, Niche]
) -> Encounter:
    """The encounter as the best bidder among `colleagues` meets it, with its own examples, limit and temperature.

    The task and the sampling key stay what they were.
    """
    if rules.colonies is None:
        return encounter
    others = [colleague for colleague in colleagues if colleague.id != finder.id]
    performer, bid = rules.colonies.forwarding.find_performer(encounter.niche, finder, others)
    if performer is finder:
        return encounter
    traits = performer.active.traits
    return replace(
        encounter,
        organism_id=performer.id,
        examples=tuple(rules.tasks.examples(niches[encounter.niche], traits.num_examples)),
        temperature=traits.temperature,
        answer_limit=traits.answer_limit,
        finder=finder.id,
        bid=bid,
    )


@dataclass
class Rewards:
    """Units that each organism got for tasks it passed on (`got`) and gave for tasks it was handed (`given`)."""

    got: dict[int, int] = field(default_factory=dict)
    given: dict[int, int] = field(default_factory=dict)

    def add(self, finder: int, performer: int, units: int) -> None:
        """Note one payment."""
        self.got[finder] = self.got.get(finder, 0) + units
        self.given[performer] = self.given.get(performer, 0) + units

    def net(self, organism_id: int) -> int:
        """What the organism got less what it gave."""
        return self.got.get(organism_id, 0) - self.given.get(organism_id, 0)


def reward_finder(world: World, rules: Rules, rewards: Rewards, encounter: Encounter, profit: int) -> None:
    """The performer of a task that was passed on hands its finder a share of the `profit` (units)."""
    if rules.colonies is None or encounter.finder is None or encounter.organism_id in world.colonies.free_riders:
        return
    units = rules.colonies.forwarding.reward(profit)
    payer, payee = (world.population[identity].account for identity in (encounter.organism_id, encounter.finder))
    paid = charge(world.ledger, payer, units, payee, Reason.REWARD).paid
    rewards.add(encounter.finder, encounter.organism_id, paid)


def settle_pots(world: World, rules: Rules, incomes: Mapping[int, int], owed: MutableMapping[int, int]) -> None:
    """Every member pays its dues of its income (units); then the pots pay the upkeep of those who cannot.

    What the pot pays is taken off what is `owed`. Members' balances and the colony's failures are noted.
    """
    if rules.colonies is None:
        return
    for colony in world.colonies:
        paid_in = {
            identity: _pay_dues(world, rules, colony, identity, incomes.get(identity, 0)) for identity in colony.members
        }
        drawn = _cover(world, rules, colony, owed)
        for identity, member in colony.members.items():
            balance = paid_in[identity] - drawn.get(identity, 0)
            member.balances = [*member.balances, balance][-rules.colonies.contract.window :]


def _pay_dues(world: World, rules: Rules, colony: Colony, identity: int, income: int) -> int:
    if rules.colonies is None or identity in world.colonies.free_riders:
        return 0
    dues = rules.colonies.contract.dues(income)
    return charge(world.ledger, f"organism:{identity}", dues, colony.account, Reason.POOLING).paid


def _cover(world: World, rules: Rules, colony: Colony, owed: MutableMapping[int, int]) -> dict[int, int]:
    """Only whom the pot can save is covered: who owes more than its upkeep is lost. Free-riders ask for all of it."""
    if rules.colonies is None:
        return {}
    upkeep, ledger = to_units(rules.prices.upkeep), world.ledger
    needs = {identity: owed[identity] for identity in colony.members if 0 < owed[identity] <= upkeep}
    needs |= {i: upkeep for i in colony.members if i in world.colonies.free_riders and owed[i] <= upkeep and upkeep}
    granted = rules.colonies.contract.cover(colony, ledger.balance(colony.account), needs)
    for identity, units in granted.items():
        account = f"organism:{identity}"
        ledger.transfer(colony.account, account, units, Reason.COVER)
        ledger.transfer(account, SINK, owed[identity], Reason.UPKEEP)
        owed[identity] = 0
    colony.failing = colony.failing + 1 if len(granted) < len(needs) else 0
    return granted


def forwarding_fee(rules: Rules) -> int:
    """Units that passing one task on burns."""
    return 0 if rules.colonies is None else to_units(rules.colonies.forwarding.cost)


def pot_energy(world: World) -> float:
    """Energy in all pots."""
    return to_energy(world.ledger.total("pot"))

"""Colonies act: the eighth stage of a generation, a list of named steps."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evolora.colonies.signing import sign_up
from evolora.colonies.trials import Group, Held, Market, hold_trials
from evolora.environment.encounter import Outcome
from evolora.evaluation.evaluator import Evaluator
from evolora.events import Birth, Change, ColonyChange, Death, DeathCause, Event
from evolora.lifecycle.colony import Colony, Member
from evolora.lifecycle.colony_rules import ColonyRules
from evolora.lifecycle.ledger import Reason, to_energy
from evolora.lifecycle.sharing import apportion
from evolora.lifecycle.survival import bury
from evolora.stages import Settlement, price_now
from evolora.world import Rules, World


@dataclass(frozen=True)
class Acts:
    """What colonies did: `events`, how many groups of newcomers were tried, and the tokens of all trials."""

    events: Sequence[Event] = ()
    num_trials: int = 0
    trial_tokens: int = 0


def act(
    world: World,
    rules: Rules,
    evaluator: Evaluator,
    outcomes: Sequence[Outcome],
    settlement: Settlement,
    so_far: Sequence[Event],
) -> Acts:
    """1 the dead leave, newborns belong  2 free-riders are expelled  3 colonies that are due are tried again
    4 those that do not pay dissolve  5 the rich bud, or share what is too much  6 newcomers are tried, and sign up
    7 who could not pay for its trial dies.
    """
    own = rules.colonies
    if own is None:
        return Acts()
    market = Market(worth_now(world, rules, outcomes, settlement), mean_task_cost(world, rules, outcomes))
    events: list[Event] = [*_take_leave(world, so_far), *_welcome(world, own, so_far)]
    events += _expel(world, own)
    audits, audited = _audit(world, rules, own, evaluator, market)
    events += audits
    for colony in world.colonies:
        if (reason := own.fate.reason_to_end(colony, world.generation)) is not None:
            events.append(dissolve(world, rules, colony, reason))
    for colony in world.colonies:
        events += _bud(world, own, colony) or _share_surplus(world, own, colony)
    signed, tried = sign_up(world, rules, own, evaluator, market)
    events += signed
    debtors = sorted({*audited.owed, *tried.owed})
    events += _bury_debtors(world, rules, {i: audited.owed.get(i, 0) + tried.owed.get(i, 0) for i in debtors})
    return Acts(
        sorted(events, key=lambda event: not isinstance(event, Death)),  # as readers list them
        sum(verdict is not None for verdict in tried.verdicts),
        audited.num_tokens + tried.num_tokens,
    )


def worth_now(world: World, rules: Rules, outcomes: Sequence[Outcome], settlement: Settlement) -> dict[str, float]:
    """What a full score fetched in each niche this generation (energy); its price where nobody scored."""
    scores: defaultdict[str, float] = defaultdict(float)
    for outcome in outcomes:
        scores[outcome.encounter.niche] += outcome.total_score
    return {
        niche.name: to_energy(sum(settlement.meals.get(niche.name, {}).values())) / scores[niche.name]
        if scores[niche.name] > 0
        else price_now(niche, world, rules)
        for niche in rules.niches
    }


def mean_task_cost(world: World, rules: Rules, outcomes: Sequence[Outcome]) -> int:
    """Units that a task's tokens took this generation on average, adapters counted as the mean of the living."""
    living = list(world.population)
    if not outcomes or not living:
        return 0
    size = sum(organism.active.num_parameters for organism in living) // len(living)
    prompts = sum(outcome.answers[0].prompt_tokens for outcome in outcomes)
    tokens = sum(outcome.num_tokens for outcome in outcomes)
    return sum(rules.prices.answering_cost(prompts, tokens - prompts, size).values()) // len(outcomes)


def _take_leave(world: World, so_far: Sequence[Event]) -> list[ColonyChange]:
    causes = {event.organism_id: str(event.cause) for event in so_far if isinstance(event, Death)}
    changes = []
    for colony in world.colonies:
        for identity in [identity for identity in colony.members if identity not in world.population]:
            world.colonies.remove(identity)
            changes.append(_change(world, colony, Change.LEFT, [identity], causes.get(identity, "died")))
    return changes


def _welcome(world: World, own: ColonyRules, so_far: Sequence[Event]) -> list[ColonyChange]:
    """A child belongs to its first parent's colony, free of any stake, while there is room."""
    changes = []
    for event in so_far:
        if not isinstance(event, Birth) or not event.parents or event.organism_id not in world.population:
            continue
        colony = world.colonies.home_of(event.parents[0])
        if colony is not None and len(colony) < own.signing.max_size:
            world.colonies.add(colony, event.organism_id, Member(world.generation))
            changes.append(_change(world, colony, Change.JOINED, [event.organism_id], "birth"))
    return changes


def _expel(world: World, own: ColonyRules) -> list[ColonyChange]:
    changes = []
    for colony in world.colonies:
        for identity in own.contract.find_free_riders(colony):
            world.colonies.remove(identity)
            colony.expelled.add(identity)
            changes.append(_change(world, colony, Change.EXPELLED, [identity], "drew more than it paid in"))
    return changes


def _audit(
    world: World, rules: Rules, own: ColonyRules, evaluator: Evaluator, market: Market
) -> tuple[list[ColonyChange], Held]:
    """Try those that are due and can pay for it out of the pot; the others stay due (`Fate.num_missed`)."""
    due = [colony for colony in world.colonies if len(colony) > 1 and own.fate.is_due(colony, world.generation)]
    groups = [Group(tuple(colony.members), tuple((identity,) for identity in colony.members), colony) for colony in due]
    held = hold_trials(world, rules, evaluator, groups, market)
    changes = []
    for colony, verdict in zip(due, held.verdicts, strict=True):
        if verdict is None:
            continue
        colony.audited = world.generation
        colony.gains = [*colony.gains, verdict.gain][-own.fate.patience :]
        reason = "gain" if verdict.gain > 0 else "no gain"
        changes.append(
            _change(world, colony, Change.AUDITED, [*colony.members], reason, (verdict.alone, verdict.together))
        )
    return changes, held


def dissolve(world: World, rules: Rules, colony: Colony, reason: str) -> ColonyChange:
    """End a colony: its pot goes to its members in equal parts; to where remains go if there are none."""
    ledger, pot = world.ledger, world.ledger.balance(colony.account)
    members = list(colony.members)
    parts = apportion(pot, {f"organism:{identity}": 1 for identity in members})
    for account, units in parts.items():
        ledger.transfer(colony.account, account, units, Reason.DIVIDEND)
    if not members:
        ledger.transfer(colony.account, rules.heir, pot, Reason.ESTATE)
    ledger.close_account(colony.account)
    world.colonies.dissolve(colony, world.generation)
    return ColonyChange(
        world.generation, colony.id, Change.DISSOLVED, tuple(members), reason, 0, to_energy(pot), mother=colony.mother
    )


def _bud(world: World, own: ColonyRules, mother: Colony) -> list[ColonyChange]:
    """A rich colony lets half of its members go with half of its pot; nobody is paid from elsewhere."""
    pot = world.ledger.balance(mother.account)
    if not own.fate.buds(mother, pot):
        return []
    leaving = own.fate.find_daughter([world.population[identity] for identity in mother.members])
    members = {identity: world.colonies.remove(identity) for identity in leaving}
    daughter = world.colonies.found(members, world.generation, mother.id)
    daughter.expelled = set(mother.expelled)
    world.ledger.open_account(daughter.account)
    world.ledger.transfer(mother.account, daughter.account, pot // 2, Reason.BUDDING)
    return [_change(world, daughter, Change.BUDDED, leaving, "rich")]


def _share_surplus(world: World, own: ColonyRules, colony: Colony) -> list[ColonyChange]:
    """What a rich colony that is too small to bud has too much goes to its members by what they brought it."""
    surplus = own.fate.surplus(colony, world.ledger.balance(colony.account))
    weights = {f"organism:{identity}": max(0, member.standing) for identity, member in colony.members.items()}
    for account, units in apportion(surplus, weights).items():
        world.ledger.transfer(colony.account, account, units, Reason.DIVIDEND)
    return []


def _bury_debtors(world: World, rules: Rules, owed: Mapping[int, int]) -> list[Event]:
    """Who could not pay for its trial's tokens dies, as anybody who cannot pay."""
    if not rules.survival.insolvency:
        return []
    events: list[Event] = []
    for identity, units in owed.items():
        home = world.colonies.home_of(identity)
        events.append(
            bury(world.population, world.ledger, identity, DeathCause.INSOLVENCY, world.generation, rules.heir, units)
        )
        if home is not None:
            world.colonies.remove(identity)
            events.append(_change(world, home, Change.LEFT, [identity], str(DeathCause.INSOLVENCY)))
    return events


def _change(
    world: World,
    colony: Colony,
    change: Change,
    members: Sequence[int],
    reason: str,
    trial: tuple[float | None, float | None] = (None, None),
) -> ColonyChange:
    pot = to_energy(world.ledger.balance(colony.account))
    return ColonyChange(
        world.generation, colony.id, change, tuple(members), reason, len(colony), pot, *trial, colony.mother
    )

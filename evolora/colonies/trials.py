"""Paired trials: the same fresh tasks, answered as a group lives now and as it would live together."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evolora.disturbance import niches_now, open_niches
from evolora.environment.encounter import Encounter, Outcome
from evolora.environment.task import Score, Task
from evolora.evaluation.evaluator import Evaluator
from evolora.lifecycle.colony import Colony
from evolora.lifecycle.ledger import Reason, to_energy, to_units
from evolora.lifecycle.metabolism import charge, pay_bill
from evolora.pooling import forwarding_fee, hand_over
from evolora.rng import key64, stream
from evolora.stages import fullness_of, score_answers
from evolora.world import Rules, World

SPARE = 125  # per cent of the mean cost of answers that must be at hand for a trial


@dataclass(frozen=True)
class Group:
    """Organisms to be tried together. `parts` are those of them who pass tasks to each other already: nobody is in two.

    The pot of `sponsor`, if any, pays for what its members answer; everybody else pays for itself.
    """

    members: tuple[int, ...]
    parts: tuple[tuple[int, ...], ...]
    sponsor: Colony | None = None

    def part_of(self, organism_id: int) -> tuple[int, ...]:
        """Who it passes tasks to now."""
        return next((part for part in self.parts if organism_id in part), (organism_id,))

    def payer_of(self, organism_id: int) -> str:
        """The account that pays for its answers."""
        is_sponsored = self.sponsor is not None and organism_id in self.sponsor.members
        return self.sponsor.account if self.sponsor is not None and is_sponsored else f"organism:{organism_id}"


@dataclass(frozen=True)
class Market:
    """What this generation showed of prices: the `worth` of a full score in each niche (energy), and the mean cost of
    answering one task (units)."""

    worth: Mapping[str, float]
    task_cost: int


@dataclass(frozen=True)
class Verdict:
    """What a trial showed. `gains` (units) has an entry for each task that was met: what the group earns more with it
    together than apart. `alone` and `together` (energy per member and generation) are what the tasks earned that
    somebody else would answer then; all others earn the same either way and are not asked."""

    gains: tuple[int, ...]
    alone: float
    together: float

    @property
    def gain(self) -> float:
        """Energy per member and generation."""
        return self.together - self.alone


@dataclass(frozen=True)
class Pair:
    """One task of one group, as it would be answered `before` and `after` they live together."""

    group: int
    before: Encounter
    after: Encounter

    @property
    def differs(self) -> bool:
        return self.before.organism_id != self.after.organism_id


@dataclass(frozen=True)
class Held:
    """What trials brought: a verdict on each group, units that organisms (by id) owe, tokens read and written."""

    verdicts: list[Verdict | None]
    owed: dict[int, int]
    num_tokens: int


def hold_trials(world: World, rules: Rules, evaluator: Evaluator, groups: Sequence[Group], market: Market) -> Held:
    """A verdict on each group, what nobody could pay for, and the tokens it took.

    None: somebody, or the pot, is too poor for what the trial will about take, so that it is not held. All others are
    asked in one batch.
    """
    planned = [_pairs(world, rules, number, group) for number, group in enumerate(groups)]
    held = [_can_pay(world, rules, group, own, market) for group, own in zip(groups, planned, strict=True)]
    pairs = [pair for own, is_held in zip(planned, held, strict=True) if is_held for pair in own]
    asked = [encounter for pair in pairs if pair.differs for encounter in (pair.before, pair.after)]
    bodies = {e.organism_id: world.population[e.organism_id].active for e in asked}
    answers = evaluator.answer(bodies, asked) if asked else []
    niches, known = niches_now(world, rules), dict[tuple[str, str, str], Score]()
    outcomes = [Outcome(e, a, score_answers(niches, e, a, known)) for e, a in zip(asked, answers, strict=True)]
    owed: defaultdict[int, int] = defaultdict(int)
    earned: dict[tuple[int, int, int], int] = {}  # (group, key, performer) -> units
    places = [pair.group for pair in pairs if pair.differs for _ in (pair.before, pair.after)]
    for outcome, place in zip(outcomes, places, strict=True):
        performer = outcome.encounter.organism_id
        tokens = _token_cost(world, rules, outcome)
        owed[performer] += _pay(world, groups[place], performer, tokens)
        fee = 0 if outcome.encounter.finder is None else forwarding_fee(rules)
        income = to_units(outcome.total_score * market.worth[outcome.encounter.niche])
        earned[place, outcome.encounter.key, performer] = income - tokens - fee
    verdicts = [_judge(rules, own, earned) if is_held else None for own, is_held in zip(planned, held, strict=True)]
    unpaid = {identity: units for identity, units in owed.items() if units}
    return Held(verdicts, unpaid, sum(outcome.num_tokens for outcome in outcomes))


def _pairs(world: World, rules: Rules, number: int, group: Group) -> list[Pair]:
    """The tasks of every member: as many as the rules say, in the niches it would forage in."""
    if rules.colonies is None:
        return []
    niches = open_niches(world, rules)
    if not niches:
        return []
    fullness = fullness_of(world, niches.values())
    fresh: dict[str, list[Task]] = {}
    pairs = []
    for identity in group.members:
        organism, traits = world.population[identity], world.population[identity].active.traits
        rng = stream(rules.seed, "trial", world.generation, number, identity)
        chosen = rules.forager.choose(organism, list(niches), rules.colonies.signing.tasks, rng, fullness)
        for place, name in enumerate(chosen):
            if name not in fresh:
                fresh[name] = rules.tasks.trial(niches[name], world.generation, rules.diet.tasks_per_niche)
            own = Encounter(
                organism_id=identity,
                niche=name,
                task=fresh[name][int(rng.integers(len(fresh[name])))],
                examples=tuple(rules.tasks.examples(niches[name], traits.num_examples)),
                num_samples=rules.diet.answers_per_task,
                temperature=traits.temperature,
                answer_limit=traits.answer_limit,
                key=key64(rules.seed, "trial", world.generation, number, identity, place),
            )
            now, then = (
                hand_over(rules, own, organism, [world.population[other] for other in circle], niches)
                for circle in (group.part_of(identity), group.members)
            )
            pairs.append(Pair(number, now, then))
    return pairs


def _can_pay(world: World, rules: Rules, group: Group, pairs: Sequence[Pair], market: Market) -> bool:
    """Whether every payer has what its answers will about take, with some to spare, and an organism its upkeep."""
    ledger, bills = world.ledger, Counter[str]()
    for pair in pairs:
        for encounter in (pair.before, pair.after) if pair.differs else ():
            bills[group.payer_of(encounter.organism_id)] += market.task_cost * SPARE // 100
    reserve = {f"organism:{identity}": to_units(rules.prices.upkeep) for identity in group.members}
    return all(ledger.balance(account) >= bill + reserve.get(account, 0) for account, bill in bills.items())


def _token_cost(world: World, rules: Rules, outcome: Outcome) -> int:
    prompt = outcome.answers[0].prompt_tokens
    size = world.population[outcome.encounter.organism_id].active.num_parameters
    return sum(rules.prices.answering_cost(prompt, outcome.num_tokens - prompt, size).values())


def _pay(world: World, group: Group, organism_id: int, units: int) -> int:
    """Pay for an answer's tokens, out of the sponsor's pot as far as it goes; returns what could not be paid."""
    account, payer = world.population[organism_id].account, group.payer_of(organism_id)
    if payer != account:
        charge(world.ledger, payer, units, account, Reason.COVER)
    return pay_bill(world.ledger, account, {Reason.TRIAL: units}).owed


def _judge(rules: Rules, pairs: Sequence[Pair], earned: Mapping[tuple[int, int, int], int]) -> Verdict:
    apart = [earned.get((pair.group, pair.before.key, pair.before.organism_id), 0) for pair in pairs]
    joined = [earned.get((pair.group, pair.after.key, pair.after.organism_id), 0) for pair in pairs]
    gains = tuple(after - before for before, after in zip(apart, joined, strict=True))
    # every member met the same number of tasks, so a mean over tasks times the visits is per member and generation
    scale = rules.diet.visits / max(1, len(pairs))
    return Verdict(gains, to_energy(sum(apart)) * scale, to_energy(sum(joined)) * scale)

"""The stages of a generation, each a function of the world and its rules."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

from evolora.disturbance import niches_now, open_niches
from evolora.environment.chemostat import inflow_amount, outflow_amount
from evolora.environment.encounter import Answer, Encounter, Outcome
from evolora.environment.niche import Niche
from evolora.environment.seasons import inflow_factor, price_factor
from evolora.environment.task import Score, Task
from evolora.evaluation.evaluator import Evaluator
from evolora.events import Death, Event, Life
from evolora.lifecycle.foraging import remember
from evolora.lifecycle.ledger import SINK, SOURCE, Reason, to_energy, to_units
from evolora.lifecycle.metabolism import Bill, pay_bill
from evolora.lifecycle.reproduction import Guests, give_birth
from evolora.lifecycle.selection import deal_fortunes
from evolora.lifecycle.sharing import Taking, pay_meals, release_commons
from evolora.lifecycle.survival import bury, strike_at_random
from evolora.pooling import Rewards, forwarding_fee, pass_on, reward_finder, settle_pots
from evolora.rng import key64, stream
from evolora.world import Rules, World

MEMORY = 0.3  # weight of a generation's experience in what an organism remembers of a niche


def account_of(niche: Niche) -> str:
    """A niche's stock in the ledger."""
    return f"niche:{niche.name}"


def price_now(niche: Niche, world: World, rules: Rules) -> float:
    """Energy for a full-score answer this generation, shocks included."""
    return niche.price * price_factor(niche.name, world.generation, rules.shocks)


def grow_niches(world: World, rules: Rules) -> None:
    """Outflow, then the commons' release and inflow as far as there is room, both into open niches only."""
    ledger, fed = world.ledger, [niche for niche in rules.niches if niche.is_open(world.generation)]
    for niche in rules.niches:
        account = account_of(niche)
        ledger.transfer(account, SINK, outflow_amount(ledger.balance(account), niche.outflow), Reason.OUTFLOW)
    release_commons(ledger, [account_of(niche) for niche in fed], rules.commons_release)
    for niche in fed:
        account = account_of(niche)
        factor = inflow_factor(niche.name, world.generation, rules.seasons, rules.shocks)
        amount = inflow_amount(ledger.balance(account), niche.inflow, niche.capacity, factor)
        ledger.transfer(SOURCE, account, amount, Reason.INFLOW)


def fullness_of(world: World, niches: Iterable[Niche]) -> list[float]:
    """How full each niche is: stock / capacity, at most 1 (the commons may fill a niche beyond its capacity)."""
    return [min(1.0, to_energy(world.ledger.balance(account_of(niche))) / niche.capacity) for niche in niches]


def forage(world: World, rules: Rules) -> list[Encounter]:
    """Every organism chooses among the open niches; its k-th visit to a niche meets the niche's k-th task of the
    generation, or any of them where visits are dealt evenly. Then members of colonies pass tasks on.
    """
    niches = open_niches(world, rules)
    if not niches:  # a run that was resumed beyond the world's generations
        return []
    offered = {
        name: rules.tasks.living(niche, world.generation, rules.diet.tasks_per_niche) for name, niche in niches.items()
    }
    fullness = fullness_of(world, niches.values())
    shown: dict[tuple[str, int], tuple[Task, ...]] = {}  # a niche's worked examples, by how many
    encounters = []
    for organism in world.population:
        rng = stream(rules.seed, "forage", world.generation, organism.id)
        traits = organism.active.traits
        visits: Counter[str] = Counter()
        choice = rules.forager.choose(organism, list(niches), rules.diet.visits, rng, fullness)
        for place, name in enumerate(choice):
            dealt = int(rng.integers(len(offered[name]))) if rules.forager.even else visits[name]
            task = offered[name][dealt % len(offered[name])]
            visits[name] += 1
            if (name, traits.num_examples) not in shown:
                shown[name, traits.num_examples] = tuple(rules.tasks.examples(niches[name], traits.num_examples))
            encounters.append(
                Encounter(
                    organism_id=organism.id,
                    niche=name,
                    task=task,
                    examples=shown[name, traits.num_examples],
                    num_samples=rules.diet.answers_per_task,
                    temperature=traits.temperature,
                    answer_limit=traits.answer_limit,
                    key=key64(rules.seed, "encounter", world.generation, organism.id, place),
                )
            )
    return pass_on(world, rules, encounters, niches)


def meet(world: World, rules: Rules, evaluator: Evaluator, encounters: Sequence[Encounter]) -> list[Outcome]:
    """The population answers, the niches score. A fault of host, weights or scorer is a score of 0 with a reason."""
    niches = niches_now(world, rules)
    genomes = {organism.id: organism.active for organism in world.population}
    outcomes = []
    known: dict[tuple[str, str, str], Score] = {}  # many give the same answer to the same task
    for encounter, answers in zip(encounters, evaluator.answer(genomes, encounters), strict=True):
        outcomes.append(Outcome(encounter, answers, score_answers(niches, encounter, answers, known)))
    return outcomes


def score_answers(
    niches: Mapping[str, Niche],
    encounter: Encounter,
    answers: Sequence[Answer],
    known: MutableMapping[tuple[str, str, str], Score],
) -> tuple[Score, ...]:
    """What an encounter's niche gives for each answer to it; `known` remembers scores by niche, question and text."""
    return tuple(_score(niches[encounter.niche], encounter, answer, known) for answer in answers)


def _score(
    niche: Niche, encounter: Encounter, answer: Answer, known: MutableMapping[tuple[str, str, str], Score]
) -> Score:
    if answer.fault:
        return Score(0.0, answer.fault)
    key = (niche.name, encounter.task.question, answer.text)
    if key not in known:
        known[key] = niche.score(encounter.task, answer.text)
    return known[key]


@dataclass(frozen=True)
class Settlement:
    """What a generation's answers came to, in units: `owed` by organism id, and `meals` by niche and organism id;
    `rewards` are what members of colonies paid each other, `profits` what each organism earned beyond its tokens."""

    owed: dict[int, int]
    meals: Mapping[str, Mapping[int, int]]
    rewards: Rewards
    profits: Mapping[int, int]


def settle(world: World, rules: Rules, outcomes: Sequence[Outcome]) -> Settlement:
    """Meals out of the niches' stocks, rewards for tasks passed on, then every token and the upkeep; then the pots."""
    population, ledger = world.population, world.ledger
    claims = _claims(world, rules, outcomes)
    demands: dict[str, Counter[str]] = defaultdict(Counter)
    for outcome, claim in zip(outcomes, claims, strict=True):
        demands[f"niche:{outcome.encounter.niche}"][f"organism:{outcome.encounter.organism_id}"] += claim
    paid_share, eaten = {}, {}
    for account in sorted(demands):
        meals = pay_meals(ledger, account, demands[account])
        wanted = sum(demands[account].values())
        name = account.partition(":")[2]
        paid_share[name] = sum(meals.values()) / wanted if wanted else 1.0
        eaten[name] = {int(eater.partition(":")[2]): units for eater, units in meals.items()}
    bills: dict[int, defaultdict[Reason, int]] = {identity: defaultdict(int) for identity in population.ids}
    rewards = Rewards()
    for outcome, claim in zip(outcomes, claims, strict=True):
        encounter = outcome.encounter
        earned = to_energy(claim) * paid_share[encounter.niche]
        tokens = _live_through(world, rules, outcome, earned)
        for reason, amount in tokens.items():
            bills[encounter.organism_id][reason] += amount
        if encounter.finder is not None:
            bills[encounter.finder][Reason.FORWARDING] += forwarding_fee(rules)
            reward_finder(world, rules, rewards, encounter, to_units(earned) - sum(tokens.values()))
    incomes = {i: sum(own.get(i, 0) for own in eaten.values()) + rewards.net(i) for i in population.ids}
    owed = {}
    for organism in population:
        whole = {**bills[organism.id], **rules.prices.upkeep_cost()}
        owed[organism.id] = pay_bill(ledger, organism.account, whole).owed
    settle_pots(world, rules, incomes, owed)
    profits = {i: income - sum(bills[i].values()) for i, income in incomes.items()}
    return Settlement(owed, eaten, rewards, profits)


def _claims(world: World, rules: Rules, outcomes: Sequence[Outcome]) -> list[int]:
    """Units that each outcome claims from its niche's stock, by the world's sharing rule; 0 without an economy."""
    claims = [0] * len(outcomes)
    places: defaultdict[str, list[int]] = defaultdict(list)
    for place, outcome in enumerate(outcomes):
        places[outcome.encounter.niche].append(place)
    for niche in rules.niches if rules.economy else ():
        mine = places[niche.name]
        takings = [
            Taking(o.encounter.task.digest, o.total_score, len(o.scores)) for o in (outcomes[place] for place in mine)
        ]
        for place, claim in zip(mine, rules.sharing.claims(takings, price_now(niche, world, rules)), strict=True):
            claims[place] = claim
    return claims


def deal_out(world: World, rules: Rules, settlement: Settlement) -> Settlement:
    """In a neutral world chance now deals out what everybody owns and owes; elsewhere nothing changes."""
    if not rules.neutral:
        return settlement
    rng = stream(rules.seed, "deal", world.generation)
    return replace(settlement, owed=deal_fortunes(world.population, world.ledger, settlement.owed, rng))


def _live_through(world: World, rules: Rules, outcome: Outcome, earned: float) -> Bill:
    """The bill for one encounter's tokens; its organism remembers what the niche `earned` it (energy) beyond that."""
    organism = world.population[outcome.encounter.organism_id]
    prompt = outcome.answers[0].prompt_tokens
    bill = rules.prices.answering_cost(prompt, outcome.num_tokens - prompt, organism.active.num_parameters)
    profit = (earned - to_energy(sum(bill.values()))) / len(outcome.answers)
    remember(organism, outcome.encounter.niche, profit, outcome.mean_score, MEMORY)
    return bill


def describe_lives(world: World, rules: Rules, outcomes: Sequence[Outcome], settlement: Settlement) -> list[Life]:
    """What the generation was for each organism: the row that `lives.arrow` keeps."""
    names = [niche.name for niche in rules.niches]
    answers: Counter[tuple[int, str]] = Counter()
    tokens: Counter[tuple[int, str]] = Counter()
    scores: defaultdict[tuple[int, str], float] = defaultdict(float)
    for outcome in outcomes:
        key = (outcome.encounter.organism_id, outcome.encounter.niche)
        answers[key] += len(outcome.answers)
        tokens[key] += outcome.num_tokens
        scores[key] += outcome.total_score
    lives = []
    for organism in world.population:
        traits, keys = organism.active.traits, [(organism.id, name) for name in names]
        lives.append(
            Life(
                generation=world.generation,
                organism_id=organism.id,
                lineage=organism.lineage,
                age=organism.age(world.generation),
                energy=to_energy(world.ledger.balance(organism.account)),
                owed=to_energy(settlement.owed[organism.id]),
                rank=traits.rank,
                num_parameters=organism.active.num_parameters,
                mutation_scale=traits.mutation_scale,
                learning_rate=traits.learning_rate,
                temperature=traits.temperature,
                answer_limit=traits.answer_limit,
                num_examples=traits.num_examples,
                answers=tuple(answers[key] for key in keys),
                scores=tuple(scores.get(key, 0.0) for key in keys),
                tokens=tuple(tokens[key] for key in keys),
                meals=tuple(to_energy(settlement.meals.get(name, {}).get(organism.id, 0)) for name in names),
                colony=None if (home := world.colonies.home_of(organism.id)) is None else home.id,
            )
        )
    return lives


def cull(world: World, rules: Rules, owed: Mapping[int, int]) -> list[Death]:
    """Insolvency (or, where death is random, chance) and age."""
    deaths = rules.survival.find_deaths(world.population, owed, world.generation)
    if rules.random_death:
        deaths = strike_at_random(deaths, world.population.ids, stream(rules.seed, "die", world.generation))
    return [
        bury(
            world.population,
            world.ledger,
            identity,
            cause,
            world.generation,
            rules.heir,
            owed.get(identity, 0),
        )
        for identity, cause in deaths.items()
    ]


def breed(world: World, rules: Rules, outcomes: Sequence[Outcome], guests: Guests | None = None) -> list[Event]:
    """The rich reproduce: clones with mutation, or merges; who is displaced at capacity dies of crowding.

    Whose weights are not finite has no child: nothing could be made of them.
    Without an economy this generation's mean scores take the place of riches. `guests` may be parents without paying.
    """
    if rules.breeder is None:
        return []
    plans = rules.breeder.plan(
        world.population,
        world.ledger,
        world.generation,
        stream(rules.seed, "plan births", world.generation),
        standings=None if rules.economy else mean_scores(world, outcomes),
        guests=guests,
        fertile=cache(lambda identity: rules.heredity.is_fertile(world.population[identity])),
    )
    events: list[Event] = []
    for plan in plans:
        rng = stream(rules.seed, "conceive", world.generation, world.population.next_id)
        conceive = rules.heredity.conceiver(world.population)
        events += give_birth(plan, world.population, world.ledger, world.generation, conceive, rules.heir, rng)
    return events


def welcome(world: World, rules: Rules) -> list[Event]:
    """Newcomers from outside, where any are due."""
    if rules.arrivals is None or not rules.arrivals.are_due(world.generation):
        return []
    return rules.arrivals.arrive(world.population, world.ledger, world.generation, rules.seed, rules.heir)


def mean_scores(world: World, outcomes: Sequence[Outcome]) -> dict[int, int]:
    """Organism id -> millionths of its mean score over this generation's encounters; 0 without any."""
    scores: defaultdict[int, list[float]] = defaultdict(list)
    for outcome in outcomes:
        scores[outcome.encounter.organism_id].append(outcome.mean_score)
    means = {identity: sum(own) / len(own) for identity, own in scores.items()}
    return {identity: to_units(means.get(identity, 0.0)) for identity in world.population.ids}

"""One generation: a list of named calls, and the report of what happened."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from evolora import disturbance, stages
from evolora.archiving import elevate, guests, measure_archive
from evolora.colonies import act, measure_colonies
from evolora.environment.encounter import Outcome
from evolora.evaluation.evaluator import Evaluator
from evolora.events import Birth, Death, Event, Life
from evolora.learning import Learning, learn
from evolora.lifecycle.ledger import Flows, to_energy
from evolora.record.census import take_census
from evolora.record.ecology import measure_ecology
from evolora.world import Rules, World


@dataclass(frozen=True)
class OrganismSummary:
    """One of the richest: `niche` is where it scores best, `score` its smoothed mean score there."""

    id: int
    lineage: int
    age: int
    energy: float
    niche: str
    score: float
    kind: str
    rank: int
    num_examples: int


@dataclass(frozen=True)
class GenerationReport:
    """What happened in one generation. Energies in energy units, `births` by kind, `deaths` by cause.

    `mean_score` is over all answers, `niche_scores` over those of one niche (absent: nobody came), `niche_visitors`
    counts organisms. `num_tokens` counts prompt tokens (once per encounter) and generated tokens; `flows` is the
    ledger by reason; `traits` are population means at the end; `residual` is the books' error and always 0.
    `ecology` holds the measures of `record.ecology` by name, None where one is undefined or not computed now.
    """

    generation: int
    num_living: int
    num_lineages: int
    births: Mapping[str, int]
    deaths: Mapping[str, int]
    energy: Mapping[str, float]
    flows: Mapping[str, float]
    residual: int
    mean_score: float
    niche_scores: Mapping[str, float]
    niche_visitors: Mapping[str, int]
    niche_stocks: Mapping[str, float]
    num_answers: int
    num_tokens: int
    num_learners: int
    learning_tokens: int
    faults: Mapping[str, int]
    traits: Mapping[str, float]
    best: tuple[OrganismSummary, ...]
    ecology: Mapping[str, float | None] = field(default_factory=dict)
    niche_levels: Mapping[str, int] = field(default_factory=dict)  # where difficulty moves: the level just lived at
    colonies: Mapping[str, float | None] | None = None  # `measure_colonies`; None in worlds that know none
    archive: Mapping[str, float | None] | None = None  # `measure_archive`, likewise

    def to_row(self) -> dict[str, Any]:
        """A JSON-able row: the same bytes for the same world and seed on the same machine."""
        row = asdict(self)
        for name in ("colonies", "archive"):
            if row[name] is None:
                del row[name]
        return row


@dataclass(frozen=True)
class Generation:
    """A report with what the record keeps beside it; `lives` are of all who were alive when it began."""

    report: GenerationReport
    events: Sequence[Event]
    outcomes: Sequence[Outcome]
    lives: Sequence[Life]


def advance(world: World, rules: Rules, evaluator: Evaluator, thorough: bool = False) -> Generation:
    """Live through one generation.

    1 niches grow  2 organisms forage  3 they answer  4 answers become energy, the best become elites  5 they learn
    6 in a neutral world chance deals out their fortunes  7 some die  8 the world strikes some more  9 some reproduce
    10 newcomers arrive  11 colonies act  12 difficulty follows success  13 the books are closed, the ecology is
    measured (costly measures if `thorough`), all is reported
    """
    world.generation += 1
    stages.grow_niches(world, rules)
    encounters = stages.forage(world, rules)
    outcomes = stages.meet(world, rules, evaluator, encounters)
    settlement = stages.settle(world, rules, outcomes)
    elevations = elevate(world, rules, outcomes)
    learning = learn(world, rules, evaluator, outcomes)
    settlement = stages.deal_out(world, rules, settlement)
    lives = stages.describe_lives(world, rules, outcomes, settlement)
    census = take_census(world, [niche.name for niche in rules.niches], lives, outcomes, with_similarity=thorough)
    events: list[Event] = [*elevations, *stages.cull(world, rules, settlement.owed)]
    events += disturbance.strike(world, rules, outcomes)
    events += stages.breed(world, rules, outcomes, guests(world, rules))
    events += stages.welcome(world, rules)
    acts = act(world, rules, evaluator, outcomes, settlement, events)
    events += acts.events
    colonies = measure_colonies(world, rules, outcomes, settlement, lives, events, acts)
    levels = disturbance.move_levels(world, rules, outcomes)
    flows = world.ledger.close_generation()
    elites = frozenset() if world.archive is None else world.archive.ids
    ecology = measure_ecology(world.history, census, events, rules.seed, thorough, elites)
    report = _report(world, rules, outcomes, learning, events, flows, ecology, levels, colonies)
    return Generation(report, events, outcomes, lives)


def _report(
    world: World,
    rules: Rules,
    outcomes: Sequence[Outcome],
    learning: Learning,
    events: Sequence[Event],
    flows: Flows,
    ecology: Mapping[str, float | None],
    levels: Mapping[str, int],
    colonies: Mapping[str, float | None] | None,
) -> GenerationReport:
    ledger = world.ledger
    holders = [("organisms", "organism"), ("niches", "niche"), ("commons", "commons")]
    holders += [] if rules.colonies is None else [("pots", "pot")]
    by_niche: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        by_niche.setdefault(outcome.encounter.niche, []).append(outcome)
    faults = Counter(score.reason for outcome in outcomes for score in outcome.scores if score.reason)
    faults.update(result.fault for result in learning.learnt.values() if result.fault)
    reasons = sorted({reason for reason, _, _ in flows.totals})
    return GenerationReport(
        generation=world.generation,
        num_living=len(world.population),
        num_lineages=len(world.population.lineage_counts()),
        births=dict(sorted(Counter(event.kind for event in events if isinstance(event, Birth)).items())),
        deaths=dict(sorted(Counter(str(event.cause) for event in events if isinstance(event, Death)).items())),
        energy={kind: to_energy(ledger.total(name)) for kind, name in holders},
        flows={str(reason): to_energy(flows.total(reason)) for reason in reasons},
        residual=flows.residual,
        mean_score=_mean([outcome.mean_score for outcome in outcomes]),
        niche_scores={name: _mean([o.mean_score for o in own]) for name, own in sorted(by_niche.items())},
        niche_visitors={name: len({o.encounter.organism_id for o in own}) for name, own in sorted(by_niche.items())},
        niche_stocks={niche.name: to_energy(ledger.balance(stages.account_of(niche))) for niche in rules.niches},
        num_answers=sum(len(outcome.answers) for outcome in outcomes),
        num_tokens=sum(outcome.num_tokens for outcome in outcomes),
        num_learners=len(learning.learnt),
        learning_tokens=learning.tokens,
        faults=dict(sorted(faults.items())),
        traits=_mean_traits(world),
        best=_best(world),
        ecology=ecology,
        niche_levels=levels,
        colonies=colonies,
        archive=measure_archive(world, events),
    )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def _mean_traits(world: World) -> dict[str, float]:
    traits = [organism.active.traits for organism in world.population]
    return {
        "rank": _mean([t.rank for t in traits]),
        "mutation_scale": _mean([t.mutation_scale for t in traits]),
        "learning_rate": _mean([t.learning_rate for t in traits]),
        "temperature": _mean([t.temperature for t in traits]),
        "answer_limit": _mean([t.answer_limit for t in traits]),
        "num_examples": _mean([t.num_examples for t in traits]),
    }


def _best(world: World, count: int = 8) -> tuple[OrganismSummary, ...]:
    """The richest organisms."""
    ranked = sorted(world.population, key=lambda o: (-world.ledger.balance(o.account), o.id))[:count]
    summaries = []
    for organism in ranked:
        niche, score = max(sorted(organism.competence.items()), key=lambda item: item[1], default=("", 0.0))
        summaries.append(
            OrganismSummary(
                organism.id,
                organism.lineage,
                organism.age(world.generation),
                to_energy(world.ledger.balance(organism.account)),
                niche,
                score,
                organism.kind,
                organism.active.traits.rank,
                organism.active.traits.num_examples,
            )
        )
    return tuple(summaries)

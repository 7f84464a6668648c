"""From a world file's settings to living objects: niches, rules and founders. Only this and `build` know both."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from evolora.config.archive import AxisConfig
from evolora.config.colonies import ColoniesConfig
from evolora.config.traits import TraitConfig
from evolora.config.world import NicheConfig, ReproductionConfig, WorldConfig
from evolora.environment.difficulty import Difficulty, Track
from evolora.environment.families.registry import make_family
from evolora.environment.niche import Niche
from evolora.environment.seasons import Season, Shock
from evolora.environment.selftest import refuse_failing
from evolora.environment.tasks import TaskSource
from evolora.errors import ConfigError
from evolora.events import Event
from evolora.exams import ExamPlan, Exams
from evolora.lifecycle.arrival import Arrivals
from evolora.lifecycle.behaviour import BY_NUMBER, Axis
from evolora.lifecycle.colony_rules import ColonyRules, Contract, Fate, Forwarding, Signing
from evolora.lifecycle.extinction import Extinction
from evolora.lifecycle.foraging import Forager
from evolora.lifecycle.heredity import Heredity
from evolora.lifecycle.learning import Evolution, Imitate, ImitateSelf, LearningMethod, Reinforce
from evolora.lifecycle.ledger import SOURCE, Reason, to_units
from evolora.lifecycle.metabolism import Prices
from evolora.lifecycle.reproduction import Breeder, found
from evolora.lifecycle.sharing import Sharing
from evolora.lifecycle.survival import Survival
from evolora.organism.founding import Founding, draw_traits
from evolora.organism.genome import Genome, SiteShape
from evolora.organism.merging import MERGES
from evolora.organism.mutation import MUTATIONS
from evolora.organism.traits import TraitRange, Traits
from evolora.record.immigrant import immigrate
from evolora.rng import stream
from evolora.stages import account_of
from evolora.world import Archiving, Diet, Rules, World

LOGARITHMIC = frozenset({"mutation_scale", "learning_rate"})


def build_rules(config: WorldConfig) -> Rules:
    """Niches (self-tested) and the rules of life."""
    if problems := operator_problems(config.reproduction):
        raise ConfigError([f"reproduction.{key}: {problem}" for key, problem in problems])
    niches = [build_niche(niche) for niche in config.niches]
    ladders = build_ladders(config)
    tasks = TaskSource(config.seed, with_trials=config.colonies.enabled)
    refuse_failing([*niches, *(niche for ladder in ladders.values() for niche in ladder)], tasks)
    energy, reproduction, difficulty = config.energy, config.reproduction, config.difficulty
    return Rules(
        seed=config.seed,
        niches=niches,
        tasks=tasks,
        seasons=[Season(s.niche, s.period, s.amplitude, s.phase) for s in config.seasons],
        shocks=[Shock(s.niche, s.at, s.factor, s.duration, s.quantity) for s in config.shocks],
        diet=Diet(config.encounters.visits, config.encounters.answers_per_task, config.encounters.tasks_per_niche),
        forager=Forager(
            config.encounters.preference_weight,
            config.encounters.profit_weight,
            config.encounters.choice == "even",
            config.encounters.scent_weight,
        ),
        prices=build_prices(config),
        survival=Survival(config.death.insolvency, config.death.max_age),
        breeder=_build_breeder(config) if reproduction.enabled else None,
        heredity=Heredity(
            mutations=reproduction.mutation,
            merges={str(name): weight for name, weight in reproduction.merging.items()},
            trait_ranges=_ranges(config, founding=False),
            preference_step=config.traits.niche_preference_step,
            decay=config.genome.decay,
            lamarckian=config.learning.inheritance == "lamarckian",
            inherit_optimizer=config.learning.inherit_optimizer,
        ),
        heir=energy.remains,
        sharing=Sharing(config.sharing.rule, config.sharing.alpha),
        extinctions=[Extinction(e.at, e.share, e.by, e.every, e.niche or "") for e in config.extinctions],
        difficulty=None
        if difficulty.rule == "fixed"
        else Difficulty(
            difficulty.rule,
            difficulty.harder_above,
            difficulty.easier_below,
            difficulty.smoothing,
            difficulty.rest,
            difficulty.explore,
        ),
        ladders=ladders,
        commons_release=energy.commons_release,
        learning=_learning_method(config),
        averaged=config.learning.averaged,
        neutral=config.selection == "neutral",
        economy=config.economy,
        random_death=config.death.victims == "random",
        colonies=build_colony_rules(config.colonies) if config.colonies.enabled else None,
        archive=build_archiving(config) if config.archive.enabled else None,
        arrivals=_build_arrivals(config),
    )


def _build_breeder(config: WorldConfig) -> Breeder:
    """Who breeds; without an economy nobody pays for it."""
    reproduction = config.reproduction
    return Breeder(
        threshold=reproduction.threshold if config.economy else 0.0,
        endowment=reproduction.endowment if config.economy else 0.0,
        reserve=config.energy.upkeep if config.economy else 0.0,
        max_births=reproduction.max_births_per_generation,
        merge_prob=reproduction.merge_prob,
        mate=reproduction.mate,
        crowding=config.death.crowding,
        capacity=config.population.capacity,
    )


def build_archiving(config: WorldConfig) -> Archiving:
    """How a world's elites are kept.

    Raises:
        ConfigError: pyribs is not installed.
    """
    if find_spec("ribs") is None:
        raise ConfigError(
            "archive.enabled: expected the package ribs, which keeps an archive's cells, got none; "
            "install it: pip install 'evolora[archive]'"
        )
    axes = tuple(_axis(axis, config) for axis in config.archive.axes)
    return Archiving(axes, config.archive.objective, config.archive.least_tasks, config.archive.parents)


def _axis(axis: AxisConfig, config: WorldConfig) -> Axis:
    """The axis with its bounds: those given, else all that its behaviour can be."""
    if axis.behaviour in BY_NUMBER:
        return Axis(axis.behaviour, 0.0, float(len(config.niches)), len(config.niches))
    ranges = _ranges(config, founding=False)
    trait = ranges.get("answer_limit" if axis.behaviour == "answer_tokens" else axis.behaviour)
    whole = (0.0, 1.0) if trait is None else (0.0 if axis.behaviour == "answer_tokens" else trait.low, trait.high)
    low, high = axis.bounds or whole
    return Axis(axis.behaviour, low, high, axis.bins or 1)


def build_colony_rules(colonies: ColoniesConfig) -> ColonyRules:
    """What a world's colonies go by."""
    return ColonyRules(
        Forwarding(colonies.forwarding_cost, colonies.forwarding_margin, colonies.finder_share, colonies.doubt),
        Contract(colonies.pot_share, colonies.stake, colonies.window),
        Signing(
            colonies.founding_size,
            colonies.max_size,
            colonies.trial_tasks,
            colonies.trial_errors,
            colonies.trials_per_generation,
        ),
        Fate(colonies.audit_every, colonies.patience, colonies.bud_pot, colonies.founding_size),
    )


def build_prices(config: WorldConfig) -> Prices:
    """What tokens, adapters and life cost in a world."""
    energy = config.energy
    if not config.economy:
        return Prices(0.0, 0.0, 0.0, 0.0, 0.0)
    return Prices(
        energy.cost_per_prompt_token,
        energy.cost_per_generated_token,
        energy.cost_per_learning_token,
        energy.cost_per_gigaparameter_token,
        energy.upkeep,
    )


def build_exams(config: WorldConfig, rules: Rules) -> Exams | None:
    """The exams that a run holds as it goes; None where its world asks for none.

    Raises:
        TaskError: a niche's family has next to no tasks.
    """
    record = config.record
    if not record.portfolio_every:
        return None
    return Exams(
        ExamPlan(record.portfolio_every, **dict(record.portfolio)),
        rules.niches,
        rules.tasks,
        Genome({}, standard_traits(config), config.genome.scaling),
    )


def standard_traits(config: WorldConfig, num_examples: int | None = None) -> Traits:
    """Traits of whoever did not evolve: the means of the founders' ranges, the highest answer limit of theirs.

    `num_examples` None takes the most worked examples a founder can have.
    """
    traits = config.traits
    return Traits(
        rank=round(sum(traits.rank.founders) / 2),
        mutation_scale=sum(traits.mutation_scale.founders) / 2,
        learning_rate=sum(traits.learning_rate.founders) / 2,
        temperature=sum(traits.temperature.founders) / 2,
        answer_limit=int(traits.answer_limit.founders[1]),
        num_examples=int(traits.num_examples.founders[1]) if num_examples is None else num_examples,
        niche_preferences={},
    )


def _learning_method(config: WorldConfig) -> LearningMethod | None:
    learning = config.learning
    methods: dict[str, LearningMethod | None] = {
        "reinforce": Reinforce(),
        "imitate_self": ImitateSelf(),
        "imitate": Imitate(),
        "evolution": Evolution(learning.pairs, learning.perturbation_scale),
        "none": None,
    }
    return methods[learning.method]


def build_ladders(config: WorldConfig) -> dict[str, list[Niche]]:
    """Niches by level, easiest first, for those whose difficulty is to move."""
    if config.difficulty.rule == "fixed":
        return {}
    ladders = [
        [build_niche(niche.model_copy(update={"level": level})) for level in range(len(niche.levels))]
        for niche in config.niches
        if len(niche.levels) > 1
    ]
    return {ladder[0].name: ladder for ladder in ladders}


def build_niche(config: NicheConfig) -> Niche:
    """The niche at the level the settings name."""
    settings = {**config.settings, **(config.levels[config.level] if config.levels else {})}
    return Niche(
        name=_niche_name(config),
        family=make_family(config.family, settings),
        price=config.price,
        pay=config.pay,
        pay_floor=config.pay_floor,
        inflow=config.inflow,
        outflow=config.outflow,
        capacity=config.capacity,
        opening=None if config.open is None else config.open.rule,
    )


def _niche_name(config: NicheConfig) -> str:
    return config.name or config.family.replace(":", "_")


def found_world(config: WorldConfig, rules: Rules, sites: Sequence[SiteShape]) -> tuple[World, list[Event]]:
    """Generation 0: stocked niches and founders, with the events of their founding."""
    world, events = World(), list[Event]()
    for niche, settings in zip(rules.niches, config.niches, strict=True):
        world.ledger.open_account(account_of(niche))
        stock = settings.inflow if settings.stock is None else settings.stock
        world.ledger.transfer(SOURCE, account_of(niche), to_units(min(stock, settings.capacity)), Reason.FOUNDING)
        if niche.name in rules.ladders:
            world.tracks[niche.name] = Track.start(settings.level, len(settings.levels))
    founding = build_founding(config)
    for number in range(config.population.founders):
        genome = founding.draw(sites, stream(config.seed, "found", number))
        events.append(found(world.population, world.ledger, genome, config.population.founder_energy, 0))
    for number, directory in enumerate(config.population.immigrants):
        genome = immigrant(config, sites, Path(directory), number)
        energy = config.population.founder_energy
        events.append(found(world.population, world.ledger, genome, energy, 0, operator="immigrant"))
    if rules.colonies is not None:
        world.colonies.free_riders.update(world.population.ids[: config.colonies.free_riders])
    world.ledger.close_generation()
    return world, events


def build_founding(config: WorldConfig) -> Founding:
    """How founders are drawn."""
    return Founding(
        ranges=_ranges(config, founding=True),
        niche_names=[_niche_name(niche) for niche in config.niches],
        preference_step=config.traits.niche_preference_step,
        scaling=config.genome.scaling,
        mutations=config.population.founder_mutations,
        rank_bounds=_ranges(config, founding=False)["rank"],
    )


def _build_arrivals(config: WorldConfig) -> Arrivals | None:
    population = config.population
    if population.arrivals is None:
        return None
    return Arrivals(
        at=population.arrivals.at,
        every=population.arrivals.every,
        number=population.arrivals.number,
        energy=population.founder_energy,
        capacity=population.capacity,
        crowding=config.death.crowding,
        founding=build_founding(config),
    )


def immigrant(config: WorldConfig, sites: Sequence[SiteShape], directory: Path, number: int) -> Genome:
    """The genome of a PEFT adapter as the world's immigrant `number`; see `immigrate` for what it raises."""
    rng = stream(config.seed, "immigrate", number)
    names = [_niche_name(niche) for niche in config.niches]
    traits = draw_traits(_ranges(config, founding=True), names, config.traits.niche_preference_step, rng)
    return immigrate(directory, sites, traits, _ranges(config, founding=False), config.genome.scaling, rng)


def _ranges(config: WorldConfig, founding: bool) -> dict[str, TraitRange]:
    """Trait name -> range: where founders are drawn, or where mutation may go."""
    ranges = {}
    for name in ("rank", "mutation_scale", "learning_rate", "temperature", "answer_limit", "num_examples"):
        trait: TraitConfig[float] = getattr(config.traits, name)
        low, high = trait.founders if founding else trait.bounds
        ranges[name] = TraitRange(low, high, trait.step, name in LOGARITHMIC)
    return ranges


def operator_problems(config: ReproductionConfig) -> list[tuple[str, str]]:
    """(Key, what is wrong) for mutation and merge operators that nobody knows or that have no weight."""
    problems = []
    for key, chosen, known in (("mutation", config.mutation, MUTATIONS), ("merging", config.merging, MERGES)):
        unknown = sorted(set(chosen) - set(known))
        if unknown:
            problems.append((key, f"expected operators out of {', '.join(sorted(known))}, got {', '.join(unknown)}"))
        elif not sum(chosen.values()):
            problems.append((key, "expected at least one weight above 0, got none; set one"))
    return problems

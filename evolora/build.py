"""From a world file's settings to living objects: the only place that knows both."""

import platform
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from evolora.config.load import dump_world, load_world
from evolora.config.world import NicheConfig, ReproductionConfig, TraitConfig, WorldConfig
from evolora.environment.families.registry import make_family
from evolora.environment.niche import Niche
from evolora.environment.seasons import Season, Shock
from evolora.environment.selftest import profile, refuse_failing
from evolora.environment.tasks import TaskSource
from evolora.errors import ConfigError, RunFolderError
from evolora.evaluation.evaluator import Evaluator, HostFacts
from evolora.evaluation.local import LocalEvaluator, LocalSetup
from evolora.events import Event
from evolora.generation import advance
from evolora.lifecycle.foraging import Forager
from evolora.lifecycle.heredity import Heredity
from evolora.lifecycle.learning import Evolution, ImitateSelf, LearningMethod, Reinforce
from evolora.lifecycle.ledger import SOURCE, Reason, to_units
from evolora.lifecycle.metabolism import Prices
from evolora.lifecycle.reproduction import Breeder, found
from evolora.lifecycle.survival import Survival
from evolora.organism.founding import draw_traits, found_genome
from evolora.organism.genome import Genome, SiteShape
from evolora.organism.merging import MERGES
from evolora.organism.mutation import MUTATIONS, mutate
from evolora.organism.traits import TraitRange
from evolora.record.checkpoint import checkpoints, load_checkpoint
from evolora.record.immigrant import immigrate
from evolora.record.run_dir import RunDir, run_name
from evolora.rng import stream
from evolora.simulation import Simulation
from evolora.stages import account_of
from evolora.world import Diet, Rules, World

DEFAULT_OUT = Path("checkpoints")
LOGARITHMIC = frozenset({"mutation_scale", "learning_rate"})


def open_run(config: WorldConfig, out: Path | None, ray_address: str | None = None) -> Simulation:
    """A new run of a world, its folder made, its founders alive.

    Raises:
        EvoloraError: anything in the file that does not work on this machine, said before anything is computed.
    """
    rules = build_rules(config)
    with _opened(config, ray_address) as evaluator:
        facts = evaluator.facts
        run_dir = RunDir.create(
            out or DEFAULT_OUT, run_name(config.name, config.seed), dump_world(config), _run_facts(config, facts)
        )
        world, founding = found_world(config, rules, facts.sites)
        return _simulation(config, world, rules, evaluator, run_dir, founding)


def _run_facts(config: WorldConfig, facts: HostFacts) -> dict[str, Any]:
    """What run.json holds: with what, and on what, the run was made."""
    return {
        "name": config.name,
        "seed": config.seed,
        "host": config.host.name,
        "host_digest": facts.digest,
        "device": facts.device,
        "dtype": facts.dtype,
        "versions": {name: version(name) for name in ("evolora", "torch", "transformers", "numpy", "reasoning-gym")},
        "elites": config.record.elites,
        "workers": config.workers,
        "threads": (config.host.threads or 1) if config.workers else torch.get_num_threads(),
        "python": platform.python_version(),
        "machine": platform.machine(),
    }


@contextmanager
def _opened(config: WorldConfig, ray_address: str | None) -> Iterator[Evaluator]:
    """Whoever answers for the world; let go again if what is done with it fails."""
    evaluator = open_evaluator(config, ray_address)
    try:
        yield evaluator
    except BaseException:
        evaluator.close()
        raise


def resume_run(
    path: Path, generations: int | None = None, workers: int | None = None, ray_address: str | None = None
) -> Simulation:
    """A run as its last checkpoint left it; what was logged after that is cut off and lived again.

    `generations` and `workers` None are the world's own.

    Raises:
        RunFolderError: no run, or no whole checkpoint, at `path`, or another host than the run began with.
    """
    run_dir = RunDir.open(path)
    config = load_world(str(path / "world.yaml"))
    saved = checkpoints(path)
    if not saved:
        raise RunFolderError(f"{path}: expected a checkpoint, got none; start the world again with `evolora simulate`")
    world, log_sizes = load_checkpoint(saved[-1])
    changes = {"generations": generations, "workers": workers}
    config = config.model_copy(update={key: value for key, value in changes.items() if value is not None})
    rules = build_rules(config)
    with _opened(config, ray_address) as evaluator:
        check_host(run_dir, evaluator.facts.digest)
        run_dir.cut_logs(log_sizes)
        return _simulation(config, world, rules, evaluator, run_dir, ())


def check_host(run_dir: RunDir, digest: str) -> None:
    """Refuse to go on with another host than the run began with."""
    began = run_dir.info()["host_digest"]
    if began != digest:
        raise RunFolderError(
            f"{run_dir.path}: expected the host the run began with (digest {began[:12]}), "
            f"got {digest[:12]}; bring that host back or start anew"
        )


def reopen(path: Path) -> tuple[LocalEvaluator, Prices]:
    """The host of a run, ready to answer, and the prices of its world.

    Raises:
        RunFolderError: no run at `path`, or another host than the run began with.
    """
    run_dir = RunDir.open(path)
    config = load_world(str(path / "world.yaml"))
    evaluator = build_evaluator(config)
    check_host(run_dir, evaluator.host.digest)
    return evaluator, build_prices(config)


def _simulation(
    config: WorldConfig,
    world: World,
    rules: Rules,
    evaluator: Evaluator,
    run_dir: RunDir,
    founding: Sequence[Event],
) -> Simulation:
    return Simulation(
        name=config.name,
        world=world,
        rules=rules,
        evaluator=evaluator,
        run_dir=run_dir,
        generations=config.generations,
        checkpoint_every=config.record.checkpoint_every,
        keep_checkpoints=config.record.keep_checkpoints,
        founding=founding,
        ecology_every=config.record.ecology_every,
    )


def build_evaluator(config: WorldConfig) -> LocalEvaluator:
    """The host with its adapted sites in this process, ready to answer and learn."""
    return _setup(config).open()


def open_evaluator(config: WorldConfig, ray_address: str | None = None) -> Evaluator:
    """Whoever answers for a world: this process, or Ray workers if it asks for some or a cluster is named."""
    if not config.workers and ray_address is None:
        return build_evaluator(config)
    from evolora.evaluation.ray_pool import RayEvaluator  # half a second that most runs need not wait for

    return RayEvaluator(_setup(config), config.workers, ray_address)


def _setup(config: WorldConfig) -> LocalSetup:
    host, layers = config.host, config.genome.layers
    return LocalSetup(
        host=host.name,
        device=host.device,
        dtype=host.dtype,
        threads=host.threads,
        modules=tuple(config.genome.modules),
        layers=layers if isinstance(layers, str) else tuple(layers),
        system_prompt=host.system_prompt,
        max_batch_tokens=host.max_batch_tokens,
        max_learning_tokens=host.max_learning_tokens,
        max_gradient_norm=config.learning.max_gradient_norm,
    )


def build_rules(config: WorldConfig) -> Rules:
    """Niches (self-tested) and the rules of life."""
    if problems := operator_problems(config.reproduction):
        raise ConfigError([f"reproduction.{key}: {problem}" for key, problem in problems])
    niches = [build_niche(niche) for niche in config.niches]
    tasks = TaskSource(config.seed)
    refuse_failing(niches, tasks)
    energy, reproduction = config.energy, config.reproduction
    return Rules(
        seed=config.seed,
        niches=niches,
        tasks=tasks,
        seasons=[Season(s.niche, s.period, s.amplitude, s.phase) for s in config.seasons],
        shocks=[Shock(s.niche, s.at, s.factor, s.duration, s.quantity) for s in config.shocks],
        diet=Diet(config.encounters.visits, config.encounters.answers_per_task, config.encounters.tasks_per_niche),
        forager=Forager(config.encounters.preference_weight, config.encounters.profit_weight),
        prices=build_prices(config),
        survival=Survival(config.death.insolvency, config.death.max_age),
        breeder=Breeder(
            threshold=reproduction.threshold,
            endowment=reproduction.endowment,
            reserve=energy.upkeep,
            max_births=reproduction.max_births_per_generation,
            merge_prob=reproduction.merge_prob,
            mate=reproduction.mate,
            crowding=config.death.crowding,
            capacity=config.population.capacity,
        )
        if reproduction.enabled
        else None,
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
        commons_release=energy.commons_release,
        learning=_learning_method(config),
        neutral=config.selection == "neutral",
    )


def build_prices(config: WorldConfig) -> Prices:
    """What tokens, adapters and life cost in a world."""
    energy = config.energy
    return Prices(
        energy.cost_per_prompt_token,
        energy.cost_per_generated_token,
        energy.cost_per_learning_token,
        energy.cost_per_gigaparameter_token,
        energy.upkeep,
    )


def _learning_method(config: WorldConfig) -> LearningMethod | None:
    learning = config.learning
    methods: dict[str, LearningMethod | None] = {
        "reinforce": Reinforce(),
        "imitate_self": ImitateSelf(),
        "evolution": Evolution(learning.pairs, learning.perturbation_scale),
        "none": None,
    }
    return methods[learning.method]


def build_niche(config: NicheConfig) -> Niche:
    return Niche(
        name=_niche_name(config),
        family=make_family(config.family, config.settings),
        price=config.price,
        pay=config.pay,
        pay_floor=config.pay_floor,
        inflow=config.inflow,
        outflow=config.outflow,
        capacity=config.capacity,
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
    names = [niche.name for niche in rules.niches]
    founding_ranges = _ranges(config, founding=True)
    for number in range(config.population.founders):
        rng = stream(config.seed, "found", number)
        traits = draw_traits(founding_ranges, names, config.traits.niche_preference_step, rng)
        genome = found_genome(sites, traits, config.genome.scaling, rng)
        for _ in range(config.population.founder_mutations):
            genome = mutate("gaussian", genome, rules.heredity.trait_ranges["rank"], rng)
        events.append(found(world.population, world.ledger, genome, config.population.founder_energy, 0))
    for number, directory in enumerate(config.population.immigrants):
        genome = immigrant(config, sites, Path(directory), number)
        energy = config.population.founder_energy
        events.append(found(world.population, world.ledger, genome, energy, 0, operator="immigrant"))
    world.ledger.close_generation()
    return world, events


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
        trait: TraitConfig = getattr(config.traits, name)
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


@dataclass(frozen=True)
class Plan:
    """What a run would take: `rows` of (what, how much), for people to read."""

    rows: list[tuple[str, str]]


def plan(config: WorldConfig) -> Plan:
    """Found the world in memory, live its first generation, and say what all of them would take. Nothing is written."""
    rules = build_rules(config)
    with closing(open_evaluator(config)) as evaluator:
        facts = evaluator.facts
        world, _ = found_world(config, rules, facts.sites)
        genome = next(iter(world.population)).genome
        start = time.perf_counter()
        report = advance(world, rules, evaluator).report
        seconds = time.perf_counter() - start
    by_gradient = config.learning.method in ("reinforce", "imitate_self")
    copies = 3 if by_gradient else 1  # float32 weights, and Adam's two moments
    adapters = config.population.capacity * genome.num_parameters * 4 * copies
    return Plan(
        [
            (
                "host",
                f"{facts.name}, {facts.num_parameters / 1e6:.0f} M parameters, {facts.device}, {facts.dtype}",
            ),
            (
                "sites",
                f"{len(facts.sites)} matrices, {genome.num_parameters / 1e6:.2f} M weights",
            ),
            ("organisms", f"{config.population.founders} founders, room for {config.population.capacity}"),
            *_niche_rows(rules),
            (
                "answers",
                _in_all(report.num_answers, config.generations),
            ),
            (
                "tokens",
                _in_all(report.num_tokens + report.learning_tokens, config.generations),
            ),
            ("memory", f"about {adapters / 2**20:,.0f} MiB of adapters beside the host"),
            ("checkpoints", f"{config.record.keep_checkpoints + 1} of up to {adapters / 2**20:,.0f} MiB"),
            (
                "time",
                f"first generation {seconds:.0f} s, all about {_duration(seconds * config.generations)}",
            ),
        ]
    )


def _niche_rows(rules: Rules) -> list[tuple[str, str]]:
    """Each niche's best constant answer: a score an organism may reach by saying the same thing for ever."""
    constants = [(niche.name, profile(niche).constant) for niche in rules.niches]
    return [(f"niche {name}", f"constant answer {best.answer!r} scores {best.score:.2f}") for name, best in constants]


def _in_all(count: int, generations: int) -> str:
    return f"{count:,} in the first generation, about {count * generations:,} in all"


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"

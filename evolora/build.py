"""From a world file's settings to living objects: the only place that knows both."""

import gc
import json
import platform
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import torch

from evolora.config.load import dump_world, load_world
from evolora.config.world import NicheConfig, TraitConfig, WorldConfig
from evolora.environment.difficulty import Difficulty, Track
from evolora.environment.families.registry import make_family
from evolora.environment.niche import Niche
from evolora.environment.seasons import Season, Shock
from evolora.environment.selftest import profile, refuse_failing
from evolora.environment.tasks import TaskSource
from evolora.errors import ConfigError, RunFolderError
from evolora.evaluation.local import LocalEvaluator
from evolora.events import Event
from evolora.generation import advance
from evolora.host.load import load_host
from evolora.host.sites import find_sites
from evolora.lifecycle.extinction import Extinction
from evolora.lifecycle.foraging import Forager
from evolora.lifecycle.heredity import Heredity
from evolora.lifecycle.ledger import SOURCE, Reason, to_units
from evolora.lifecycle.metabolism import Prices
from evolora.lifecycle.reproduction import Breeder, found
from evolora.lifecycle.sharing import Sharing
from evolora.lifecycle.survival import Survival
from evolora.organism.founding import draw_traits, found_genome
from evolora.organism.genome import SiteShape
from evolora.organism.merging import MERGES
from evolora.organism.mutation import MUTATIONS, mutate
from evolora.organism.traits import TraitRange
from evolora.record.checkpoint import checkpoints, load_checkpoint
from evolora.record.run_dir import RunDir, run_name
from evolora.rng import stream
from evolora.simulation import Simulation
from evolora.stages import account_of
from evolora.world import Diet, Rules, World

DEFAULT_OUT = Path("checkpoints")
LOGARITHMIC = frozenset({"mutation_scale", "learning_rate"})


def open_run(config: WorldConfig, out: Path | None) -> Simulation:
    """A new run of a world, its folder made, its founders alive.

    Raises:
        EvoloraError: anything in the file that does not work on this machine, said before anything is computed.
    """
    rules = build_rules(config)
    evaluator = build_evaluator(config)
    run = {
        "name": config.name,
        "seed": config.seed,
        "host": config.host.name,
        "host_digest": evaluator.host.digest,
        "device": str(evaluator.host.device),
        "dtype": str(evaluator.host.dtype).removeprefix("torch."),
        "versions": {name: version(name) for name in ("evolora", "torch", "transformers", "numpy", "reasoning-gym")},
        "elites": config.record.elites,
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "machine": platform.machine(),
    }
    run_dir = RunDir.create(out or DEFAULT_OUT, run_name(config.name, config.seed), dump_world(config), run)
    world, founding = found_world(config, rules, evaluator.sites)
    return _simulation(config, world, rules, evaluator, run_dir, founding)


def resume_run(path: Path, generations: int | None = None) -> Simulation:
    """A run as its last checkpoint left it; what was logged after that is cut off and lived again.

    Raises:
        RunFolderError: no run, or no whole checkpoint, at `path`, or another host than the run began with.
    """
    run_dir = RunDir.open(path)
    config = load_world(str(path / "world.yaml"))
    saved = checkpoints(path)
    if not saved:
        raise RunFolderError(f"{path}: expected a checkpoint, got none; start the world again with `evolora simulate`")
    world, log_sizes = load_checkpoint(saved[-1])
    rules, evaluator = build_rules(config), build_evaluator(config)
    check_host(run_dir, evaluator.host.digest)
    run_dir.cut_logs(log_sizes)
    if generations is not None:
        config = config.model_copy(update={"generations": generations})
    return _simulation(config, world, rules, evaluator, run_dir, ())


def check_host(run_dir: RunDir, digest: str) -> None:
    """Refuse to go on with another host than the run began with."""
    began = json.loads((run_dir.path / "run.json").read_text(encoding="utf-8"))["host_digest"]
    if began != digest:
        raise RunFolderError(
            f"{run_dir.path}: expected the host the run began with (digest {began[:12]}), "
            f"got {digest[:12]}; bring that host back or start anew"
        )


def _simulation(
    config: WorldConfig,
    world: World,
    rules: Rules,
    evaluator: LocalEvaluator,
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
    )


def build_evaluator(config: WorldConfig) -> LocalEvaluator:
    """The host with its adapted sites, ready to answer and learn."""
    host = load_host(config.host.name, config.host.device, config.host.dtype, config.host.threads)
    sites = find_sites(host.model, config.genome.modules, config.genome.layers)
    gc.freeze()  # the libraries' million objects stay: walking them in every full collection costs 80 ms a generation
    return LocalEvaluator(
        host,
        sites,
        config.host.system_prompt,
        config.host.max_batch_tokens,
        config.host.max_learning_tokens,
        config.learning.max_gradient_norm,
    )


def build_rules(config: WorldConfig) -> Rules:
    """Niches (self-tested) and the rules of life."""
    _check_operators(config)
    niches = [build_niche(niche) for niche in config.niches]
    ladders = build_ladders(config)
    tasks = TaskSource(config.seed)
    refuse_failing([*niches, *(niche for ladder in ladders.values() for niche in ladder)], tasks)
    energy, reproduction, difficulty = config.energy, config.reproduction, config.difficulty
    return Rules(
        seed=config.seed,
        niches=niches,
        tasks=tasks,
        seasons=[Season(s.niche, s.period, s.amplitude, s.phase) for s in config.seasons],
        shocks=[Shock(s.niche, s.at, s.factor, s.duration, s.quantity) for s in config.shocks],
        diet=Diet(config.encounters.visits, config.encounters.answers_per_task, config.encounters.tasks_per_niche),
        forager=Forager(config.encounters.preference_weight, config.encounters.profit_weight),
        prices=Prices(
            energy.cost_per_prompt_token,
            energy.cost_per_generated_token,
            energy.cost_per_learning_token,
            energy.cost_per_gigaparameter_token,
            energy.upkeep,
        )
        if config.economy
        else Prices(0.0, 0.0, 0.0, 0.0, 0.0),
        survival=Survival(config.death.insolvency, config.death.max_age),
        breeder=Breeder(
            threshold=reproduction.threshold if config.economy else 0.0,
            endowment=reproduction.endowment if config.economy else 0.0,
            reserve=energy.upkeep if config.economy else 0.0,
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
        learning=config.learning.method != "none",
        neutral=config.selection == "neutral",
        economy=config.economy,
        random_death=config.death.victims == "random",
    )


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
        name=config.name or config.family.replace(":", "_"),
        family=make_family(config.family, settings),
        price=config.price,
        pay=config.pay,
        pay_floor=config.pay_floor,
        inflow=config.inflow,
        outflow=config.outflow,
        capacity=config.capacity,
    )


def found_world(config: WorldConfig, rules: Rules, sites: Sequence[SiteShape]) -> tuple[World, list[Event]]:
    """Generation 0: stocked niches and founders, with the events of their founding."""
    world, events = World(), list[Event]()
    for niche, settings in zip(rules.niches, config.niches, strict=True):
        world.ledger.open_account(account_of(niche))
        stock = settings.inflow if settings.stock is None else settings.stock
        world.ledger.transfer(SOURCE, account_of(niche), to_units(min(stock, settings.capacity)), Reason.FOUNDING)
        if niche.name in rules.ladders:
            world.tracks[niche.name] = Track.start(settings.level, len(settings.levels))
    names = [niche.name for niche in rules.niches]
    founding_ranges = _ranges(config, founding=True)
    for number in range(config.population.founders):
        rng = stream(config.seed, "found", number)
        traits = draw_traits(founding_ranges, names, config.traits.niche_preference_step, rng)
        genome = found_genome(sites, traits, config.genome.scaling, rng)
        for _ in range(config.population.founder_mutations):
            genome = mutate("gaussian", genome, rules.heredity.trait_ranges["rank"], rng)
        events.append(found(world.population, world.ledger, genome, config.population.founder_energy, 0))
    world.ledger.close_generation()
    return world, events


def _ranges(config: WorldConfig, founding: bool) -> dict[str, TraitRange]:
    """Trait name -> range: where founders are drawn, or where mutation may go."""
    ranges = {}
    for name in ("rank", "mutation_scale", "learning_rate", "temperature", "answer_limit", "num_examples"):
        trait: TraitConfig = getattr(config.traits, name)
        low, high = trait.founders if founding else trait.bounds
        ranges[name] = TraitRange(low, high, trait.step, name in LOGARITHMIC)
    return ranges


def _check_operators(config: WorldConfig) -> None:
    problems = []
    for key, chosen, known in (
        ("reproduction.mutation", config.reproduction.mutation, MUTATIONS),
        ("reproduction.merging", config.reproduction.merging, MERGES),
    ):
        unknown = sorted(set(chosen) - set(known))
        if unknown:
            problems.append(f"{key}: expected operators out of {', '.join(sorted(known))}, got {', '.join(unknown)}")
        elif not sum(chosen.values()):
            problems.append(f"{key}: expected at least one weight above 0, got none; set one")
    if problems:
        raise ConfigError(problems)


@dataclass(frozen=True)
class Plan:
    """What a run would take: `rows` of (what, how much), for people to read."""

    rows: list[tuple[str, str]]


def plan(config: WorldConfig) -> Plan:
    """Found the world in memory, live its first generation, and say what all of them would take. Nothing is written."""
    rules, evaluator = build_rules(config), build_evaluator(config)
    world, _ = found_world(config, rules, evaluator.sites)
    genome = next(iter(world.population)).genome
    start = time.perf_counter()
    report = advance(world, rules, evaluator).report
    seconds = time.perf_counter() - start
    copies = 3 if rules.learning else 1  # float32 weights, and Adam's two moments
    adapters = config.population.capacity * genome.num_parameters * 4 * copies
    host, dtype = evaluator.host, str(evaluator.host.dtype).removeprefix("torch.")
    return Plan(
        [
            (
                "host",
                f"{host.name}, {host.num_parameters / 1e6:.0f} M parameters, {host.device}, {dtype}",
            ),
            (
                "sites",
                f"{len(evaluator.sites)} matrices, {genome.num_parameters / 1e6:.2f} M weights",
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

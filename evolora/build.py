"""From a world file to a run: opened anew, resumed, or only its evaluator."""

import gc
import platform
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from evolora.blueprint import build_exams, build_prices, build_rules, found_world
from evolora.config.load import dump_world, load_world
from evolora.config.world import WorldConfig
from evolora.errors import RunFolderError
from evolora.evaluation.evaluator import Evaluator, HostFacts
from evolora.evaluation.local import LocalEvaluator, LocalSetup
from evolora.events import Event
from evolora.exams import Exams
from evolora.lifecycle.metabolism import Prices
from evolora.record.checkpoint import checkpoints, load_checkpoint
from evolora.record.run_dir import RunDir, run_name, write_atomically
from evolora.simulation import Simulation
from evolora.world import Rules, World

DEFAULT_OUT = Path("checkpoints")


def open_run(
    config: WorldConfig, out: Path | None, ray_address: str | None = None, name: str | None = None
) -> Simulation:
    """A new run of a world, its folder made (called `name`, or after world, seed and date), its founders alive.

    Raises:
        EvoloraError: anything in the file that does not work on this machine, said before anything is computed.
    """
    rules = build_rules(config)
    exams = build_exams(config, rules)
    with _opened(config, ray_address) as evaluator:
        facts = evaluator.facts
        called = name or run_name(config.name, config.seed)
        run_dir = RunDir.create(out or DEFAULT_OUT, called, dump_world(config), _run_facts(config, facts))
        world, founding = found_world(config, rules, facts.sites)
        return _simulation(config, world, rules, evaluator, run_dir, founding, exams)


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

    `generations` and `workers` None are the world's own; more generations become the run's own.

    Raises:
        RunFolderError: no run, or no whole checkpoint, at `path`, another host than the run began with, or another
            process that lives it.
    """
    run_dir = RunDir.open(path)
    began = load_world(str(path / "world.yaml"))
    saved = checkpoints(path)
    if not saved:
        raise RunFolderError(f"{path}: expected a checkpoint, got none; start the world again with `evolora simulate`")
    run_dir.hold()
    world, log_sizes = load_checkpoint(saved[-1])
    changes = {"generations": generations, "workers": workers}
    config = began.model_copy(update={key: value for key, value in changes.items() if value is not None})
    rules = build_rules(config)
    exams = build_exams(config, rules)
    with _opened(config, ray_address) as evaluator:
        check_host(run_dir, evaluator.facts.digest)
        run_dir.cut_logs(log_sizes)
        if generations is not None and generations > world.generation:
            write_atomically(path / "world.yaml", dump_world(began.model_copy(update={"generations": generations})))
        return _simulation(config, world, rules, evaluator, run_dir, (), exams)


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


def reopen_rules(path: Path) -> Rules:
    """The rules of a run's world, its task families tried as at its beginning.

    Raises:
        EvoloraError: no run at `path`, or families that this machine does not have.
    """
    RunDir.open(path)
    return build_rules(load_world(str(path / "world.yaml")))


def _simulation(
    config: WorldConfig,
    world: World,
    rules: Rules,
    evaluator: Evaluator,
    run_dir: RunDir,
    founding: Sequence[Event],
    exams: Exams | None,
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
        exams=exams,
    )


def build_evaluator(config: WorldConfig) -> LocalEvaluator:
    """The host with its adapted sites in this process, ready to answer and learn."""
    evaluator = _setup(config).open()
    gc.freeze()  # the libraries' million objects stay: walking them in every full collection costs 80 ms a generation
    return evaluator


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

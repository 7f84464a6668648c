"""Live a bundle's world again and hold it against what was recorded, generation by generation."""

import json
import os
import tempfile
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evolora.build import open_run
from evolora.config.world import WorldConfig
from evolora.errors import BundleError
from evolora.generation import GenerationReport
from evolora.host.device import choose_device
from evolora.host.registry import HOSTS
from evolora.record.run_dir import EVENTS, LIVES, METRICS, RunDir, to_json
from evolora.share.check import check_run, refuse_code
from evolora.share.manifest import RunRecord
from evolora.share.row_compare import Comparison, compare_rows
from evolora.share.unpack import Unpacked, unpack
from evolora.simulation import RunSummary, Simulation

# What a stranger's world may ask of this machine before anybody has looked at it.
MOST_ORGANISMS = 100_000
MOST_ANSWERS = 10_000_000  # a generation


@dataclass(frozen=True)
class Replay:
    """What replaying found. `circumstances` are (what, recorded, here) where they differ; `same_files`: same bytes."""

    world: str
    generations: int
    comparisons: tuple[Comparison, ...]
    circumstances: tuple[tuple[str, str, str], ...]
    same_files: tuple[str, ...]

    @property
    def parted(self) -> Comparison | None:
        """The first generation that is another one, if there is one."""
        return next((found for found in self.comparisons if found.verdict == "parted"), None)


@dataclass
class _Beside:
    """An observer that compares each generation with the recorded one, and asks to stop where they part."""

    recorded: list[dict[str, Any]]
    announce: Callable[[Comparison], None]
    comparisons: list[Comparison] = field(default_factory=list)

    def started(self, simulation: Simulation) -> None:
        """Nothing is known yet."""

    def generation(self, report: GenerationReport, seconds: float) -> None:
        """Compare, and say so."""
        lived = json.loads(to_json(report.to_row()))
        self.comparisons.append(compare_rows(self.recorded[report.generation - 1], lived))
        self.announce(self.comparisons[-1])

    def finished(self, summary: RunSummary) -> None:
        """All has been said."""

    def done(self) -> bool:
        """They have parted, or there is nothing left to compare."""
        parted = bool(self.comparisons) and self.comparisons[-1].verdict == "parted"
        return parted or len(self.comparisons) == len(self.recorded)


def replay(
    bundle: Path,
    announce: Callable[[Comparison], None],
    out: Path | None = None,
    host: str | None = None,
    trust_code: bool = False,
    should_stop: Callable[[], bool] = lambda: False,
) -> Replay:
    """Unpack and check a bundle, live its world as far as it was lived or until it parts, and compare.

    The world lives in a temporary folder, or in `out`. Device, number format and threads are the recorded ones where
    this machine has them. `host` takes the place of the host's name; a name that is no registry's needs it.

    Raises:
        BundleError: the bundle is refused, or its world asks for what a stranger may not ask for.
    """
    with tempfile.TemporaryDirectory(prefix="evolora-replay-") as scratch:
        unpacked = unpack(bundle, Path(scratch) / "bundle")
        world = safe_world(unpacked, host, trust_code)
        recorded = RunDir.open(unpacked.folder).read(METRICS)
        beside = _Beside(recorded, announce)
        simulation = open_run(_as_recorded(world, unpacked.record, len(recorded)), out or Path(scratch) / "runs")
        with closing(simulation):
            simulation.run([beside], lambda: beside.done() or should_stop())
        folder = simulation.run_dir.path
        here = check_run((folder / "run.json").read_bytes(), "run.json")
        return Replay(
            world=world.name,
            generations=len(recorded),
            comparisons=tuple(beside.comparisons),
            circumstances=_differing(unpacked.record.circumstances(), here.circumstances()),
            same_files=tuple(name for name in (METRICS, EVENTS, LIVES) if _same(unpacked.folder / name, folder / name)),
        )


def safe_world(unpacked: Unpacked, host: str | None, trust_code: bool) -> WorldConfig:
    """The world of a bundle, if living it opens no path and runs no code that a stranger chose.

    Raises:
        BundleError: it does, or it is too large to be meant well.
    """
    world = unpacked.world
    if not trust_code:
        refuse_code(world, "bundle")
    if host is None and world.host.name not in HOSTS:
        raise BundleError(
            f"host {world.host.name!r}: expected one of {', '.join(HOSTS)}, got a path or a hub id that the author "
            f"chose; if you have that model (digest {unpacked.record.host_digest[:12]}), give it with --host"
        )
    if world.population.immigrants:
        raise BundleError(
            f"population.immigrants: expected none, got {len(world.population.immigrants)} folder(s) of the author's, "
            "which are not in the bundle; unpack it, name your own copies in world.yaml, and simulate that"
        )
    organisms = max(world.population.founders, world.population.capacity)
    answers = organisms * world.encounters.visits * world.encounters.answers_per_task
    if organisms > MOST_ORGANISMS or answers > MOST_ANSWERS:
        raise BundleError(
            f"expected a world of at most {MOST_ORGANISMS:,} organisms and {MOST_ANSWERS:,} answers a generation, "
            f"got {organisms:,} and {answers:,}; unpack it and look at world.yaml"
        )
    return world if host is None else _with_host(world, name=host)


def _as_recorded(world: WorldConfig, record: RunRecord, generations: int) -> WorldConfig:
    """The world on the recorded kind of device where there is one here, long enough for the generations lived.

    Its own length stays: a run's last generation is measured more thoroughly, one at which it was stopped is not.
    """
    changes: dict[str, object] = {"threads": min(record.threads, os.cpu_count() or 1)}
    device = record.device.partition(":")[0]
    if device == "cpu" or choose_device("auto").type == device:
        changes["device"] = device
    if record.dtype in ("float32", "bfloat16"):
        changes["dtype"] = record.dtype
    return _with_host(world, **changes).model_copy(update={"generations": max(world.generations, generations)})


def _with_host(world: WorldConfig, **changes: object) -> WorldConfig:
    return world.model_copy(update={"host": world.host.model_copy(update=changes)})


def _differing(recorded: Mapping[str, str], here: Mapping[str, str]) -> tuple[tuple[str, str, str], ...]:
    names = [name for name in dict.fromkeys([*recorded, *here]) if recorded.get(name) != here.get(name)]
    return tuple((name, recorded.get(name, "none"), here.get(name, "none")) for name in names)


def _same(recorded: Path, lived: Path) -> bool:
    return recorded.is_file() and recorded.read_bytes() == lived.read_bytes()

"""Evolora from Python: load a world, live it, look at a run.

    import evolora

    world = evolora.World.load("tidepool", set={"generations": 5})
    run = evolora.simulate(world)
    run.metrics().to_pandas().plot("generation", "mean_score")

Tables are pyarrow's, which is installed with Evolora: `.to_pandas()` and `.to_pylist()` turn them into what you like.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from evolora.config.load import dump_world, load_world
from evolora.config.world import WorldConfig
from evolora.errors import ConfigError, EvoloraError
from evolora.record.run_dir import EVENTS, LIVES, METRICS, RunDir

if TYPE_CHECKING:  # torch takes seconds to import: only when something is lived or organisms are read
    from evolora.generation import GenerationReport
    from evolora.record.residents import Residents
    from evolora.simulation import Observer, RunSummary, Simulation


class World:
    """The settings of a world, checked. `load` makes one."""

    def __init__(self, config: WorldConfig) -> None:
        self._config = config

    @classmethod
    def load(cls, path_or_name: str | Path, set: Mapping[str, object] | None = None) -> "World":
        """The world in a file, or the shipped one of that name.

        `set` changes settings by their dotted keys, as `--set` does: `{"energy.upkeep": 0.2, "niches.0.price": 2}`.

        Raises:
            ConfigError: with every mistake in the file and in `set`, one a line.
        """
        try:
            overrides = [f"{key}={json.dumps(value)}" for key, value in (set or {}).items()]
        except TypeError as error:
            raise ConfigError(f"set: expected numbers, texts, lists and mappings as values, got {error}") from error
        return cls(load_world(str(path_or_name), overrides))

    @property
    def name(self) -> str:
        return self._config.name

    @property
    def seed(self) -> int:
        return self._config.seed

    @property
    def generations(self) -> int:
        return self._config.generations

    @property
    def settings(self) -> dict[str, Any]:
        """Every setting as plain values, defaults included. A copy: changing it changes nothing."""
        return self._config.model_dump(mode="json")

    def to_yaml(self) -> str:
        """The resolved world file: `World.load` reads the same world back."""
        return dump_world(self._config)

    def __repr__(self) -> str:
        niches = ", ".join(niche.name or niche.family for niche in self._config.niches)
        return f"World({self.name!r}, seed {self.seed}, {self.generations} generations on {niches})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, World) and self._config == other._config

    def __hash__(self) -> int:
        return hash(self.to_yaml())


def simulate(
    world: World | str | Path,
    out: str | Path | None = None,
    observers: "Sequence[Observer | Callable[[GenerationReport], object]]" = (),
) -> "Run":
    """Live a world to its end and return its run, a new folder in `out` (None: `checkpoints`).

    `observers` look on: functions are called with each generation's report, objects see start and end too (see
    `evolora.simulation.Observer`). Interrupted, the last checkpoint stays: `evolora simulate --resume` goes on.

    Raises:
        EvoloraError: anything that does not work on this machine, said before anything is computed.
    """
    from evolora.build import open_run
    from evolora.share.elites import export_elites

    whole = world if isinstance(world, World) else World.load(world)
    simulation = open_run(whole._config, None if out is None else Path(out))
    with closing(simulation):
        simulation.run([_Caller(observer) if callable(observer) else observer for observer in observers])
    export_elites(simulation.run_dir.path)
    return Run(simulation.run_dir)


class _Caller:
    """A function as an observer."""

    def __init__(self, function: "Callable[[GenerationReport], object]") -> None:
        self._function = function

    def started(self, simulation: "Simulation") -> None:
        return None

    def generation(self, report: "GenerationReport", seconds: float) -> None:
        self._function(report)

    def finished(self, summary: "RunSummary") -> None:
        return None


class Run:
    """A run's folder, read. `open` makes one; every method reads what is there now, so a run may still be going on."""

    def __init__(self, run_dir: RunDir) -> None:
        self._run_dir = run_dir

    @classmethod
    def open(cls, path: str | Path) -> "Run":
        """The run in a folder.

        Raises:
            RunFolderError: it is none.
        """
        return cls(RunDir.open(Path(path)))

    @property
    def path(self) -> Path:
        return self._run_dir.path

    @property
    def world(self) -> World:
        """The world it lives, resolved."""
        return World.load(self.path / "world.yaml")

    def metrics(self) -> pa.Table:
        """A row for every generation. Nested counts are columns of their own: `deaths.crowding`, `energy.organisms`;
        0 where a generation had none, null where it has no such value (a niche nobody came to has no score)."""
        rows = [{name: value for name, value in row.items() if name != "best"} for row in self._run_dir.read(METRICS)]
        return _table(rows, zero=("births.", "deaths.", "faults.", "flows."))

    def events(self) -> list[dict[str, Any]]:
        """Births, deaths and merges in their order; what they hold differs by `event`."""
        return self._run_dir.read(EVENTS)

    def lives(self) -> pa.Table:
        """Every organism's every generation: energy, traits, and answers, scores, tokens and meals by niche."""
        from evolora.record.lives import read_lives

        return read_lives(self.path / LIVES)

    def organisms(self) -> pa.Table:
        """The living as the last checkpoint has them, best first: who they are, their traits, scores by niche.

        `name` is what `evolora export` calls their adapters and `evolora serve` their models.
        """
        residents = self._residents()
        rows = [
            {
                "id": resident.id,
                "name": resident.name,
                "kind": resident.organism.kind,
                "parents": list(resident.organism.parents),
                "lineage": resident.organism.lineage,
                "born": resident.organism.born,
                "age": resident.organism.age(residents.generation),
                "children": resident.organism.children,
                "num_parameters": resident.organism.active.num_parameters,
                "traits": {
                    name: value
                    for name, value in vars(resident.organism.active.traits).items()
                    if name != "niche_preferences"
                },
                "scores": dict(sorted(resident.organism.competence.items())),
            }
            for resident in residents.members
        ]
        return _table(rows)

    def figure(self, name: str, generation: int | None = None, theme: str = "light") -> Any:
        """A plot of the run as a plotly figure, e.g. "muller"; `generation` None is the last.

        Raises:
            EvoloraError: there is no such plot, or the run has nothing to draw it from.
        """
        try:
            viz, data = import_module("evolora.viz"), import_module("evolora.record.run_data")
        except ModuleNotFoundError as error:
            raise EvoloraError(f"figure: expected plotly, got {error}; install evolora with its plots") from error
        panels = {panel.key: panel for panel in viz.PANELS}
        if name not in panels:
            raise EvoloraError(f"figure: expected one of {', '.join(panels)}, got {name}")
        run = data.RunData.open(self.path)
        if not panels[name].available(run):
            raise EvoloraError(f"figure: expected a run with the data of {name}, got none in {self.path}")
        return panels[name].draw(run, generation=generation, theme=theme)

    def _residents(self) -> "Residents":
        from evolora.record.residents import open_residents

        return open_residents(self.path)

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r})"


def _table(rows: Iterable[Mapping[str, Any]], zero: tuple[str, ...] = ()) -> pa.Table:
    """`rows` with nested mappings as dotted columns; what a row lacks is null, or 0 where the column begins so."""
    flat = [_flat(row) for row in rows]
    names = list(dict.fromkeys(name for row in flat for name in row))
    columns = {name: [row.get(name, 0 if name.startswith(zero) and zero else None) for row in flat] for name in names}
    return pa.table(columns)


def _flat(row: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = value
    return flat

"""A run without a language model: what `evolora simulate` needs of `evolora.build` and `evolora.forecast`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from reports import make_report

from evolora.config.world import WorldConfig
from evolora.simulation import Observer, RunSummary


@dataclass(frozen=True)
class FakeFolder:
    path: Path


@dataclass(frozen=True)
class FakePlan:
    rows: list[tuple[str, str]]


@dataclass
class FakeSimulation:
    """Lives `generations` made-up generations; `during(k)` happens in the middle of generation k."""

    name: str
    run_dir: FakeFolder
    generations: int
    during: Callable[[int], None] = lambda generation: None
    lived: int = 0
    closed: bool = False
    losses: tuple[str, ...] = ()

    def run(self, observers: Sequence[Observer], should_stop: Callable[[], bool]) -> RunSummary:
        for observer in observers:
            observer.started(self)  # type: ignore[arg-type]
        while self.lived < self.generations and not should_stop():
            self.during(self.lived + 1)
            self.lived += 1
            for observer in observers:
                observer.generation(make_report(self.lived), 0.5)
        summary = RunSummary(
            "finished" if self.lived == self.generations else "stopped", self.lived, 28, 448, 2480, 0.5
        )
        for observer in observers:
            observer.finished(summary)
        return summary

    def close(self) -> None:
        self.closed = True


@dataclass
class FakeBuild:
    """Stands in for both modules, and remembers what was asked of it."""

    folder: Path
    during: Callable[[int], None] = lambda generation: None
    fault: BaseException | None = None
    simulation: FakeSimulation | None = None
    asked: list[tuple[str, object, object]] = field(default_factory=list)

    def open_run(self, config: WorldConfig, out: Path | None, ray_address: str | None) -> FakeSimulation:
        self.asked.append(("open", config, out))
        return self._make(config.name, config.generations)

    def resume_run(
        self, path: Path, generations: int | None, workers: int | None, ray_address: str | None
    ) -> FakeSimulation:
        self.asked.append(("resume", path, generations))
        return self._make("resumed", generations or 30)

    def plan(self, config: WorldConfig) -> FakePlan:
        self.asked.append(("plan", config, None))
        return FakePlan([("world", config.name), ("tokens", "about 1,000 [a generation]")])

    def _make(self, name: str, generations: int) -> FakeSimulation:
        if self.fault is not None:
            raise self.fault
        self.simulation = FakeSimulation(name, FakeFolder(self.folder), generations, self.during)
        return self.simulation

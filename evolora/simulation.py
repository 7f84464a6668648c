"""A run: generations one after the other, each recorded before the next begins."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from evolora.bare_host import ask_bare_host
from evolora.errors import RunFolderError, WorkerError
from evolora.evaluation.evaluator import Evaluator
from evolora.events import Event
from evolora.exams import Exams
from evolora.generation import Generation, GenerationReport, advance
from evolora.record.checkpoint import checkpoints, save_checkpoint
from evolora.record.encounters import write_encounters
from evolora.record.lives import append_lives
from evolora.record.phylogeny import phylogeny_csv
from evolora.record.run_dir import (
    BARE_HOST,
    EVENTS,
    LIVES,
    METRICS,
    PORTFOLIO,
    TIMING,
    RunDir,
    to_json,
    write_atomically,
)
from evolora.world import Rules, World

End = Literal["finished", "stopped", "extinct"]


@dataclass(frozen=True)
class RunSummary:
    """How a run ended, after `generation` generations with `num_living` alive; `seconds` is this process's share."""

    end: End
    generation: int
    num_living: int
    num_answers: int
    num_tokens: int
    seconds: float


@dataclass(frozen=True)
class Exam:
    """An exam's `row` for the record, and the `seconds` it took, which are no part of it: they differ each time."""

    row: Mapping[str, Any]
    seconds: float


class Observer(Protocol):
    """Somebody who looks on. Observers never change the run."""

    def started(self, simulation: "Simulation") -> None: ...

    def generation(self, report: GenerationReport, seconds: float) -> None: ...

    def finished(self, summary: RunSummary) -> None: ...


@dataclass
class Simulation:
    """A world with its rules, its evaluator and its record. `founding` are generation 0's events, not yet recorded.

    Costly measures are taken every `ecology_every` generations and in the last. `exams` None: none are held.
    """

    name: str
    world: World
    rules: Rules
    evaluator: Evaluator
    run_dir: RunDir
    generations: int
    checkpoint_every: int
    keep_checkpoints: int
    founding: Sequence[Event] = ()
    ecology_every: int = 10
    exams: Exams | None = None

    def run(self, observers: Sequence[Observer] = (), should_stop: Callable[[], bool] = lambda: False) -> RunSummary:
        """Live until the last generation, extinction, or `should_stop`; the state is saved in every case.

        Raises:
            RunFolderError: the record cannot be written (a full disk, say); the last checkpoint stays good.
            WorkerError: nobody is left to answer, or a machine lacks memory or disk; the last whole generation is
                saved.
        """
        self.run_dir.hold()
        try:
            return self._run(observers, should_stop)
        finally:
            self.run_dir.let_go()

    def _run(self, observers: Sequence[Observer], should_stop: Callable[[], bool]) -> RunSummary:
        began = time.perf_counter()
        answers = tokens = 0
        for observer in observers:
            observer.started(self)
        try:
            self._record_founding()
            self._record_bare_host()
            while (end := self._end(should_stop())) is None:
                report, seconds = self.step()
                if self.world.generation % self.checkpoint_every == 0:
                    self._checkpoint()
                answers += report.num_answers
                tokens += report.num_tokens
                for observer in observers:
                    observer.generation(report, seconds)
            self._conclude()
        except OSError as error:
            raise self._unwritable(error) from error
        summary = RunSummary(
            end,
            self.world.generation,
            len(self.world.population),
            answers,
            tokens,
            time.perf_counter() - began,
        )
        for observer in observers:
            observer.finished(summary)
        return summary

    @property
    def losses(self) -> Sequence[str]:
        """Why each worker was lost whose work was then done again."""
        return self.evaluator.losses

    def close(self) -> None:
        """Let whoever answered go, and the run's folder. The run can be resumed, this simulation cannot."""
        self.run_dir.let_go()
        self.evaluator.close()

    def step(self) -> tuple[GenerationReport, float]:
        """Live one generation and record it, without a checkpoint: its report, and the seconds it was lived in.

        Raises:
            OSError: the record cannot be written.
            WorkerError: nobody is left to answer, or a machine lacks memory or disk; the last whole generation is
                saved.
        """
        start = time.perf_counter()
        before = self.world.snapshot()
        try:
            generation = self._advance()
            seconds = time.perf_counter() - start
            exam = self._hold_exam()
        except WorkerError as error:  # the generation counts as not lived
            self.world = before
            self._conclude()
            raise self._deserted(error) from error
        self._record(generation, seconds, exam)
        return generation.report, seconds

    def _advance(self) -> Generation:
        coming = self.world.generation + 1
        thorough = coming % self.ecology_every == 0 or coming == self.generations
        return advance(self.world, self.rules, self.evaluator, thorough)

    def _hold_exam(self) -> Exam | None:
        """The exam of the generation just lived, where one is due. The world is only looked at."""
        if self.exams is None or not self.exams.plan.due(self.world.generation, self.generations):
            return None
        start = time.perf_counter()
        row = self.exams.hold(self.world.generation, self.world.population, self.evaluator)
        return None if row is None else Exam(row, time.perf_counter() - start)

    def _end(self, stop: bool) -> End | None:
        if self.world.generation >= self.generations:
            return "finished"
        if len(self.world.population) == 0:
            return "extinct"
        return "stopped" if stop else None

    def _record_founding(self) -> None:
        if self.founding:
            self.run_dir.append(EVENTS, [event.to_row() for event in self.founding])
            self.founding = ()
            self._checkpoint()

    def _record_bare_host(self) -> None:
        """Before the first generation; a run that was begun without it goes on without it."""
        if self.world.generation or (self.run_dir.path / BARE_HOST).exists():
            return
        try:
            bare = ask_bare_host(self.rules.niches, self.rules.tasks, self.world.population, self.evaluator)
        except WorkerError as error:
            raise self._deserted(error) from error
        if bare is not None:
            write_atomically(self.run_dir.path / BARE_HOST, to_json(bare.to_row()) + "\n")

    def _record(self, generation: Generation, seconds: float, exam: Exam | None) -> None:
        """Answers first, metrics last: a row of metrics means that its generation is wholly recorded."""
        with_colonies, niches = self.rules.colonies is not None, [niche.name for niche in self.rules.niches]
        write_encounters(self.run_dir.path, self.world.generation, generation.outcomes, with_colonies)
        self.run_dir.append(EVENTS, [event.to_row() for event in generation.events])
        append_lives(self.run_dir.path / LIVES, niches, generation.lives, with_colonies)
        timing: dict[str, float] = {
            "generation": self.world.generation,
            "seconds": round(seconds, 3),
            "tokens": generation.report.num_tokens,
        }
        if exam is not None:
            self.run_dir.append(PORTFOLIO, [exam.row])
            timing["exam_seconds"] = round(exam.seconds, 3)
        self.run_dir.append(TIMING, [timing])
        self.run_dir.append(METRICS, [generation.report.to_row()])

    def _checkpoint(self) -> None:
        save_checkpoint(self.world, self.run_dir.log_sizes(), self.run_dir.path, self.keep_checkpoints)
        write_atomically(self.run_dir.path / "phylogeny.csv", phylogeny_csv(self.run_dir.read(EVENTS)))

    def _conclude(self) -> None:
        """Save the last state, unless a checkpoint already has it."""
        saved = checkpoints(self.run_dir.path)
        if not saved or int(saved[-1].name.rpartition("-")[2]) != self.world.generation:
            self._checkpoint()

    def _deserted(self, error: WorkerError) -> WorkerError:
        return WorkerError(
            f"{error}; saved after generation {self.world.generation}: go on with "
            f"`evolora simulate --resume {self.run_dir.path}`"
        )

    def _unwritable(self, error: OSError) -> RunFolderError:
        saved = checkpoints(self.run_dir.path)
        last = saved[-1].name if saved else "none yet"
        return RunFolderError(
            f"{self.run_dir.path}: expected to write the record, got {error.strerror or error}; make room, then "
            f"`evolora simulate --resume {self.run_dir.path}` goes on from the last checkpoint ({last})"
        )

"""How much of a run is not the host: the simulation's own time beside that of answering and learning."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evolora.blueprint import build_rules, found_world
from evolora.config.world import WorldConfig
from evolora.environment.encounter import Answer, Encounter
from evolora.evaluation.evaluator import Body, Evaluator, HostFacts, Reading
from evolora.organism.learning import Comparison, Learner, Learnt, Lesson
from evolora.record.run_dir import RunDir
from evolora.simulation import Simulation


@dataclass(frozen=True)
class Overhead:
    """Seconds of living `generations` generations with `num_organisms`, and what part of them the evaluator took."""

    num_organisms: int
    generations: int
    seconds: float
    evaluator_seconds: float

    @property
    def share(self) -> float:
        """The part of the time that is not the evaluator's: foraging, scoring, books, births, measures, the record."""
        return 1.0 - self.evaluator_seconds / self.seconds


class Stopwatch:
    """An evaluator that adds up how long another one takes."""

    def __init__(self, timed: Evaluator) -> None:
        self._timed, self.seconds = timed, 0.0

    @property
    def facts(self) -> HostFacts:
        return self._timed.facts

    @property
    def losses(self) -> Sequence[str]:
        return self._timed.losses

    def answer(self, bodies: Mapping[int, Body], encounters: Sequence[Encounter]) -> list[tuple[Answer, ...]]:
        start = time.perf_counter()
        answers = self._timed.answer(bodies, encounters)
        self.seconds += time.perf_counter() - start
        return answers

    def learn(self, learners: Mapping[int, Learner], lessons: Sequence[Lesson | Comparison]) -> dict[int, Learnt]:
        start = time.perf_counter()
        learnt = self._timed.learn(learners, lessons)
        self.seconds += time.perf_counter() - start
        return learnt

    def read(self, questions: Sequence[str]) -> Reading:
        start = time.perf_counter()
        reading = self._timed.read(questions)
        self.seconds += time.perf_counter() - start
        return reading

    def close(self) -> None:
        self._timed.close()


def measure_overhead(config: WorldConfig, evaluator: Evaluator, folder: Path) -> Overhead:
    """Live the world's generations with `evaluator`, recorded below `folder` without checkpoints, and part the time.

    Raises:
        EvoloraError: whatever does not work in that world.
    """
    rules, watch = build_rules(config), Stopwatch(evaluator)
    world, founding = found_world(config, rules, evaluator.facts.sites)
    run_dir = RunDir.create(folder, config.name, "", {})
    simulation = Simulation(
        name=config.name,
        world=world,
        rules=rules,
        evaluator=watch,
        run_dir=run_dir,
        generations=config.generations,
        checkpoint_every=config.record.checkpoint_every,
        keep_checkpoints=config.record.keep_checkpoints,
        founding=founding,
        ecology_every=config.record.ecology_every,
    )
    start = time.perf_counter()
    for _ in range(config.generations):
        simulation.step()
    return Overhead(config.population.founders, config.generations, time.perf_counter() - start, watch.seconds)

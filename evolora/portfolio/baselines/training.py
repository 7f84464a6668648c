"""Training without a lifecycle: the same lessons, the same gradients, the same tasks as organisms live on."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from typing import Literal

from evolora.environment.encounter import Encounter, Outcome
from evolora.environment.niche import Niche
from evolora.environment.task import Task
from evolora.environment.tasks import TaskSource
from evolora.evaluation.local import LocalEvaluator
from evolora.lifecycle.learning import Reinforce
from evolora.organism.averaging import Average, average
from evolora.organism.genome import Genome, OptimizerState
from evolora.organism.learning import Learner, Lesson
from evolora.rng import key64, stream
from evolora.routing.tokens import TokenMeter

Regime = Literal["rewards", "gold"]


@dataclass(frozen=True, eq=False)
class Pupil:
    """An adapter to be trained on `niches`. `optimizer` is None before its first lesson; `average` is too, and always
    where the school does not average."""

    genome: Genome
    niches: tuple[Niche, ...]
    optimizer: OptimizerState | None = None
    average: Average | None = None

    @property
    def settled(self) -> Genome:
        """The weights that are kept of it, as of an organism: the average of its versions, else the last."""
        return self.genome if self.average is None else self.average.genome


@dataclass(frozen=True)
class School:
    """Trains pupils side by side, each on its own niches, until a budget of token passes is spent.

    `regime` "rewards": a pupil samples `answers_per_task` answers and learns from their scores by the organisms'
    policy gradient. "gold": it learns the reference answer, its stop token included, and samples nothing.
    `tasks_per_step` tasks make one update, niches taking turns; `averaged` is as for organisms. `taught` are the
    digests of all tasks that anybody was given.
    """

    evaluator: LocalEvaluator
    source: TaskSource
    seed: int
    regime: Regime
    tasks_per_step: int
    answers_per_task: int
    averaged: int = 1
    taught: set[str] = field(default_factory=set)

    def train(
        self, pupils: Mapping[int, Pupil], budget: int, meter: TokenMeter, purpose: str, first_step: int = 0
    ) -> tuple[dict[int, Pupil], int]:
        """The pupils after about `budget` passes of all of them together, and the number of the next step.

        It stops where another step would overshoot more than stopping falls short.
        """
        taught, began, step = dict(pupils), meter.by_purpose[purpose], first_step
        largest = 0
        while (spent := meter.by_purpose[purpose] - began) + largest / 2 < budget:
            lessons = [
                lesson for identity in taught for lesson in self._lessons(identity, taught, step, meter, purpose)
            ]
            meter.lessons(purpose, lessons)
            learners = {i: Learner(pupil.genome, pupil.optimizer) for i, pupil in taught.items()}
            for identity, learnt in self.evaluator.learn(learners, lessons).items():
                mean = average(taught[identity].average, learnt.genome, self.averaged)
                taught[identity] = Pupil(learnt.genome, taught[identity].niches, learnt.optimizer, mean)
            largest = max(largest, meter.by_purpose[purpose] - began - spent)
            step += 1
        return taught, step

    def tasks(self, pupil: Pupil, identity: int, step: int) -> list[tuple[Niche, Task]]:
        """The tasks of one step: living tasks of its niches, which take turns from a random one on."""
        start = int(stream(self.seed, "school", identity, step).integers(len(pupil.niches)))
        turns = [pupil.niches[(start + place) % len(pupil.niches)] for place in range(self.tasks_per_step)]
        offered = {  # a small family has fewer: they come round again
            niche.name: cycle(self.source.living(niche, self._day(identity, step), turns.count(niche)))
            for niche in dict.fromkeys(turns)
        }
        return [(niche, next(offered[niche.name])) for niche in turns]

    def _day(self, identity: int, step: int) -> int:
        """The number that draws a step's tasks: no pupil or step has another's, nor a generation's of any run."""
        return key64(self.seed, "school day", identity, step) >> 1

    def _lessons(
        self, identity: int, pupils: Mapping[int, Pupil], step: int, meter: TokenMeter, purpose: str
    ) -> Iterator[Lesson]:
        pupil = pupils[identity]
        tasks = self.tasks(pupil, identity, step)
        self.taught.update(task.digest for _, task in tasks)
        if self.regime == "gold":
            return (self._gold(identity, pupil, niche, task) for niche, task in tasks)
        return iter(self._rewarded(identity, pupil, tasks, step, meter, purpose))

    def _gold(self, identity: int, pupil: Pupil, niche: Niche, task: Task) -> Lesson:
        shown = self._examples(pupil, niche)
        prompt = self.evaluator.prompts.build(task.question, [(one.question, one.answer) for one in shown])
        return Lesson(identity, prompt, (self.evaluator.prompts.answer_ids(task.answer),), (1.0,), 1.0)

    def _rewarded(
        self,
        identity: int,
        pupil: Pupil,
        tasks: Sequence[tuple[Niche, Task]],
        step: int,
        meter: TokenMeter,
        purpose: str,
    ) -> list[Lesson]:
        traits = pupil.genome.traits
        encounters = [
            Encounter(
                identity,
                niche.name,
                task,
                self._examples(pupil, niche),
                self.answers_per_task,
                traits.temperature,
                traits.answer_limit,
                key64(self.seed, "school answer", identity, step, place),
            )
            for place, (niche, task) in enumerate(tasks)
        ]
        given = self.evaluator.answer({identity: pupil.genome}, encounters)
        meter.answers(purpose, given)
        outcomes = [
            Outcome(encounter, answers, tuple(niche.score(task, answer.text) for answer in answers))
            for encounter, answers, (niche, task) in zip(encounters, given, tasks, strict=True)
        ]
        return Reinforce().lessons(outcomes, [])

    def _examples(self, pupil: Pupil, niche: Niche) -> tuple[Task, ...]:
        return tuple(self.source.examples(niche, pupil.genome.traits.num_examples))

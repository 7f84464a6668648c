"""Held-out tasks: how well a population answers tasks that nobody lived on, greedily, outside the economy."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evolora.environment.encounter import Encounter
from evolora.environment.niche import Niche
from evolora.environment.task import Score
from evolora.environment.tasks import TaskSource
from evolora.evaluation.evaluator import Evaluator
from evolora.organism.organism import Organism


@dataclass(frozen=True)
class HoldoutScores:
    """`values` (organisms, niches, tasks) in [0, 1], for `organisms` (ids) and `niches` (names), each in order."""

    organisms: tuple[int, ...]
    niches: tuple[str, ...]
    values: NDArray[np.float64]

    def by_task(self) -> NDArray[np.float64]:
        """(niches, tasks): each task's mean score over the population."""
        return np.asarray(self.values.mean(axis=0))

    def best_by_task(self) -> NDArray[np.float64]:
        """(niches, tasks): scores of each niche's best organism, chosen on the other half of the tasks (two-fold)."""
        halves = np.arange(self.values.shape[2]) % 2
        best = np.empty(self.values.shape[1:])
        for half in (0, 1):
            chosen = self.values[:, :, halves != half].mean(axis=2).argmax(axis=0)  # (niches,)
            for niche, organism in enumerate(chosen):
                best[niche, halves == half] = self.values[organism, niche, halves == half]
        return best


def holdout_scores(
    organisms: Iterable[Organism],
    niches: Sequence[Niche],
    source: TaskSource,
    num_tasks: int,
    evaluator: Evaluator,
) -> HoldoutScores:
    """Every organism answers `num_tasks` test tasks of every niche once, greedily, with its own traits."""
    population = list(organisms)
    tasks = {niche.name: source.test(niche, num_tasks) for niche in niches}
    fewest = min(len(own) for own in tasks.values())
    encounters = [
        Encounter(
            organism.id,
            niche.name,
            task,
            tuple(source.examples(niche, organism.active.traits.num_examples)),
            num_samples=1,
            temperature=0.0,
            answer_limit=organism.active.traits.answer_limit,
            key=0,
        )
        for organism in population
        for niche in niches
        for task in tasks[niche.name][:fewest]
    ]
    answers = evaluator.answer({organism.id: organism.active for organism in population}, encounters)
    by_name = {niche.name: niche for niche in niches}
    scores = [
        (
            Score(0.0, answer.fault) if answer.fault else by_name[encounter.niche].score(encounter.task, answer.text)
        ).value
        for encounter, (answer,) in zip(encounters, answers, strict=True)
    ]
    values = np.array(scores, dtype=np.float64).reshape(len(population), len(niches), fewest)
    return HoldoutScores(tuple(o.id for o in population), tuple(by_name), values)

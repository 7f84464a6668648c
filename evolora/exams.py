"""Exams as a run goes: what the living could answer together, held against the best of them alone and the bare host.

An exam looks on. It costs nobody energy, draws nothing at random, and its tasks are not lived on: they come out of the
selection split, of which one part chooses and fits and another scores. The test tasks that `evolora portfolio` and
`evolora evaluate` end with are never touched, so that watching a run does not use them up.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evolora.environment.niche import Niche
from evolora.environment.tasks import TaskSource
from evolora.evaluation.evaluator import Evaluator, Reading
from evolora.organism.genome import Genome
from evolora.organism.organism import Organism
from evolora.organism.population import Population
from evolora.routing.choosing import greedy_coverage
from evolora.routing.exam import HOST_ID, Examiner, Numbers, Question, Sheet
from evolora.routing.modes import Routing, oracle, routed, single
from evolora.routing.ridge import fit_ridge
from evolora.routing.tokens import TokenMeter


@dataclass(frozen=True)
class ExamPlan:
    """An exam every `every` generations, and in the last: at most `candidates` organisms answer `selection_tasks` tasks
    of every niche, `size` of them are kept, and these answer `held_out_tasks` others."""

    every: int
    size: int
    candidates: int
    selection_tasks: int
    held_out_tasks: int

    def due(self, generation: int, last: int) -> bool:
        """Whether an exam is held at the end of `generation` of a run that ends with `last`."""
        return generation % self.every == 0 or generation == last

    def num_in(self, generations: int) -> int:
        """How many exams a run of so many generations holds."""
        return -(-generations // self.every)


@dataclass(frozen=True, eq=False)
class HostsPart:
    """What never changes from exam to exam: the bare host's answers to the held-out questions, and its reading of both
    kinds of questions."""

    sheet: Sheet
    selection: Reading
    held_out: Reading
    tokens: dict[str, int]


class Exams:
    """The exams of a run. `host` answers for the bare host: a genome without weights.

    A family with fewer tasks than planned has them divided in the same proportion.

    Raises:
        TaskError: a niche's family has next to no tasks.
    """

    def __init__(self, plan: ExamPlan, niches: Sequence[Niche], source: TaskSource, host: Genome) -> None:
        self.plan, self._niches, self._source, self._host = plan, list(niches), source, host
        self.selection: list[Question] = []
        self.held_out: list[Question] = []
        wanted = plan.selection_tasks + plan.held_out_tasks
        for niche in niches:
            asked = [Question(niche, task) for task in source.selection(niche, wanted)]
            cut = max(1, len(asked) * plan.selection_tasks // wanted)
            self.selection += asked[:cut]
            self.held_out += asked[cut:]
        self._hosts_part: HostsPart | None = None

    def hold(self, generation: int, living: Population, evaluator: Evaluator) -> dict[str, Any] | None:
        """Let the living sit an exam at the end of `generation`: its row for the record, None where nobody lives.

        `scores` has (niches, tasks) of each way to answer: `routed`, `best` (the member with the best selection score),
        `oracle` (the best of the members' answers) and `host`; `tokens_per_answer` their means over the tasks; `tokens`
        what the exam takes in all, by purpose, whether or not something was known from an earlier one.

        Raises:
            WorkerError: nobody is left to answer.
        """
        genomes = {own.id: own.active for own in candidates(living, self._niches, self.plan.candidates)}
        if not genomes:
            return None
        meter, examiner = TokenMeter(), Examiner(evaluator, self._source)
        first = examiner.sit(genomes, self.selection, meter, "selection")
        kept = [first.members[row] for row in greedy_coverage(first.scores, self.plan.size)]  # the best alone leads
        sheet = examiner.sit({member: genomes[member] for member in kept}, self.held_out, meter, "held_out")
        host = self._of_host(evaluator)
        router = fit_ridge(host.selection.features, first.of(kept).scores)
        routing = Routing(router.preferences(host.held_out.features), host.held_out.tokens)
        ways = {
            "routed": routed(sheet, routing),
            "best": single(sheet, 0),
            "oracle": oracle(sheet),
            "host": single(host.sheet, 0),
        }
        return {
            "generation": generation,
            "num_candidates": len(genomes),
            "members": kept,
            "niches": [niche.name for niche in self._niches],
            "selection_tasks": [sum(q.niche is niche for q in self.selection) for niche in self._niches],
            "scores": {way: self._by_niche(own.scores) for way, own in ways.items()},
            "tokens_per_answer": {way: round(float(own.tokens.mean()), 3) for way, own in ways.items()},
            "tokens": {**meter.by_purpose, **host.tokens},
        }

    def _of_host(self, evaluator: Evaluator) -> HostsPart:
        """Asked for in batches of its own, so that it is the same in whichever exam of a run it is needed first."""
        if self._hosts_part is None:
            meter = TokenMeter()
            sheet = Examiner(evaluator, self._source).sit({HOST_ID: self._host}, self.held_out, meter, "host")
            selection, held_out = (
                evaluator.read([question.task.question for question in part])
                for part in (self.selection, self.held_out)
            )
            meter.by_purpose["routing"] += int(selection.tokens.sum() + held_out.tokens.sum())
            self._hosts_part = HostsPart(sheet, selection, held_out, dict(meter.by_purpose))
        return self._hosts_part

    def _by_niche(self, scores: Numbers) -> list[list[float]]:
        """Scores of the held-out questions (questions,) as a list a niche."""
        rows: dict[str, list[float]] = {niche.name: [] for niche in self._niches}
        for question, score in zip(self.held_out, scores, strict=True):
            rows[question.niche.name].append(round(float(score), 6))
        return list(rows.values())


def candidates(living: Population, niches: Sequence[Niche], most: int) -> list[Organism]:
    """Who sits an exam: everybody, or of many those who together cover the niches best by their recent scores there.

    The scores are the ones organisms remember from living, so that finding candidates costs no token.
    """
    organisms = list(living)
    if len(organisms) <= most:
        return organisms
    recent = np.array([[own.competence.get(niche.name, 0.0) for niche in niches] for own in organisms])
    return [organisms[row] for row in sorted(greedy_coverage(recent, most))]

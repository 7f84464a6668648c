"""One side of the comparison: candidates from wherever, then the same selection, the same routers, the same tests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evolora.config.world import WorldConfig
from evolora.environment.families.family import SettingValue
from evolora.environment.tasks import EXAMPLE_POOL
from evolora.evaluation.local import LocalEvaluator
from evolora.organism.genome import Genome
from evolora.portfolio.baselines.mixtures import search_weights, weighted_sum
from evolora.portfolio.examine import Examined, bare_host, examine
from evolora.portfolio.portfolio import Portfolio, assemble
from evolora.portfolio.splits import Split, check_use, make_splits, selection_questions
from evolora.rng import stream
from evolora.routing.choosing import greedy_coverage
from evolora.routing.exam import Examiner, Numbers, Question
from evolora.routing.tokens import TokenMeter
from evolora.world import Rules

MOST_EXAMPLES = 2  # worked examples the bare host is tried with


@dataclass(frozen=True, eq=False)
class Arena:
    """What both sides share: the world's host, tasks and settings, and the selection questions both may use.

    `unseen` are the families of the family shift, with their settings (None: all of ours that nobody lives on), which
    are asked with at least `unseen_examples` worked examples.
    """

    config: WorldConfig
    rules: Rules
    evaluator: LocalEvaluator
    selection: tuple[Question, ...]
    unseen: Mapping[str, Mapping[str, SettingValue]] | None = None
    unseen_examples: int = 0

    @classmethod
    def open(
        cls,
        config: WorldConfig,
        rules: Rules,
        evaluator: LocalEvaluator,
        num_selection: int,
        unseen: Mapping[str, Mapping[str, SettingValue]] | None = None,
        unseen_examples: int = 0,
    ) -> "Arena":
        """With `num_selection` selection tasks of every niche."""
        questions = selection_questions(rules.niches, rules.tasks, num_selection)
        check_use(questions, "selection")
        return cls(config, rules, evaluator, questions, unseen, unseen_examples)

    @property
    def examiner(self) -> Examiner:
        return Examiner(self.evaluator, self.rules.tasks)

    def exam_cost(self, num_members: int) -> int:
        """About what it costs to let members answer the selection questions, and a router read them.

        Exact but for the answers, which are taken to be as long as the references.
        """
        shown = bare_host(self.config, self.evaluator.sites).traits.num_examples
        prompts = self.evaluator.prompts
        reading = sum(len(prompts.build(question.task.question)) for question in self.selection)
        return self.answers_cost(num_members, shown) + reading

    def answers_cost(self, num_members: int, num_examples: int) -> int:
        """About what it costs to let members, shown so many worked examples, answer the selection questions."""
        prompts, cost = self.evaluator.prompts, 0
        for question in self.selection:
            examples = self.rules.tasks.examples(question.niche, num_examples)
            whole = prompts.build(question.task.question, [(e.question, e.answer) for e in examples])
            cost += num_members * (len(whole) + len(prompts.answer_ids(question.task.answer)))
        return cost

    def splits(self, num_tasks: int) -> list[Split]:
        """Every shift that the world's families allow, `num_tasks` a family."""
        return make_splits(
            self.rules.niches, self.rules.tasks, num_tasks, self.config.seed, self.unseen, self.unseen_examples
        )

    def chosen_or_shown(self, split: Split) -> set[str]:
        """Digests of the selection tasks, and of all worked examples that anybody can have been shown, in the world or
        in `split`."""
        niches = {*self.rules.niches, *(question.niche for question in split.questions)}
        shown = {task.digest for niche in niches for task in self.rules.tasks.examples(niche, EXAMPLE_POOL)}
        return shown | {question.task.digest for question in self.selection}

    def portfolio(
        self,
        candidates: Mapping[int, Genome],
        size: int,
        router: str,
        meter: TokenMeter,
        rivals: Sequence[str] = (),
    ) -> tuple[Portfolio, dict[str, Portfolio]]:
        """Chosen by coverage of the selection questions, `router` fitted on them; and the same members under `rivals`,
        other kinds of routers, which nobody pays for."""
        portfolio, _, others = assemble(
            candidates, self.selection, size, self.evaluator, self.rules.tasks, meter, router, greedy_coverage, rivals
        )
        return portfolio, others

    def test(
        self, portfolio: Portfolio, num_tasks: int, rivals: Mapping[str, Portfolio] | None = None, samples: int = 0
    ) -> list[Examined]:
        """The portfolio and the bare host (with as many examples as founders may have) on every split, see
        `examine`."""
        host, meter = bare_host(self.config, self.evaluator.sites), TokenMeter()
        return [
            examine(portfolio, split, self.evaluator, self.rules.tasks, host, meter, rivals, samples)
            for split in self.splits(num_tasks)
        ]


def host_with_examples(arena: Arena) -> dict[int, Genome]:
    """The bare host with 0, 1, ... worked examples, as candidates: which number is best is chosen like a checkpoint."""
    return {number: bare_host(arena.config, arena.evaluator.sites, number) for number in range(MOST_EXAMPLES + 1)}


def mixture(
    arena: Arena, genomes: Sequence[Genome], rounds: int, brood: int, questions: int, meter: TokenMeter
) -> Genome:
    """Many adapters as one, by weights searched for on `questions` selection questions, drawn anew every round."""
    rng = stream(arena.config.seed, "mixture")

    def worth(weightings: Sequence[Numbers]) -> list[float]:
        drawn = [arena.selection[place] for place in rng.permutation(len(arena.selection))[:questions]]
        bodies = {place: weighted_sum(genomes, [float(w) for w in one]) for place, one in enumerate(weightings)}
        sheet = arena.examiner.sit(bodies, drawn, meter, "search")
        return [float(mean) for mean in sheet.scores.mean(axis=1)]

    return weighted_sum(genomes, [float(w) for w in search_weights(len(genomes), worth, rounds, brood, rng)])


def mean_by_family(scores: Numbers, families: Sequence[str]) -> dict[str, float]:
    """Family -> mean score, in the order of first appearance."""
    names = np.array(families)
    return {family: float(scores[names == family].mean()) for family in dict.fromkeys(families)}

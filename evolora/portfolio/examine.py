"""A portfolio under test: the bare host and every mode of answering on one split, side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from evolora.blueprint import standard_traits
from evolora.config.world import WorldConfig
from evolora.environment.tasks import TaskSource
from evolora.evaluation.local import LocalEvaluator
from evolora.organism.founding import zero_genome
from evolora.organism.genome import Genome, SiteShape
from evolora.portfolio.comparison import Effect, Pairs, compare
from evolora.portfolio.portfolio import Portfolio, Reading, answer_by_every_mode
from evolora.portfolio.splits import Split, balanced_accuracy
from evolora.record.residents import open_residents
from evolora.routing.choosing import coverage
from evolora.routing.exam import HOST_ID, Examiner, Question
from evolora.routing.modes import Answered, most_agreed, routed, single
from evolora.routing.tokens import TokenMeter

HOST = "host"
ROUTED_BY = "routed by "  # and a kind of router: the same members, another router
BY_SAMPLES = "self-consistent"


def bare_host(config: WorldConfig, sites: Sequence[SiteShape], num_examples: int | None = None) -> Genome:
    """A genome that answers as the host does, with as many worked examples."""
    return zero_genome(sites, standard_traits(config, num_examples), config.genome.scaling)


def with_examples(genome: Genome, least: int) -> Genome:
    """The genome, shown at least so many worked examples."""
    shown = max(least, genome.traits.num_examples)
    return genome.with_traits(replace(genome.traits, num_examples=shown))


def candidates_of_run(run: Path, most: int) -> dict[int, Genome]:
    """The `most` organisms of a run's last checkpoint that scored best in life, by id; costs no token.

    Raises:
        RunFolderError: no run, no whole checkpoint, or nobody alive.
    """
    return {resident.id: resident.organism.active for resident in open_residents(run).members[:most]}


@dataclass(frozen=True, eq=False)
class Examined:
    """What every mode answered to the `questions` of a split, and the `coverage`(N) of the first N members."""

    shift: str
    questions: tuple[Question, ...]
    answered: Mapping[str, Answered]
    coverage: tuple[float, ...]

    @property
    def families(self) -> tuple[str, ...]:
        """Niche name of every question."""
        return tuple(question.niche.name for question in self.questions)

    def balanced(self, mode: str) -> dict[str, float]:
        """Niche name -> balanced accuracy of a mode: what answering the same to everything cannot raise."""
        families, scores = np.array(self.families), self.answered[mode].scores
        found = {}
        for family in dict.fromkeys(self.families):
            own = np.flatnonzero(families == family)
            found[family] = balanced_accuracy(scores[own], [self.questions[place] for place in own])
        return found

    def against(self, first: str, second: str) -> Pairs:
        """One seed's pairs of two modes."""
        return Pairs(self.answered[first].scores, self.answered[second].scores, self.families)

    def level(self, mode: str) -> Effect:
        """A mode's own mean score with its interval over questions."""
        scores = self.answered[mode].scores
        return compare([Pairs(np.zeros_like(scores), scores, self.families)], leave_out=False)


def examine(
    portfolio: Portfolio,
    split: Split,
    evaluator: LocalEvaluator,
    source: TaskSource,
    host: Genome,
    meter: TokenMeter,
    rivals: Mapping[str, Portfolio] | None = None,
    samples: int = 0,
) -> Examined:
    """Every member, and the bare `host`, on the questions of `split`; the tokens go to `meter` as "answering".

    Where the bare host is a member, that member, with its worked examples, is the bare host of the comparison too.
    `rivals` are the same members under other routers, by kind. With `samples`, every member answers besides by the
    commonest of so many, and the one whose samples agree most counts (self-consistency: Wang et al. 2023), among equals
    the one that the router prefers.
    """
    members = {name: with_examples(genome, split.examples) for name, genome in portfolio.members.items()}
    asked = {HOST_ID: with_examples(host, split.examples), **members}
    examiner, purpose = Examiner(evaluator, source), f"answering {split.shift}"
    whole = examiner.sit(asked, split.questions, meter, purpose)
    reading, sheet = Reading.of(split.questions, evaluator), whole.of(list(members))
    routing = portfolio.route(reading)
    answered = {HOST: single(whole, 0), **answer_by_every_mode(portfolio, sheet, routing)}
    for kind, rival in (rivals or {}).items():
        answered[ROUTED_BY + kind] = routed(sheet, rival.route(reading))
    if samples:
        sampled = examiner.sit_by_samples(members, split.questions, meter, f"{purpose}, samples", samples)
        answered[BY_SAMPLES] = most_agreed(sampled, routing)
    covered = coverage(sheet.scores, range(len(sheet.members)))
    return Examined(split.shift, split.questions, answered, tuple(covered))

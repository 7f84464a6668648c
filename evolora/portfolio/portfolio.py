"""A portfolio: members, the one that is best alone, and a router. Assembled alike from evolved and trained adapters."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from torch import Tensor

from evolora.environment.tasks import TaskSource
from evolora.evaluation.local import LocalEvaluator
from evolora.organism.genome import Genome
from evolora.portfolio.arrow import prototypes
from evolora.rng import stream
from evolora.routing.choosing import greedy_coverage
from evolora.routing.exam import HOST_ID, Examiner, Numbers, Question, Sheet
from evolora.routing.modes import (
    ROUTED_MODES,
    Answered,
    Routing,
    at_random,
    most_confident,
    one_or_other,
    oracle,
    single,
)
from evolora.routing.recogniser import Recogniser
from evolora.routing.router import Router, fit_router
from evolora.routing.tokens import TokenMeter

ANCESTOR = HOST_ID  # the bare host as a member: what everybody came from
BEST_OR_ANCESTOR = "best or ancestor"
ARROW = "arrow"  # routes by the members' own weights; every other router is fitted on selection questions


@dataclass(frozen=True, eq=False)
class Portfolio:
    """`members` by id, in the order chosen; `best` is the id that scored highest on the selection questions, the bare
    host left out.

    `router` is None for Arrow, which has nothing fitted. The bare host may be among them, as `ANCESTOR`.
    """

    members: Mapping[int, Genome]
    best: int
    router_kind: str
    router: Router | None

    def route(self, questions: Sequence[Question], evaluator: LocalEvaluator) -> Routing:
        """Preferences for every question, from the host's reading of its bare text."""
        prompts = [evaluator.prompts.build(question.task.question) for question in questions]
        tokens = np.array([len(prompt) for prompt in prompts], dtype=np.float64)
        if not isinstance(self.router, Recogniser) or ANCESTOR not in self.members:
            return Routing(self.preferences(prompts, evaluator), tokens)
        features = read(prompts, evaluator)
        return Routing(self.router.preferences(features), tokens, self.router.knows(features))

    def preferences(self, prompts: Sequence[tuple[int, ...]], evaluator: LocalEvaluator) -> Numbers:
        """(prompts, members): how much each member is preferred for a question that was built into a prompt."""
        if self.router is None:
            return evaluator.reader.alignments(prompts, self._prototypes).double().numpy()
        return self.router.preferences(read(prompts, evaluator))

    @cached_property
    def _prototypes(self) -> dict[str, Tensor]:
        return prototypes(list(self.members.values()))


def read(prompts: Sequence[tuple[int, ...]], evaluator: LocalEvaluator) -> Numbers:
    """(prompts, width): the frozen host's mean hidden states."""
    return evaluator.reader.embed(prompts).double().numpy()


def assemble(
    candidates: Mapping[int, Genome],
    questions: Sequence[Question],
    size: int,
    evaluator: LocalEvaluator,
    source: TaskSource,
    meter: TokenMeter,
    router: str = "ridge",
    choose: Callable[[Numbers, int], list[int]] = greedy_coverage,
) -> tuple[Portfolio, Sheet]:
    """Let all candidates answer the selection `questions`, keep `size` of them, fit a router to what they answered.

    A candidate `ANCESTOR` is kept besides, whatever it answers, as the last member: it is the bare host.

    Returns the portfolio and the candidates' sheet. Answers and the router's reading are counted in `meter`.

    Raises:
        ConfigError: no such router.
    """
    sheet = Examiner(evaluator, source).sit(candidates, questions, meter, "selection")
    evolving = [identity for identity in sheet.members if identity != ANCESTOR]
    kept = [evolving[row] for row in choose(sheet.of(evolving).scores, size)]
    kept += [ANCESTOR] if ANCESTOR in candidates else []
    return _fitted(candidates, sheet.of(kept), questions, evaluator, meter, router), sheet


def best_alone(sheet: Sheet) -> int:
    """The member that scored highest; the bare host only where nobody else is there."""
    own = sheet.of([identity for identity in sheet.members if identity != ANCESTOR] or sheet.members)
    return own.members[int(own.scores.mean(axis=1).argmax())]


def _fitted(
    genomes: Mapping[int, Genome],
    sheet: Sheet,
    questions: Sequence[Question],
    evaluator: LocalEvaluator,
    meter: TokenMeter,
    kind: str,
) -> Portfolio:
    best = best_alone(sheet)
    ancestor = sheet.members.index(ANCESTOR) if ANCESTOR in sheet.members else None
    members = {identity: genomes[identity] for identity in sheet.members}
    if kind == ARROW:
        return Portfolio(members, best, kind, None)
    prompts = [evaluator.prompts.build(question.task.question) for question in questions]
    meter.read("routing", prompts)
    niches = [question.niche.name for question in questions]
    return Portfolio(members, best, kind, fit_router(kind, read(prompts, evaluator), sheet.scores, niches, ancestor))


def answer_by_every_mode(portfolio: Portfolio, sheet: Sheet, routing: Routing) -> dict[str, Answered]:
    """Mode -> what it answered, for an exam of the portfolio's members."""
    rng = stream(0, "random routing", len(sheet.members), sheet.scores.shape[1])
    best, found = sheet.members.index(portfolio.best), {}
    if routing.known is not None:
        found = {BEST_OR_ANCESTOR: one_or_other(sheet, routing, best, sheet.members.index(ANCESTOR))}
    return {
        "best single": single(sheet, best),
        **found,
        **{name: mode(sheet, routing) for name, mode in ROUTED_MODES.items()},
        "most confident": most_confident(sheet),
        "random": at_random(sheet, rng),
        "oracle": oracle(sheet),
    }

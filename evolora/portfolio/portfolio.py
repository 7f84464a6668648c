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
RIVALS = ("ridge", "recogniser", "centroid", ARROW)  # kinds worth holding against each other; fixed: the best single


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

    def route(self, reading: "Reading") -> Routing:
        """Preferences for every question, from the host's reading of its bare text."""
        tokens = np.array([len(prompt) for prompt in reading.prompts], dtype=np.float64)
        known = None
        if isinstance(self.router, Recogniser) and ANCESTOR in self.members:
            known = self.router.knows(reading.features)
        return Routing(self.preferences(reading), tokens, known)

    def preferences(self, reading: "Reading") -> Numbers:
        """(questions, members): how much each member is preferred for each."""
        if self.router is None:
            return reading.evaluator.reader.alignments(reading.prompts, self._prototypes).double().numpy()
        return self.router.preferences(reading.features)

    @cached_property
    def _prototypes(self) -> dict[str, Tensor]:
        return prototypes(list(self.members.values()))


@dataclass(frozen=True, eq=False)
class Reading:
    """Questions as routers see them: bare `prompts`, and what the frozen host makes of these, read once for all."""

    prompts: Sequence[tuple[int, ...]]
    evaluator: LocalEvaluator

    @classmethod
    def of(cls, questions: Sequence[Question], evaluator: LocalEvaluator) -> "Reading":
        return cls([evaluator.prompts.build(question.task.question) for question in questions], evaluator)

    @cached_property
    def features(self) -> Numbers:
        """(questions, width): mean hidden states."""
        return self.evaluator.reader.embed(self.prompts).double().numpy()


def assemble(
    candidates: Mapping[int, Genome],
    questions: Sequence[Question],
    size: int,
    evaluator: LocalEvaluator,
    source: TaskSource,
    meter: TokenMeter,
    router: str = "ridge",
    choose: Callable[[Numbers, int], list[int]] = greedy_coverage,
    rivals: Sequence[str] = (),
) -> tuple[Portfolio, Sheet, dict[str, Portfolio]]:
    """Let all candidates answer the selection `questions`, keep `size` of them, fit a router to what they answered.

    A candidate `ANCESTOR` is kept besides, whatever it answers, as the last member: it is the bare host.

    Returns the portfolio, the candidates' sheet, and by kind the same members under other routers, the `rivals`, fitted
    on the same answers. Answers and the router's reading are counted in `meter`; rivals read nothing more.

    Raises:
        ConfigError: no such router.
    """
    sheet = Examiner(evaluator, source).sit(candidates, questions, meter, "selection")
    evolving = [identity for identity in sheet.members if identity != ANCESTOR]
    kept = [evolving[row] for row in choose(sheet.of(evolving).scores, size)]
    kept += [ANCESTOR] if ANCESTOR in candidates else []
    reading = Reading.of(questions, evaluator)
    if router != ARROW:
        meter.read("routing", reading.prompts)
    members = {identity: candidates[identity] for identity in kept}
    fitted = {kind: _fitted(members, sheet.of(kept), questions, reading, kind) for kind in (router, *rivals)}
    return fitted[router], sheet, {kind: fitted[kind] for kind in rivals}


def best_alone(sheet: Sheet) -> int:
    """The member that scored highest; the bare host only where nobody else is there."""
    own = sheet.of([identity for identity in sheet.members if identity != ANCESTOR] or sheet.members)
    return own.members[int(own.scores.mean(axis=1).argmax())]


def _fitted(
    members: Mapping[int, Genome], sheet: Sheet, questions: Sequence[Question], reading: Reading, kind: str
) -> Portfolio:
    best = best_alone(sheet)
    if kind == ARROW:
        return Portfolio(members, best, kind, None)
    ancestor = sheet.members.index(ANCESTOR) if ANCESTOR in sheet.members else None
    niches = [question.niche.name for question in questions]
    return Portfolio(members, best, kind, fit_router(kind, reading.features, sheet.scores, niches, ancestor))


def answer_by_every_mode(portfolio: Portfolio, sheet: Sheet, routing: Routing) -> dict[str, Answered]:
    """Mode -> what it answered, for an exam of the portfolio's members."""
    best, found = sheet.members.index(portfolio.best), {}
    if routing.known is not None:
        found = {BEST_OR_ANCESTOR: one_or_other(sheet, routing, best, sheet.members.index(ANCESTOR))}
    return {
        "best single": single(sheet, best),
        **found,
        **{name: mode(sheet, routing) for name, mode in ROUTED_MODES.items()},
        "most confident": most_confident(sheet),
        "random": at_random(sheet),
        "oracle": oracle(sheet),
    }

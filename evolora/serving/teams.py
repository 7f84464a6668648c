"""Several who are asked under one name: a portfolio with its router, a colony with its bids. One of them answers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from evolora.evaluation.local import LocalEvaluator
from evolora.lifecycle.colony_rules import Forwarding
from evolora.organism.organism import Organism
from evolora.portfolio.portfolio import Portfolio, Reading
from evolora.routing.ridge import fit_ridge
from evolora.routing.router import Router
from evolora.serving.speaker import Speaker

Prompt = tuple[int, ...]


@dataclass(frozen=True)
class Ranking:
    """What a team makes of one question: member (its place in the team) -> preference, the best first, and why.

    Members without an opinion of theirs are absent.
    """

    preferences: Mapping[int, float]
    reason: str


@dataclass(frozen=True)
class Choice:
    """Who answers a question put to a team: `speaker`, with all `preferences` by name, the best first.

    `tokens` were read by the bare host in order to choose.
    """

    speaker: Speaker
    preferences: Mapping[str, float]
    reason: str
    tokens: int


Chooser = Callable[[Sequence[Prompt]], list[Ranking]]


@dataclass(frozen=True, eq=False)
class Team:
    """Members who are asked under one `name`; `rank` sees the bare questions only. `about` is what is told of it."""

    name: str
    members: tuple[Speaker, ...]
    rank: Chooser = field(repr=False)
    about: Mapping[str, Any]

    @property
    def limit(self) -> int:
        """Most tokens of an answer, whoever gives it."""
        return max(member.limit for member in self.members)

    def choose(self, questions: Sequence[Prompt]) -> list[Choice]:
        """Who answers each of `questions` (bare, in the world's frame): all are read in one go."""
        return [
            Choice(
                self.members[next(iter(ranking.preferences))],
                {self.members[place].name: value for place, value in ranking.preferences.items()},
                ranking.reason,
                len(question),
            )
            for ranking, question in zip(self.rank(questions), questions, strict=True)
        ]


def by_router(portfolio: Portfolio, evaluator: LocalEvaluator) -> Chooser:
    """The member that the portfolio's router prefers: what `evolora portfolio` tests as "routed"."""
    reason = f"the {portfolio.router_kind} router prefers it"

    def rank(questions: Sequence[Prompt]) -> list[Ranking]:
        preferences = portfolio.preferences(Reading(questions, evaluator))  # (questions, members)
        order = np.argsort(-preferences, axis=1, kind="stable")  # among equals the first, as argmax has it
        return [
            Ranking({int(place): float(row[place]) for place in places}, reason)
            for row, places in zip(preferences, order, strict=True)
        ]

    return rank


@dataclass(frozen=True, eq=False)
class NicheReader:
    """Tells which niche a question reads like, since whoever asks a colony does not say.

    A ridge classifier of the bare host's hidden states, fitted on the niches' worked examples: the questions that
    organisms are shown with their answers anyway. `num_tokens` were read to fit it.
    """

    niches: tuple[str, ...]
    router: Router
    evaluator: LocalEvaluator
    num_tokens: int

    def order(self, questions: Sequence[Prompt]) -> list[list[str]]:
        """For each question the niches, the likeliest first."""
        likeness = self.router.preferences(Reading(questions, self.evaluator).features)  # (questions, niches)
        return [[self.niches[place] for place in row] for row in np.argsort(-likeness, axis=1, kind="stable")]


def fit_niche_reader(examples: Mapping[str, Sequence[Prompt]], evaluator: LocalEvaluator) -> NicheReader:
    """A reader for niches by name, from a few of each niche's questions."""
    prompts = [prompt for own in examples.values() for prompt in own]
    labels = np.repeat(np.arange(len(examples)), [len(own) for own in examples.values()])
    belongs = (labels == np.arange(len(examples))[:, None]).astype(np.float64)  # (niches, questions)
    router = fit_ridge(Reading(prompts, evaluator).features, belongs)
    return NicheReader(tuple(examples), router, evaluator, sum(map(len, prompts)))


def by_bids(members: Sequence[Organism], forwarding: Forwarding, reader: NicheReader) -> Chooser:
    """The member that bids best, as when members pass tasks on; among equal bids the lower id.

    In its world a task's finder keeps it unless somebody outbids it by a margin. Here nobody has found the question,
    so nobody has that advantage.
    """
    place_of = {organism.id: place for place, organism in enumerate(members)}

    def bids_in(niche: str) -> dict[int, float]:
        bids = forwarding.bids(niche, members)
        return {place_of[identity]: bids[identity] for identity in sorted(bids, key=lambda i: (-bids[i], i))}

    def rank_one(niches: Sequence[str]) -> Ranking:
        for number, niche in enumerate(niches):
            if bids := bids_in(niche):
                untried = f" (nobody ever tried {niches[0]})" if number else ""
                return Ranking(bids, f"it bids most in {niche}, which the question reads like{untried}")
        return Ranking({0: 0.0}, "no member has tried anything yet")

    def rank(questions: Sequence[Prompt]) -> list[Ranking]:
        return [rank_one(niches) for niches in reader.order(questions)]

    return rank

"""Ways for a portfolio to answer, replayed from one exam: all modes are scored on the same answers of its members."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evolora.routing.exam import Numbers, Sheet


@dataclass(frozen=True, eq=False)
class Answered:
    """What a mode answered: `scores` and `tokens` spent (routing included), one each per question."""

    scores: Numbers
    tokens: Numbers

    @property
    def tokens_per_correct(self) -> float:
        """Tokens spent for each full-score answer (partial scores count as parts); infinite without any."""
        return float(self.tokens.sum() / self.scores.sum()) if self.scores.sum() else float("inf")


@dataclass(frozen=True, eq=False)
class Routing:
    """A router's `preferences` (questions, members) and the tokens it read for each question (questions,).

    `known` (questions,) says what it recognises, where it can tell and has an ancestor for the rest.
    """

    preferences: Numbers
    tokens: Numbers
    known: NDArray[np.bool_] | None = None


def single(sheet: Sheet, row: int) -> Answered:
    """One member answers everything; nothing is routed."""
    return Answered(sheet.scores[row], sheet.tokens[row])


def routed(sheet: Sheet, routing: Routing) -> Answered:
    """The preferred member answers."""
    return _chosen(sheet, routing.preferences.argmax(axis=1), routing.tokens)


def one_or_other(sheet: Sheet, routing: Routing, known: int, strange: int) -> Answered:
    """Row `known` answers what the router recognises, row `strange` everything else."""
    assert routing.known is not None  # asked by the caller
    return _chosen(sheet, np.where(routing.known, known, strange), routing.tokens)


def top_two(sheet: Sheet, routing: Routing) -> Answered:
    """The two preferred members answer; the more confident answer counts."""
    if len(sheet.members) == 1:
        return routed(sheet, routing)
    pair = np.argsort(-routing.preferences, axis=1, kind="stable")[:, :2].T  # (2, questions)
    places = np.arange(sheet.scores.shape[1])
    surer = np.where(sheet.confidences[pair[1], places] > sheet.confidences[pair[0], places], pair[1], pair[0])
    tokens = sheet.tokens[pair[0], places] + sheet.tokens[pair[1], places] + routing.tokens
    return Answered(sheet.scores[surer, places], tokens)


def most_confident(sheet: Sheet) -> Answered:
    """All members answer; the most confident answer counts. Needs no router."""
    chosen = sheet.confidences.argmax(axis=0)
    return Answered(sheet.scores[chosen, np.arange(len(chosen))], sheet.tokens.sum(axis=0))


def most_agreed(sampled: Sheet, routing: Routing) -> Answered:
    """All members answer by samples; the answer whose samples agree most counts, among equals the one of the preferred
    member."""
    surest = sampled.confidences == sampled.confidences.max(axis=0)  # (members, questions)
    chosen = np.where(surest, routing.preferences.T, -np.inf).argmax(axis=0)
    return Answered(sampled.scores[chosen, np.arange(len(chosen))], sampled.tokens.sum(axis=0) + routing.tokens)


def vote(sheet: Sheet, routing: Routing) -> Answered:
    """All members answer; the commonest text counts, among equals the one that preferred members gave."""
    scores = np.empty(sheet.scores.shape[1])
    for place in range(len(scores)):
        tally: dict[str, tuple[int, float]] = {}
        giver: dict[str, int] = {}
        for row, texts in enumerate(sheet.texts):
            text, preference = texts[place], float(routing.preferences[place, row])
            count, most = tally.get(text, (0, -np.inf))
            tally[text] = (count + bool(text), max(most, preference))  # silence is no vote
            giver.setdefault(text, row)
        scores[place] = sheet.scores[giver[max(tally, key=lambda text: tally[text])], place]
    return Answered(scores, sheet.tokens.sum(axis=0) + routing.tokens)


def oracle(sheet: Sheet) -> Answered:
    """The best of all answers: an upper bound that nobody can use. All members' tokens count."""
    return Answered(sheet.scores.max(axis=0), sheet.tokens.sum(axis=0))


def at_random(sheet: Sheet) -> Answered:
    """A member by chance, in expectation: what routing has to beat."""
    return Answered(sheet.scores.mean(axis=0), sheet.tokens.mean(axis=0))


ROUTED_MODES: Mapping[str, Callable[[Sheet, Routing], Answered]] = {
    "routed": routed,
    "top two": top_two,
    "vote": vote,
}


def _chosen(sheet: Sheet, rows: NDArray[np.intp], extra: Numbers) -> Answered:
    places = np.arange(len(rows))
    return Answered(sheet.scores[rows, places], sheet.tokens[rows, places] + extra)

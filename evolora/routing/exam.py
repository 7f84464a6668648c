"""Exams: every member answers every question once, greedily; whatever mode of answering is then replayed from that."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evolora.environment.encounter import Answer, Encounter
from evolora.environment.niche import Niche
from evolora.environment.task import Task
from evolora.environment.tasks import TaskSource
from evolora.environment.text import normalise, read_answer
from evolora.evaluation.evaluator import Evaluator
from evolora.organism.genome import Genome
from evolora.rng import key64
from evolora.routing.tokens import TokenMeter

Numbers = NDArray[np.float64]
HOST_ID = -1  # the bare host among members: organisms' ids begin at 0


@dataclass(frozen=True)
class Question:
    """A `task` put to a portfolio, scored by `niche`. Nobody is told the niche: routers see the question only."""

    niche: Niche
    task: Task


@dataclass(frozen=True, eq=False)
class Sheet:
    """What `members` (ids, in order) answered to questions, in the order these were put.

    `scores` in [0, 1], `confidences` (mean natural-log probability of the generated tokens, at most 0) and `tokens`
    (prompt and generated) are (members, questions); `texts` are the answers as they count, one list a member.
    """

    members: tuple[int, ...]
    scores: Numbers
    confidences: Numbers
    tokens: Numbers
    texts: tuple[tuple[str, ...], ...]

    def of(self, members: Sequence[int]) -> "Sheet":
        """The same for some members only, in the order given."""
        rows = [self.members.index(member) for member in members]
        return Sheet(
            tuple(members),
            self.scores[rows],
            self.confidences[rows],
            self.tokens[rows],
            tuple(self.texts[row] for row in rows),
        )

    def at(self, questions: NDArray[np.intp]) -> "Sheet":
        """The same for some questions only, by their places."""
        return Sheet(
            self.members,
            self.scores[:, questions],
            self.confidences[:, questions],
            self.tokens[:, questions],
            tuple(tuple(texts[place] for place in questions) for texts in self.texts),
        )


@dataclass(frozen=True)
class Examiner:
    """Puts questions to genomes: greedy answers with each genome's own traits (worked examples, answer limit)."""

    evaluator: Evaluator
    source: TaskSource

    def sit(
        self, members: Mapping[int, Genome], questions: Sequence[Question], meter: TokenMeter, purpose: str
    ) -> Sheet:
        """Every member's greedy answer to every question; the tokens go to `meter` under `purpose`."""
        given = self._ask(members, questions, num_samples=1, temperature=0.0)
        meter.answers(purpose, given)
        shape = (len(members), len(questions))
        texts, scores = [], []
        for place, (answer,) in enumerate(given):
            question = questions[place % len(questions)]
            texts.append(counted_text(answer, question.task))
            scores.append(0.0 if answer.fault else question.niche.score(question.task, answer.text).value)
        return Sheet(
            tuple(members),
            np.array(scores, dtype=np.float64).reshape(shape),
            np.array([answer.logprob for (answer,) in given]).reshape(shape),
            np.array([answer.prompt_tokens + answer.generated_tokens for (answer,) in given], float).reshape(shape),
            tuple(tuple(texts[row * shape[1] : (row + 1) * shape[1]]) for row in range(shape[0])),
        )

    def sit_by_samples(
        self,
        members: Mapping[int, Genome],
        questions: Sequence[Question],
        meter: TokenMeter,
        purpose: str,
        num_samples: int,
        temperature: float = 1.0,
    ) -> Sheet:
        """Self-consistency (Wang et al. 2023): each member's commonest of several samples; its share is the confidence.

        Confidences are shares in [0, 1] here: 0 where all samples are empty, which never win over others. The first
        sample that gave the commonest answer is the one that is scored.
        """
        given = self._ask(members, questions, num_samples, temperature)
        meter.answers(purpose, given)
        shape = (len(members), len(questions))
        texts, shares, scores = [], [], []
        for place, answers in enumerate(given):
            question = questions[place % len(questions)]
            counted = [counted_text(answer, question.task) for answer in answers]
            text, count = commonest(counted)
            given_so = answers[counted.index(text)]
            texts.append(text)
            shares.append(count / num_samples)
            scores.append(0.0 if given_so.fault else question.niche.score(question.task, given_so.text).value)
        tokens = [float(a[0].prompt_tokens + sum(one.generated_tokens for one in a)) for a in given]
        return Sheet(
            tuple(members),
            np.array(scores, dtype=np.float64).reshape(shape),
            np.array(shares).reshape(shape),
            np.array(tokens).reshape(shape),
            tuple(tuple(texts[row * shape[1] : (row + 1) * shape[1]]) for row in range(shape[0])),
        )

    def _ask(
        self, members: Mapping[int, Genome], questions: Sequence[Question], num_samples: int, temperature: float
    ) -> list[tuple[Answer, ...]]:
        """Answers, member by member, question by question."""
        encounters = [
            Encounter(
                identity,
                question.niche.name,
                question.task,
                tuple(self.source.examples(question.niche, genome.traits.num_examples)),
                num_samples,
                temperature,
                genome.traits.answer_limit,
                key64(0, "exam", identity, question.task.digest),
            )
            for identity, genome in members.items()
            for question in questions
        ]
        return self.evaluator.answer(members, encounters)


def counted_text(answer: Answer, task: Task) -> str:
    """The part of an answer that counts, normalised: equal texts are equal votes."""
    return normalise(read_answer(answer.text, task.answer))


def commonest(texts: Sequence[str]) -> tuple[str, int]:
    """The commonest text that is not empty, the earliest among equals, and how often it occurs; "", 0 without any."""
    counts = Counter(text for text in texts if text)
    if not counts:
        return "", 0
    most = max(counts.values())
    return next((text, most) for text in texts if counts.get(text) == most)

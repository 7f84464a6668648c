"""Encounters (an organism given a task) and the answers they bring."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from evolora.environment.task import Score, Task


@dataclass(frozen=True)
class Encounter:
    """One organism given one task, to be answered `num_samples` times.

    `key` is the 64-bit sampling key: a function of (seed, generation, organism, encounter) and nothing else.
    `temperature` 0 is greedy. `answer_limit` is in generated tokens, the stop token included. `finder` is the member
    of a colony whose visit it was, where another answers (None: its own); `bid` is the score that this one expected.
    """

    organism_id: int
    niche: str
    task: Task
    examples: tuple[Task, ...]
    num_samples: int
    temperature: float
    answer_limit: int
    key: int
    finder: int | None = None
    bid: float | None = None


@dataclass(frozen=True)
class Answer:
    """What an organism wrote once. `token_ids` holds every token that was generated and is paid for.

    `prompt_tokens` is the length of the prompt, which all samples of one encounter share.
    `logprob` is the mean natural-log probability of the generated tokens under the distribution they were
    drawn from (temperature 1 where greedy); minus infinity with a fault, which is sure of nothing.
    `fault` says why there is no usable answer (for example non-finite weights), else it is empty.
    `reference_ids` are what it would have had to generate to give the task's reference answer, the stop token
    included: who imitates references learns from them.
    """

    text: str
    token_ids: tuple[int, ...]
    prompt_ids: tuple[int, ...]
    logprob: float
    stopped: bool
    fault: str = ""
    reference_ids: tuple[int, ...] = ()

    @property
    def prompt_tokens(self) -> int:
        return len(self.prompt_ids)

    @property
    def generated_tokens(self) -> int:
        return len(self.token_ids)


@dataclass(frozen=True)
class Outcome:
    """An encounter with its answers and their scores, in sample order."""

    encounter: Encounter
    answers: tuple[Answer, ...]
    scores: tuple[Score, ...]

    @cached_property
    def total_score(self) -> float:
        return sum([score.value for score in self.scores])

    @property
    def mean_score(self) -> float:
        return self.total_score / len(self.scores)

    @cached_property
    def num_tokens(self) -> int:
        """Prompt tokens, which the samples share, and all generated tokens."""
        return self.answers[0].prompt_tokens + sum([len(answer.token_ids) for answer in self.answers])


def haunts(outcomes: Sequence[Outcome]) -> dict[int, list[str]]:
    """Organism id -> the niches it visited this generation, the most visited first, by name among equals."""
    visits: defaultdict[int, Counter[str]] = defaultdict(Counter)
    for outcome in outcomes:
        visits[outcome.encounter.organism_id][outcome.encounter.niche] += 1
    return {identity: sorted(own, key=lambda name: (-own[name], name)) for identity, own in visits.items()}


def homes(outcomes: Sequence[Outcome]) -> dict[int, str]:
    """Organism id -> the niche it visited most this generation, the first by name among equals."""
    return {identity: niches[0] for identity, niches in haunts(outcomes).items()}

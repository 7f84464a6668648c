"""Tokens counted the same way for everybody: for organisms, baselines, selection, routers and answers."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from evolora.environment.encounter import Answer
from evolora.organism.learning import Lesson


@dataclass
class TokenMeter:
    """Passes of one token through the host, by purpose.

    One pass is a token read or written (a forward pass) or a token's gradient carried back (a backward pass: with
    the host frozen it takes as many products as a forward one, since no weight of the host has a gradient). A lesson's
    token is two passes. A prompt that several answers share is counted once, as it is computed once.
    """

    by_purpose: Counter[str] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        return sum(self.by_purpose.values())

    def answers(self, purpose: str, given: Iterable[tuple[Answer, ...]]) -> None:
        """Count answers, each tuple with the prompt its answers share."""
        self.by_purpose[purpose] += sum(
            answers[0].prompt_tokens + sum(answer.generated_tokens for answer in answers) for answers in given
        )

    def lessons(self, purpose: str, lessons: Iterable[Lesson]) -> None:
        """Count lessons: every token forward and backward."""
        self.by_purpose[purpose] += 2 * sum(lesson.num_tokens for lesson in lessons)

    def read(self, purpose: str, prompts: Iterable[tuple[int, ...]]) -> None:
        """Count prompts that were only read."""
        self.by_purpose[purpose] += sum(len(prompt) for prompt in prompts)


def passes_of_run(metrics: Iterable[Mapping[str, Any]], method: str) -> int:
    """Passes of all generations of a run, from its rows of metrics.jsonl.

    `method` is the world's `learning.method`: evolution strategies count trials, which go forward only, as their
    tokens of learning; the others learn from lessons.
    """
    per_token = 1 if method == "evolution" else 2
    return sum(
        int(row["num_tokens"])
        + per_token * int(row["learning_tokens"])
        + int((row.get("colonies") or {}).get("trial_tokens", 0))
        for row in metrics
    )

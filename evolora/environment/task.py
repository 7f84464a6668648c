"""A task: one question with the means to score an answer to it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any


@dataclass(frozen=True)
class Task:
    """One question.

    `answer` is the reference, written as an organism should write it. `payload` belongs to the family's
    scorer and is opaque to everybody else. `digest` identifies the content: equal questions of one family
    share it.
    """

    family: str
    question: str
    answer: str
    seed: int
    payload: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def digest(self) -> str:
        """32 hex digits of BLAKE2b over family and question."""
        return hashlib.blake2b(f"{self.family}\x1f{self.question}".encode(), digest_size=16).hexdigest()


@dataclass(frozen=True)
class Score:
    """One answer's quality in [0, 1], with the `reason` where a cause made it 0 (empty, raised, ...)."""

    value: float
    reason: str = ""

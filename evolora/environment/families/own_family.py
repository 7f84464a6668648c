"""What our own families share: checked settings, sampling without repeats, scoring, registration."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import Field, dataclass, field, fields
from random import Random
from typing import Any, ClassVar, TypeVar

from evolora.environment.task import Task
from evolora.environment.text import normalise
from evolora.errors import TaskError
from evolora.rng import key64

OWN_FAMILIES: dict[str, type["OwnFamily"]] = {}
REDRAWS_PER_TASK = 40  # a draw that repeats is redrawn this often before the family counts as exhausted

FamilyClass = TypeVar("FamilyClass", bound=type["OwnFamily"])


def whole_number(default: int, low: int, high: int, meaning: str) -> Any:
    """A dataclass field for a whole-number setting in `low`..`high`, both included."""
    return field(default=default, metadata={"low": low, "high": high, "meaning": meaning})


def one_of(default: str, options: tuple[str, ...], meaning: str) -> Any:
    """A dataclass field for a setting that takes one of `options`."""
    return field(default=default, metadata={"options": options, "meaning": meaning})


@dataclass(frozen=True)
class OwnFamily(ABC):
    """A family written for small hosts: questions under 200 characters, answers of at most 12.

    A subclass is a frozen dataclass whose fields are its settings. `draw` makes one question with its answer.
    """

    name: ClassVar[str] = ""

    @abstractmethod
    def draw(self, rng: Random) -> tuple[str, str]:
        """One (question, answer), a function of `rng` and the settings."""

    def __post_init__(self) -> None:
        problems = [problem for spec in fields(self) if (problem := _setting_problem(spec, self.__dict__[spec.name]))]
        problems = problems or self.contradictions()
        if problems:
            raise TaskError(f"{self.name}: {'; '.join(problems)}")

    def contradictions(self) -> list[str]:
        """Problems between settings that are each in range."""
        return []

    def sample(self, seed: int, num: int) -> list[Task]:
        """At most `num` tasks of different content, fewer where there are no more. See `Family.sample`."""
        rng = Random(key64(seed, "family", self.name))
        tasks: dict[str, Task] = {}
        misses = 0
        while len(tasks) < num and misses < REDRAWS_PER_TASK + 2 * len(tasks):
            question, answer = self.draw(rng)
            if question in tasks:
                misses += 1
                continue
            misses = 0
            tasks[question] = Task(family=self.name, question=question, answer=answer, seed=seed)
        return list(tasks.values())

    def score(self, task: Task, text: str) -> float:
        """1 where `text` is the reference answer but for case and spacing, else 0."""
        return float(normalise(text) == normalise(task.answer))


def own_family(name: str) -> Callable[[FamilyClass], FamilyClass]:
    """Class decorator: registers a family under `name`. Raises `TaskError` where the name is taken."""

    def register(family: FamilyClass) -> FamilyClass:
        if name in OWN_FAMILIES:
            raise TaskError(f"two families are called '{name}': expected different names; rename one of them")
        family.name = name
        OWN_FAMILIES[name] = family
        return family

    return register


def describe_settings(family: type[OwnFamily]) -> str:
    """The settings with range, default and meaning, on one line."""
    described = []
    for spec in fields(family):
        limits = spec.metadata
        allowed = " | ".join(limits["options"]) if "options" in limits else f"{limits['low']}..{limits['high']}"
        described.append(f"{spec.name}: {allowed}, default {spec.default} ({limits['meaning']})")
    return "; ".join(described) or "none"


def _setting_problem(spec: "Field[Any]", value: Any) -> str:
    limits = spec.metadata
    if "options" in limits:
        fits = value in limits["options"]
        expected = "one of " + ", ".join(limits["options"])
    else:
        whole = isinstance(value, int) and not isinstance(value, bool)
        fits = whole and limits["low"] <= value <= limits["high"]
        expected = f"a whole number in {limits['low']}..{limits['high']}"
    return "" if fits else f"{spec.name}: expected {expected} ({limits['meaning']}), got {value!r}"

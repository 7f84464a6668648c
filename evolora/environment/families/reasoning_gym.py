"""reasoning-gym's seeded families behind our protocol, with its graders kept from paying for noise.

Measured over reasoning-gym 0.1.25: some graders raise, some pay for silence or for text that only contains
the truth, nine run the answer as Python; a few generators are broken, slow or draw from global random state.
"""

import math
from collections.abc import Mapping
from dataclasses import MISSING, fields
from enum import Enum
from typing import TYPE_CHECKING, Any

from evolora.environment.families.family import SettingValue
from evolora.environment.task import Task
from evolora.environment.text import normalise
from evolora.errors import TaskError

if TYPE_CHECKING:
    from reasoning_gym.dataset import ProceduralDataset

PREFIX = "reasoning_gym:"
SEED_SPACING = 1 << 20  # item i of a dataset uses seed + i, so sample seeds lie further apart than any sample is long
DRAWS_PER_TASK = 8  # items looked at for each task wanted, before repeats make us give up
OWN_SETTINGS = frozenset({"seed", "size"})  # set by the adapter

REFUSED: Mapping[str, str] = {
    "game_of_life_halting": "its grader pays 1 for any text",
    "boxnet": "its reference answer does not earn 1",
    "graph_color": "its reference answer does not earn 1",
    "propositional_logic": "its reference answer does not earn 1",
    "rubiks_cube": "its reference answer does not earn 1",
    "rush_hour": "its reference answer does not earn 1",
    "acre": "it takes minutes to build and is not a function of its seed",
    "codeio": "its questions are not a function of its seed (it draws from global random state)",
    "list_functions": "its questions are not a function of its seed (it draws from global random state)",
    "pool_matrix": "it sets the global numpy seed",
    "composite": "it mixes families: give each its own niche",
}

# Their graders hand the answer to eval() or sympy.parse_expr: model text must never run, so they compare.
RUNS_ANSWERS = frozenset(
    (
        "binary_matrix",
        "countdown",
        "intermediate_integration",
        "n_queens",
        "polynomial_multiplication",
        "puzzle24",
        "simple_integration",
        "spiral_matrix",
        "string_insertion",
    )
)


class ReasoningGymFamily:
    """One reasoning-gym dataset at one difficulty.

    Raises `TaskError` for an unknown or refused dataset and for settings that it does not take.
    """

    def __init__(self, dataset: str, settings: Mapping[str, SettingValue]) -> None:
        if dataset in REFUSED:
            raise TaskError(f"reasoning_gym:{dataset} is refused: {REFUSED[dataset]}; choose another family")
        self._dataset_name = dataset
        self._settings = _converted(dataset, settings)
        self._grader = self._build(seed=0, size=1)

    @property
    def name(self) -> str:
        """`reasoning_gym:NAME`, also where the world file gives the bare name."""
        return PREFIX + self._dataset_name

    def sample(self, seed: int, num: int) -> list[Task]:
        """At most `num` tasks of different content. See `Family.sample`.

        `seed` is scaled by `SEED_SPACING`: samples of different seeds share no item seed. Raises `TaskError` where the
        library can make no question with these settings.
        """
        num_items = num * DRAWS_PER_TASK
        if num_items > SEED_SPACING:
            raise ValueError(f"expected num <= {SEED_SPACING // DRAWS_PER_TASK}, got {num}")
        dataset = self._build(seed=seed * SEED_SPACING, size=max(1, num_items))
        tasks: dict[str, Task] = {}
        for index in range(num_items):
            if len(tasks) == num:
                break
            item = self._item(dataset, index)
            question = str(item["question"]).strip()
            answer = str(item["answer"]).strip()
            tasks.setdefault(question, Task(self.name, question, answer, seed * SEED_SPACING + index, item))
        return list(tasks.values())

    def score(self, task: Task, text: str) -> float:
        """1 for the reference, else what the grader says, in [0, 1]. Raises whatever the grader raises.

        Text much longer than the reference earns at most the share of it that the reference makes up. That is
        the library's own rule for truth inside other text: some graders pay such text in full, or for chance
        matches.
        """
        if normalise(text, fold_case=False) == normalise(task.answer, fold_case=False):
            return 1.0
        if not text.strip() or self._dataset_name in RUNS_ANSWERS:
            return 0.0
        grade = float(self._grader.score_answer(text, dict(task.payload)))
        if not math.isfinite(grade):
            return 0.0
        if len(text) > 2 * len(task.answer) + 4:
            grade = min(grade, len(task.answer) / len(text))
        return min(1.0, max(0.0, grade))

    def _build(self, seed: int, size: int) -> "ProceduralDataset":
        import reasoning_gym

        try:
            return reasoning_gym.create_dataset(self._dataset_name, seed=seed, size=size, **self._settings)
        except Exception as error:  # its checks of settings raise anything
            reason = str(error) or type(error).__name__
            raise _settings_error(self._dataset_name, reason, self._settings) from error

    def _item(self, dataset: "ProceduralDataset", index: int) -> dict[str, Any]:
        try:
            item: dict[str, Any] = dataset[index]
        except Exception as error:  # settings that its checks let through fail here, as anything
            reason = f"it can make no question ({str(error) or type(error).__name__})"
            raise _settings_error(self._dataset_name, reason, self._settings) from error
        return item


def reasoning_gym_names() -> list[str]:
    """Every dataset of the installed reasoning-gym that is not refused. Imports the library (1 s)."""
    import reasoning_gym.factory

    return sorted(set(reasoning_gym.factory.DATASETS) - set(REFUSED))


def _config_defaults(dataset: str) -> dict[str, Any]:
    """The settings of `dataset` with their defaults; a setting without one maps to None."""
    import reasoning_gym.factory

    defaults: dict[str, Any] = {}
    for spec in fields(reasoning_gym.factory.DATASETS[dataset][1]):
        if spec.name not in OWN_SETTINGS:
            factory = spec.default_factory
            default = spec.default if factory is MISSING else factory()
            defaults[spec.name] = None if default is MISSING else default
    return defaults


def _converted(dataset: str, settings: Mapping[str, SettingValue]) -> dict[str, Any]:
    """`settings` as the dataset's config takes them: YAML strings become its enum members."""
    defaults = _config_defaults(dataset)
    unknown = sorted(set(settings) - set(defaults))
    if unknown:
        raise _settings_error(dataset, f"no setting is called {', '.join(unknown)}", settings)
    converted: dict[str, Any] = {}
    for key, value in settings.items():
        default = defaults[key]
        if not isinstance(default, Enum):
            converted[key] = value
            continue
        options = {str(member.value): member for member in type(default)}
        if str(value) not in options:
            raise _settings_error(dataset, f"{key} takes one of {', '.join(options)}", settings)
        converted[key] = options[str(value)]
    return converted


def _settings_error(dataset: str, reason: str, settings: Mapping[str, Any]) -> TaskError:
    expected = ", ".join(f"{key} (default {_shown(value)})" for key, value in _config_defaults(dataset).items())
    return TaskError(f"{PREFIX}{dataset}: {reason}; expected settings: {expected or 'none'}; got {dict(settings)}")


def _shown(default: object) -> str:
    text = str(default.value) if isinstance(default, Enum) else repr(default)
    return text if len(text) <= 40 else text[:37] + "..."

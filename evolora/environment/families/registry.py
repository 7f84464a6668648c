"""From the name in a world file to a family."""

import difflib
import re
from collections.abc import Mapping
from dataclasses import fields

import evolora.environment.families.own  # noqa: F401  # importing it registers our families
from evolora.environment.families.family import Family, SettingValue
from evolora.environment.families.own_family import OWN_FAMILIES, describe_settings
from evolora.environment.families.reasoning_gym import (
    PREFIX,
    REFUSED,
    ReasoningGymFamily,
    reasoning_gym_names,
)
from evolora.environment.task import Task
from evolora.errors import TaskError
from evolora.outside import import_outside

PLUG_IN = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


def known_families(*, with_reasoning_gym: bool = False) -> list[str]:
    """The names that `make_family` takes: ours, and on request reasoning-gym's (importing it takes 1 s)."""
    ours = sorted(OWN_FAMILIES)
    return [*ours, *(PREFIX + name for name in reasoning_gym_names())] if with_reasoning_gym else ours


def family_settings(name: str) -> str:
    """The settings of one of our own families, on one line, for help texts. Raises `KeyError` for others."""
    return describe_settings(OWN_FAMILIES[name])


def make_family(name: str, settings: Mapping[str, SettingValue]) -> Family:
    """The family called `name` at the difficulty in `settings`.

    `name` is one of ours, `reasoning_gym:NAME` or a bare reasoning-gym name (ours come first), or
    `module:Class` for a plug-in: a class that takes the settings as keywords and has `sample(seed, num)` and
    `score(task, text)`.
    Raises `TaskError` for a name nobody knows and for settings that do not fit.
    """
    if name in OWN_FAMILIES:
        return _own(name, settings)
    if name.startswith(PREFIX):
        return _from_reasoning_gym(name.removeprefix(PREFIX), settings, written=name)
    if is_plug_in(name):
        return PlugInFamily(name, settings)
    return _from_reasoning_gym(name, settings, written=name)


def is_plug_in(name: str) -> bool:
    """Whether `make_family` would import somebody's own code for this name."""
    return name not in OWN_FAMILIES and not name.startswith(PREFIX) and PLUG_IN.fullmatch(name) is not None


def _own(name: str, settings: Mapping[str, SettingValue]) -> Family:
    family = OWN_FAMILIES[name]
    unknown = sorted(set(settings) - {spec.name for spec in fields(family)})
    if unknown:
        raise TaskError(
            f"{name}: no setting is called {', '.join(unknown)}; "
            f"expected settings: {describe_settings(family)}; got {dict(settings)}"
        )
    return family(**settings)


def _from_reasoning_gym(dataset: str, settings: Mapping[str, SettingValue], *, written: str) -> Family:
    if dataset not in REFUSED:
        theirs = reasoning_gym_names()
        if dataset not in theirs:
            raise _unknown(written, dataset, theirs)
    return ReasoningGymFamily(dataset, settings)


def _unknown(written: str, dataset: str, theirs: list[str]) -> TaskError:
    close = difflib.get_close_matches(dataset, [*OWN_FAMILIES, *theirs], n=3)
    hint = f" Did you mean {' or '.join(close)}?" if close else ""
    ours = ", ".join(sorted(OWN_FAMILIES))
    return TaskError(
        f"no task family is called '{written}'.{hint} Expected one of ours ({ours}), "
        f"a reasoning-gym name ({PREFIX}NAME) or your own (module:Class)"
    )


class PlugInFamily:
    """A user's class behind the protocol, named by its import path. Raises `TaskError` if it does not fit."""

    def __init__(self, path: str, settings: Mapping[str, SettingValue]) -> None:
        module_name, class_name = path.split(":")
        try:
            module = import_outside(module_name)
        except Exception as error:  # a module may raise anything when it is imported
            raise TaskError(
                f"{path}: cannot import {module_name}: {error}; is it in this folder, or on PYTHONPATH?"
            ) from error
        if class_name not in vars(module):
            public = ", ".join(sorted(key for key in vars(module) if not key.startswith("_"))) or "nothing"
            raise TaskError(f"{path}: expected a class {class_name} in {module_name}, which holds {public}")
        found = vars(module)[class_name]
        # Before it is called: a world file must not be able to call whatever else is installed.
        missing = [method for method in ("sample", "score") if not hasattr(found, method)]
        if missing or not isinstance(found, type):
            got = f"no {', '.join(missing)}" if missing else "no class"
            raise TaskError(f"{path}: expected a class with sample(seed, num) and score(task, text), got {got}")
        try:
            family = found(**settings)
        except Exception as error:  # a user's constructor may raise anything
            reason = f"{type(error).__name__}: {error}"
            raise TaskError(f"{path}: cannot be made with settings {dict(settings)}: {reason}") from error
        self._path = path
        self._family: Family = family

    @property
    def name(self) -> str:
        """The import path."""
        return self._path

    def sample(self, seed: int, num: int) -> list[Task]:
        """The plug-in's tasks. Raises `TaskError` where it raises or returns anything else than tasks."""
        try:
            tasks = list(self._family.sample(seed, num))
        except Exception as error:  # a user's sampler may raise anything
            raise TaskError(f"{self._path}: sample({seed}, {num}) raised {type(error).__name__}: {error}") from error
        strange = [task for task in tasks if not isinstance(task, Task)]
        if strange:
            raise TaskError(f"{self._path}: expected sample to return a list of Task, got {strange[0]!r} in it")
        return tasks

    def score(self, task: Task, text: str) -> float:
        """The plug-in's score, as it is: the niche checks its range and catches what it raises."""
        return float(self._family.score(task, text))

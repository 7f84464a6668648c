"""Experiment files: found by path or name, checked whole, every arm's world resolved."""

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from evolora.config.document import Document, KeyPath, dotted, suggestion
from evolora.config.experiment import ExperimentConfig, Settings, arms_in_order, seed_list
from evolora.config.load import WORLDS, Setting, check_config, find_file
from evolora.config.shipped import PACKAGE
from evolora.config.world import WorldConfig
from evolora.errors import ConfigError
from evolora.experiment.params import resolve_params, unknown_params
from evolora.experiment.registry import find_analysis
from evolora.experiment.seeds import seed_name

EXPERIMENTS = "experiments"


@dataclass(frozen=True)
class Arm:
    """One arm, resolved: its world (with the first seed), what is done with it, and the arms it waits for."""

    name: str
    world: WorldConfig
    procedure: str
    params: Mapping[str, JsonValue]
    after: tuple[str, ...]


@dataclass(frozen=True)
class Experiment:
    """An experiment file, resolved. `arms` in the file's order; `primary`: those that its question is about; `variant`
    is what sets it apart from the file as it stands (`quick`, `seeds-746-750`; empty where nothing does)."""

    name: str
    question: str
    path: Path
    arms: tuple[Arm, ...]
    order: tuple[str, ...]  # names of arms, each behind those it waits for
    seeds: tuple[int, ...]
    analysis: str | None
    primary: tuple[str, ...]
    quick: bool
    variant: str


def load_experiment(path: Path, quick: bool = False, seeds: Sequence[int] = ()) -> Experiment:
    """The experiment in a file, replicated over `seeds` instead of its own where some are given.

    Raises:
        ConfigError: with one line for every mistake in it and in the worlds of its arms.
    """
    config, document = check_config(ExperimentConfig, path)
    if config is None or document.problems:
        raise ConfigError(document.problems)
    problems: list[str] = []
    own = tuple(seed_list(config.quick.seeds if quick and config.quick.seeds is not None else config.seeds))
    given = tuple(seeds) or own
    arms = [_resolve(name, config, document, path, given[0], quick, problems) for name in config.arms]
    problems += unknown_params(config, document)
    if config.analysis is not None:
        problems += _analysis_problems(config.analysis, document)
    if problems:
        raise ConfigError(list(dict.fromkeys(problems)))  # arms share what is wrong with the file they share
    resolved = tuple(arm for arm in arms if arm is not None)
    order = tuple(arms_in_order(config.arms))
    primary = tuple(config.primary)
    parts = ["quick"] * quick + [f"seeds-{seed_name(given)}"] * (given != own)
    return Experiment(
        config.name, config.question, path, resolved, order, given, config.analysis, primary, quick, "-".join(parts)
    )


def find_experiments(path_or_name: str) -> list[Path]:
    """The experiment file at a path or of a name; for a folder, all files in it, in order of their names.

    A name is a path inside `experiments/`, here or as shipped: `ecology`, `ecology/exclusion`; a file's own name
    (`exclusion`) is enough where it is the only one.

    Raises:
        ConfigError: there is none, with the nearest name there is.
    """
    for root in (Path(), Path(EXPERIMENTS), PACKAGE / EXPERIMENTS, PACKAGE.parent / EXPERIMENTS):
        for candidate in (root / path_or_name, root / f"{path_or_name}.yaml"):
            if candidate.is_file():
                return [candidate]
            if candidate.is_dir() and (files := sorted(candidate.glob("*.yaml"))):
                return files
    known = known_experiments()
    same = [file for name, file in known.items() if Path(name).name == path_or_name]
    if len(same) == 1:
        return same
    stems = {Path(name).name: name for name in known}
    near = suggestion(Path(path_or_name).name, list(stems))
    there = f" ({', '.join(sorted(known))})" if known and not near else ""
    raise ConfigError(
        f"{path_or_name}: expected an experiment file, a folder of them or the name of one, got none{near}{there}"
    )


def known_experiments() -> dict[str, Path]:
    """Name -> file of the experiments that come with Evolora and of those in `experiments/` here, which come first."""
    shipped = _experiments_in(PACKAGE / EXPERIMENTS) or _experiments_in(PACKAGE.parent / EXPERIMENTS)
    return dict(sorted({**shipped, **_experiments_in(Path(EXPERIMENTS))}.items()))


def _experiments_in(folder: Path) -> dict[str, Path]:
    files = [*folder.glob("*.yaml"), *folder.glob("*/*.yaml")]
    return {file.relative_to(folder).with_suffix("").as_posix(): file for file in files}


def _resolve(
    name: str,
    config: ExperimentConfig,
    document: Document,
    path: Path,
    seed: int,
    quick: bool,
    problems: list[str],
) -> Arm | None:
    """One arm, or None: what is wrong with it goes to `problems`."""
    arm, before = config.arms[name], len(problems)
    settings = [*_settings(config.set, document, ("set",)), *_settings(arm.set, document, ("arms", name, "set"))]
    if quick:
        settings += _settings(config.quick.set, document, ("quick", "set"))
    key: KeyPath = ("world",) if arm.world is None else ("arms", name, "world")
    world = _world(arm.world or config.world, settings, document, key, path, seed, problems)
    params = resolve_params(config, name, document, quick, problems)
    if world is None or params is None or len(problems) > before:
        return None
    return Arm(name, world, arm.procedure or config.procedure, params, tuple(arm.after))


def _world(
    name: str,
    settings: Sequence[Setting],
    document: Document,
    key: KeyPath,
    path: Path,
    seed: int,
    problems: list[str],
) -> WorldConfig | None:
    beside = [path.parent / name, path.parent / f"{name}.yaml"]
    try:
        found = next((file for file in beside if file.is_file()), None) or find_file(name, WORLDS)
    except ConfigError as error:
        problems += [f"{document.place(key)}: {dotted(key)}: {problem}" for problem in error.problems]
        return None
    world, checked = check_config(WorldConfig, found, settings, {"seed": seed})
    problems += checked.problems
    return world


def _settings(given: Settings, document: Document, path: KeyPath) -> list[Setting]:
    """The settings of a `set` section, a mapping in it taken apart, so that it is laid over what is there."""
    return [
        Setting(key, deepcopy(value), document.place((*path, *inner))) for inner, key, value in _leaves(given, (), "")
    ]


def _leaves(given: Mapping[str, JsonValue], path: KeyPath, prefix: str) -> Iterator[tuple[KeyPath, str, Any]]:
    for key, value in given.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, (*path, key), f"{prefix}{key}.")
        else:
            yield (*path, key), prefix + key, value


def _analysis_problems(name: str, document: Document) -> list[str]:
    try:
        find_analysis(name)
    except ConfigError as error:
        return [f"{document.place(('analysis',))}: analysis: {problem}" for problem in error.problems]
    return []

"""Every mistake in a world file: those its schema tells, and those that only the things it names can tell."""

from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from evolora.blueprint import operator_problems
from evolora.config.document import Document, KeyPath, Value, dotted
from evolora.config.load import check_config
from evolora.config.schema import order
from evolora.config.section import Section
from evolora.config.world import NicheConfig, ReproductionConfig, WorldConfig
from evolora.environment.families.registry import is_plug_in, make_family
from evolora.errors import ConfigError, TaskError

SectionT = TypeVar("SectionT", bound=Section)


def check_world(path: Path) -> WorldConfig:
    """The world of a file without mistakes.

    Raises:
        ConfigError: with one line for every mistake, in the order of the file's lines.
    """
    config, document = check_config(WorldConfig, path)
    problems = document.problems + _deeper_problems(document)
    if config is None or problems:
        raise ConfigError(sorted(problems, key=lambda problem: order(problem.split(": ")[0])))
    return config


def _deeper_problems(document: Document) -> list[str]:
    """Families that do not exist or do not take their settings, and unknown operators, wherever the schema is kept.

    A family of somebody's own (`module:Class`) is not imported: checking a stranger's file must not run anything.
    """
    found: list[tuple[KeyPath, str]] = []
    niches = document.values.get("niches")
    for number, item in enumerate(niches if isinstance(niches, list) else []):
        niche = _as_model(NicheConfig, item)
        if niche is not None and not is_plug_in(niche.family):
            try:
                make_family(niche.family, niche.settings)
            except TaskError as error:
                found.append((("niches", number, "settings" if niche.settings else "family"), str(error)))
    reproduction = _as_model(ReproductionConfig, document.values.get("reproduction"))
    if reproduction is not None:
        found += [(("reproduction", key), problem) for key, problem in operator_problems(reproduction)]
    return [": ".join(part for part in (document.place(path), dotted(path), text) if part) for path, text in found]


def _as_model(model: type[SectionT], value: Value) -> SectionT | None:
    """The section a value is; None where it is not: the schema has said why."""
    try:
        return model.model_validate(value)
    except ValidationError:
        return None

"""Params of an arm: the experiment's that its procedure knows, its own, and quick's; checked, defaults filled in."""

import json
from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from pydantic import JsonValue, ValidationError

from evolora.config.document import Document, KeyPath, dotted, suggestion
from evolora.config.experiment import ExperimentConfig
from evolora.config.schema import explain
from evolora.errors import ConfigError
from evolora.experiment.registry import Procedure, find_procedure


def resolve_params(
    config: ExperimentConfig, arm: str, document: Document, quick: bool, problems: list[str]
) -> Mapping[str, JsonValue] | None:
    """An arm's params as its procedure will see them; None where they do not fit it: `problems` says why.

    Of the params that all arms share (the experiment's and quick's) an arm gets those that its procedure knows.
    """
    procedure = _procedure_of(config, arm, document, problems)
    if procedure is None:
        return None
    known = None if procedure.params is None else set(procedure.params.model_fields)
    shared = [config.params, config.quick.params if quick else {}]
    first, last = ({key: own for key, own in params.items() if known is None or key in known} for params in shared)
    params = {**first, **config.arms[arm].params, **last}
    if procedure.params is None:
        return params
    try:
        model = procedure.params.model_validate_json(json.dumps(params), strict=True)
    except ValidationError as error:
        sections: list[KeyPath] = [("arms", arm, "params"), ("params",)]
        sections = [("quick", "params"), *sections] if quick else sections
        places: dict[KeyPath, str] = {}
        for key in params:
            section = next((path for path in sections if (*path, key) in document.places), ())
            places[(key,)] = document.places[(*section, key)] if section else ""
        own = Document(dict(params), places)
        prefix = f"{document.place(('arms', arm))}: arms.{arm}.params."  # for what nobody wrote
        written = tuple(place for place in places.values() if place)
        problems += [
            problem if problem.startswith(written) else prefix + problem
            for problem in explain(procedure.params, error, own)
        ]
        return None
    wrong = [
        f"{_written(document, arm, key, quick)}: arms.{arm}.params.{key}: expected {_waits_for(config, arm, name)}"
        for key, name in _siblings(model).items()
        if name not in config.arms[arm].after
    ]
    problems += wrong
    whole: Mapping[str, JsonValue] = model.model_dump(mode="json")
    return None if wrong else whole


def _written(document: Document, arm: str, key: str, quick: bool) -> str:
    """Where an arm's param was written: its own place, else where all arms share it, else the arm's."""
    own: list[KeyPath] = [("arms", arm, "params", key), ("params", key)]
    own = [("quick", "params", key), *own] if quick else own
    return next((document.places[path] for path in own if path in document.places), document.place(("arms", arm)))


def _waits_for(config: ExperimentConfig, arm: str, name: str | None) -> str:
    """What a param that names an arm to read should have been."""
    others = [other for other in config.arms if other != arm]
    if name in others:
        return f"an arm that this one waits for, got {name}; give it `after: [{name}]`"
    return f"another arm ({', '.join(others)}), got {name or 'nothing'}{suggestion(name or '', others)}"


@runtime_checkable
class ReadsSiblings(Protocol):
    """Params of a procedure that reads cells of other arms."""

    @property
    def siblings(self) -> Mapping[str, str | None]:
        """Param -> the arm that it names."""
        ...


def _siblings(model: object) -> Mapping[str, str | None]:
    return model.siblings if isinstance(model, ReadsSiblings) else {}


def unknown_params(config: ExperimentConfig, document: Document) -> list[str]:
    """Mistakes: shared params that no arm's procedure knows."""
    procedures = [found for arm in config.arms if (found := _procedure_of(config, arm, document, [])) is not None]
    if any(procedure.params is None for procedure in procedures) or len(procedures) < len(config.arms):
        return []
    known = sorted({name for one in procedures if one.params is not None for name in one.params.model_fields})
    sections: tuple[tuple[KeyPath, Mapping[str, JsonValue]], ...] = (
        (("params",), config.params),
        (("quick", "params"), config.quick.params),
    )
    return [
        f"{document.place((*path, key))}: {dotted((*path, key))}: expected a param of an arm's procedure "
        f"({', '.join(known)}), got {key}{suggestion(key, known)}"
        for path, params in sections
        for key in params
        if key not in known
    ]


def _procedure_of(config: ExperimentConfig, arm: str, document: Document, problems: list[str]) -> Procedure | None:
    own = config.arms[arm].procedure
    where: KeyPath = ("procedure",) if own is None else ("arms", arm, "procedure")
    try:
        return find_procedure(own or config.procedure)
    except ConfigError as error:
        problems += [f"{document.place(where)}: {dotted(where)}: {problem}" for problem in error.problems]
        return None

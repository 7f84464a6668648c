"""From a name in an experiment file to the procedure or analysis it means."""

import importlib
import pkgutil
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import JsonValue

from evolora.config.document import suggestion
from evolora.config.section import Section
from evolora.errors import ConfigError
from evolora.outside import import_outside

if TYPE_CHECKING:
    from evolora.experiment.cell import Cell
    from evolora.experiment.findings import Findings
    from evolora.experiment.results import Results

Values = Mapping[str, JsonValue]
ProcedureFunction = Callable[["Cell", Path], Values]
AnalysisFunction = Callable[["Results"], "Findings"]
OUTSIDE = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


@dataclass(frozen=True)
class Procedure:
    """What is done for one cell. `params` is the model its params must fit; None: whatever the file says."""

    name: str
    function: ProcedureFunction
    params: type[Section] | None = None


PROCEDURES: dict[str, Procedure] = {}
ANALYSES: dict[str, AnalysisFunction] = {}


def procedure(name: str, params: type[Section] | None = None) -> Callable[[ProcedureFunction], ProcedureFunction]:
    """Register a function `(cell, folder) -> values` under `name`; its file lies in `experiment/procedures/`.

    Values are plain JSON: numbers, texts, lists and mappings, without NaN. With `params`, the file's params are
    checked against that model when the file is read, and `cell.params` has the defaults filled in.
    """

    def register(function: ProcedureFunction) -> ProcedureFunction:
        PROCEDURES[name] = Procedure(name, function, params)
        return function

    return register


def analysis(name: str) -> Callable[[AnalysisFunction], AnalysisFunction]:
    """Register a function `(results) -> findings` under `name`; its file lies in `experiment/analyses/`."""

    def register(function: AnalysisFunction) -> AnalysisFunction:
        ANALYSES[name] = function
        return function

    return register


def find_procedure(name: str) -> Procedure:
    """The procedure called `name`, or that of somebody's own file (`module:function`).

    Raises:
        ConfigError: there is none.
    """
    if OUTSIDE.fullmatch(name):
        module, _, attribute = name.partition(":")
        function = _outside(name, module, attribute)
        known = [one for one in PROCEDURES.values() if one.function is function]
        return known[0] if known else Procedure(name, function)
    return _registered(name, PROCEDURES, "procedures")


def find_analysis(name: str) -> AnalysisFunction:
    """The analysis called `name`, or that of somebody's own file (`module:function`).

    Raises:
        ConfigError: there is none.
    """
    if OUTSIDE.fullmatch(name):
        module, _, attribute = name.partition(":")
        outside: AnalysisFunction = _outside(name, module, attribute)
        return outside
    return _registered(name, ANALYSES, "analyses")


Registered = TypeVar("Registered")


def _registered(name: str, known: Mapping[str, Registered], package: str) -> Registered:
    """The entry called `name`; the file of that name is imported first, and all of the package's if that is not it."""
    parent = f"evolora.experiment.{package}"
    files = [file.name for file in pkgutil.iter_modules(importlib.import_module(parent).__path__)]
    for file in [file for file in files if file == name] + files:
        if name in known:
            break
        importlib.import_module(f"{parent}.{file}")
    if name not in known:
        names = ", ".join(sorted(known))
        near = suggestion(name, list(known))
        raise ConfigError(f"expected one of the {package} ({names}) or module:function, got {name}{near}")
    return known[name]


def _outside(name: str, module: str, attribute: str) -> Any:
    """A function out of a module of the user's, which may lie where the command is called."""
    try:
        function = vars(import_outside(module)).get(attribute)
    except ImportError as error:
        raise ConfigError(f"{name}: expected a module that can be imported, got: {error}") from error
    if not callable(function):
        raise ConfigError(f"{name}: expected a function {attribute} in {module}, got {type(function).__name__}")
    return function

"""Modules of the user's own, which may lie where the command is called."""

import importlib
import sys
from pathlib import Path
from types import ModuleType


def import_outside(name: str) -> ModuleType:
    """The module called `name`, looked for in the current folder too. Raises whatever importing it raises."""
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    return importlib.import_module(name)

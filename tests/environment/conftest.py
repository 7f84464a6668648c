"""One niche after another, and the import path of the plug-ins."""

import sys
from pathlib import Path

import pytest

from evolora.environment.niche import Niche

from .niches import OURS, THEIRS, label, niche_of

sys.path.insert(0, str(Path(__file__).parent))  # makes `plug_ins:Class` importable


@pytest.fixture(params=[*OURS, *THEIRS], ids=label)
def niche(request: pytest.FixtureRequest) -> Niche:
    """Ours and some of reasoning-gym's."""
    name, settings = request.param
    return niche_of(name, **settings)


@pytest.fixture(params=OURS, ids=label)
def own_niche(request: pytest.FixtureRequest) -> Niche:
    name, settings = request.param
    return niche_of(name, **settings)

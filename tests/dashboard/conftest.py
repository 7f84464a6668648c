"""Run folders for the dashboard: an invented one, a lived one, and clients that ask the server about them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from asker import Asker, ask_about, puddle
from synthetic import write_run

from evolora.build import open_run


@pytest.fixture(scope="session")
def pretend(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty invented generations of 30 organisms on nine niches; not to be changed."""
    return write_run(tmp_path_factory.mktemp("pretend") / "runs" / "pretend", generations=40, capacity=30, births=8)


@pytest.fixture(scope="session")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real run of a tiny transformer: 12 generations of up to 24 organisms; not to be changed."""
    simulation = open_run(puddle(12), tmp_path_factory.mktemp("lived"))
    simulation.run()
    return simulation.run_dir.path


@pytest.fixture
def ask_pretend(pretend: Path) -> Iterator[Asker]:
    with ask_about(pretend) as asker:
        yield asker


@pytest.fixture
def ask_lived(lived: Path) -> Iterator[Asker]:
    with ask_about(lived) as asker:
        yield asker

"""An invented run that looks like a real small one, shared by the tests of whoever reads runs."""

from pathlib import Path

import pytest
from synthetic import write_run

from evolora.record.run_data import RunData


@pytest.fixture(scope="session")
def pretend_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty generations of 24 organisms on nine niches; not to be changed."""
    return write_run(tmp_path_factory.mktemp("runs") / "pretend")


@pytest.fixture(scope="session")
def pretend_run(pretend_folder: Path) -> RunData:
    return RunData.open(pretend_folder)

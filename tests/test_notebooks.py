"""Every notebook runs from its first cell to its last, in a kernel of its own."""

import importlib.util
import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "experiments").glob("*.ipynb"))


def test_there_is_a_notebook_to_begin_with() -> None:
    assert "first_steps.ipynb" in [path.name for path in NOTEBOOKS]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_is_kept_without_its_outputs(path: Path) -> None:
    nbformat = pytest.importorskip("nbformat", reason="Jupyter is not installed: pip install '.[notebook]'")
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert all(not cell.get("outputs") and not cell.get("execution_count") for cell in notebook.cells)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_runs(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nbformat = pytest.importorskip("nbformat", reason="Jupyter is not installed: pip install '.[notebook]'")
    nbclient = pytest.importorskip("nbclient", reason="Jupyter is not installed: pip install '.[notebook]'")
    pytest.importorskip("ipykernel", reason="Jupyter is not installed: pip install '.[notebook]'")
    (tmp_path / "worlds").symlink_to(ROOT / "worlds")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    has_plots = importlib.util.find_spec("evolora.viz") is not None
    notebook = nbformat.read(path, as_version=4)
    client = nbclient.NotebookClient(
        notebook,
        timeout=600,
        kernel_name="python3",
        resources={"metadata": {"path": str(tmp_path)}},
        skip_cells_with_tag="" if has_plots else "figure",
    )
    client.execute(cwd=os.fspath(tmp_path))  # raises with the cell's own traceback
    assert all(
        cell.execution_count for cell in notebook.cells if cell.cell_type == "code" and "tags" not in cell.metadata
    )

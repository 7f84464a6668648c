"""viz lies at the top of the repository and is installed as evolora.viz, its pages included."""

import tomllib
from pathlib import Path

import evolora.viz

ROOT = Path(__file__).parents[2]


def test_evolora_viz_is_the_folder_at_the_top():
    assert Path(evolora.viz.__file__).resolve() == ROOT / "viz" / "__init__.py"
    assert (ROOT / "evolora" / "viz").readlink() == Path("../viz")


def test_every_file_that_is_no_module_is_declared_so_that_a_wheel_has_it():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    assert "evolora*" in settings["packages"]["find"]["include"]
    declared = {path for pattern in settings["package-data"]["*"] for path in (ROOT / "viz").rglob(pattern)}
    found = {path for path in (ROOT / "viz").rglob("*") if path.is_file() and path.suffix not in {".py", ".pyc"}}
    files = {path for path in found if path.parent.name != "pictures"}  # README's, for readers of the repository
    assert files and files <= declared


def test_every_name_that_is_offered_is_there():
    assert all(hasattr(evolora.viz, name) for name in evolora.viz.__all__)

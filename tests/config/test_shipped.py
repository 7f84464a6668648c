"""What comes with Evolora is found from anywhere."""

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from evolora.config import shipped
from evolora.config.load import load_world
from evolora.config.shipped import find_shipped, shipped_files

ROOT = Path(__file__).parents[2]
WORLDS = {path.stem for path in (ROOT / "worlds").glob("*.yaml")}


def test_every_world_at_the_top_is_shipped_and_found_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert set(shipped_files("worlds")) == WORLDS
    for name in WORLDS:
        assert load_world(name).name == load_world(f"worlds/{name}.yaml").name == name


def test_a_system_without_links_finds_them_beside_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "evolora").mkdir()
    (tmp_path / "evolora" / "worlds").write_text("../worlds")  # what git leaves there instead of a link
    (tmp_path / "worlds").mkdir()
    (tmp_path / "worlds" / "pond.yaml").touch()
    monkeypatch.setattr(shipped, "PACKAGE", tmp_path / "evolora")
    assert find_shipped("pond") == find_shipped("pond.yaml") == tmp_path / "worlds" / "pond.yaml"


@pytest.mark.parametrize("name", ["", ".", "../worlds/tidepool", "worlds/tidepool", "a\0b", "tidepool.yml"])
def test_only_plain_names_are_looked_for(name: str) -> None:
    assert find_shipped(name) is None


def test_the_package_data_names_the_folder() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert "worlds/*.yaml" in settings["tool"]["setuptools"]["package-data"]["evolora"]


@pytest.mark.slow
def test_a_wheel_carries_every_world(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(tmp_path), str(ROOT)]
    subprocess.run(command, check=True)
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        found = {Path(name).stem for name in wheel.namelist() if name.startswith("evolora/worlds/")}
    assert found == WORLDS

"""Shapes of a host's sites are told from its configuration alone, and are those of the host itself."""

from pathlib import Path

import pytest

from evolora.host.load import load_host
from evolora.host.registry import HOSTS
from evolora.host.shapes import site_shapes
from evolora.host.sites import find_sites

MODULES = ["q_proj", "down_proj"]


@pytest.mark.parametrize("name", [name for name, entry in HOSTS.items() if entry.packaged is None])
def test_every_host_that_is_always_here_has_the_shapes_it_is_loaded_with(name: str) -> None:
    loaded = load_host(name, device="cpu", dtype="float32")
    assert site_shapes(name, MODULES, "upper_half") == find_sites(loaded.model, MODULES, "upper_half")


def test_a_host_that_has_to_be_brought_has_none_before(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("EVOLORA_CACHE", str(tmp_path))
    assert site_shapes("smollm2-135m", MODULES, "all") is None


def test_a_path_is_never_opened(tmp_path: Path) -> None:
    assert site_shapes(str(tmp_path), MODULES, "all") is None

"""The portfolio of a run travels in its bundle, whole; one that a stranger made up is refused with the reason."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bundles import WORLD, contents_of, forge, router, sign_portfolio, write_run
from safetensors.numpy import save_file

from evolora.errors import BundleError
from evolora.routing.router import ROUTERS, fit_router
from evolora.share.pack import pack
from evolora.share.portfolio_format import ROUTER_ARRAYS
from evolora.share.unpack import unpack

Index = dict[str, Any]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return write_run(tmp_path / "run", portfolio=True)


def test_a_portfolio_goes_into_the_bundle_and_out_again(run: Path, tmp_path: Path) -> None:
    manifest, _ = pack(run, tmp_path / "a")
    assert {"portfolio/portfolio.json", "portfolio/world.yaml", "portfolio/router.safetensors"} <= set(manifest.files)
    unpack(tmp_path / "a", tmp_path / "out")
    assert contents_of(tmp_path / "out" / "portfolio") == contents_of(run / "portfolio")
    for path in (run / "portfolio").rglob("*"):
        if path.is_file():
            assert (tmp_path / "out" / path.relative_to(run)).read_bytes() == path.read_bytes()


def test_a_run_without_a_portfolio_has_none_in_its_bundle(tmp_path: Path) -> None:
    manifest, _ = pack(write_run(tmp_path / "plain"), tmp_path / "a")
    assert not [name for name in manifest.files if name.startswith("portfolio")]


def change_index(**changes: Any) -> Callable[[Path], None]:
    """A portfolio whose index says something else."""

    def change(folder: Path) -> None:
        sign_portfolio(folder, {**json.loads((folder / "portfolio.json").read_text()), **changes})

    return change


def change_member(**changes: Any) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        members = json.loads((folder / "portfolio.json").read_text())["members"]
        change_index(members=[{**members[0], **changes}, members[1]])(folder)

    return change


def change_router(**arrays: np.ndarray[Any, Any]) -> Callable[[Path], None]:
    """A router with other arrays, its digest right again."""

    def change(folder: Path) -> None:
        save_file({**router(), **arrays}, folder / "router.safetensors")
        change_index()(folder)

    return change


def change_world(text: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / "world.yaml").write_text(text)
        change_index()(folder)

    return change


def without(name: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / name).unlink()
        change_index()(folder)

    return change


def unsigned(folder: Path) -> None:
    data = (folder / "router.safetensors").read_bytes()
    (folder / "router.safetensors").write_bytes(data[:-1] + b"x")


TRAITS = {"rank": 2, "mutation_scale": 0.1, "learning_rate": 0.01, "temperature": 1.0, "answer_limit": 4}
STRANGE: dict[str, tuple[Callable[[Path], None], str]] = {
    "a path that leaves the folder": (change_member(adapter="../../elites/organism-000007"), "members.0.adapter"),
    "another member's adapter": (change_member(adapter="organism-000012"), "every member once"),
    "a member twice": (change_member(id=12, adapter="organism-000012"), "every member once"),
    "an id below the bare host's": (change_member(id=-2), "members.0.id"),
    "the bare host with an adapter": (change_member(id=-1), "every member once"),
    "an organism without an adapter": (change_member(adapter=None), "every member once"),
    "the bare host beside a router that knows nothing of it": (change_member(id=-1, adapter=None), "a recogniser"),
    "traits that nobody has": (change_member(traits={**TRAITS, "evil": 1}), "members.0.traits"),
    "traits that are missing": (change_member(traits=TRAITS), "members.0.traits.num_examples"),
    "endless answers": (change_member(traits={**TRAITS, "answer_limit": 10**9}), "members.0.traits"),
    "a best that is no member": (change_index(best=3), "expected the best to be a member"),
    "nobody": (change_index(members=[]), "members"),
    "another format": (change_index(format=2), "format"),
    "an unknown router": (change_index(router="pickle"), "router"),
    "another router than the arrays'": (change_index(router="centroid"), "expected centroids, mean, scale"),
    "another host": (change_index(host_digest="cd" * 32), "expected the run's host"),
    "more settings": (change_index(evil=1), "evil"),
    "notes that are no notes": (change_index(notes=[1]), "notes"),
    "a file that was changed": (unsigned, "router.safetensors missing, added or changed"),
    "a router for three": (change_router(weights=np.ones((48, 3))), "expected weights as F64"),
    "a router of two widths": (change_router(scale=np.ones(47)), "expected scale as F64"),
    "a router of nothing": (change_router(mean=np.ones(0)), "expected mean as F64"),
    "a router in half precision": (change_router(mean=np.ones(48, np.float16)), "got F16"),
    "a router that is not finite": (change_router(mean=np.full(48, np.nan)), "finite numbers"),
    "a router that overflows": (change_router(weights=np.full((48, 2), 1e300)), "finite numbers up to 1e\\+12"),
    "a router that divides by zero": (change_router(scale=np.zeros(48)), "scales from 1e-09 on"),
    "a router with more in it": (change_router(evil=np.ones(2)), "got other arrays"),
    "another world": (change_world(WORLD.replace("seed: 3", "seed: 4")), "the run's own world"),
    "a world that extends": (change_world("extends: /etc/passwd\nname: pond\n"), "got one that extends"),
    "no world": (without("world.yaml"), "expected world.yaml, got none"),
    "no router": (without("router.safetensors"), "for a ridge router"),
    "half an adapter": (without("adapters/organism-000007/adapter_model.safetensors"), "got no portfolio/adapters"),
}


@pytest.mark.parametrize("strange", STRANGE)
def test_a_portfolio_that_is_not_the_runs_own_is_neither_packed_nor_unpacked(
    run: Path, tmp_path: Path, strange: str
) -> None:
    change, reason = STRANGE[strange]
    change(run / "portfolio")
    with pytest.raises(BundleError, match=reason):
        pack(run, tmp_path / "a")
    (tmp_path / "in").mkdir()
    bundle = forge(tmp_path / "in" / "a", contents_of(run))
    with pytest.raises(BundleError, match=reason) as caught:
        unpack(bundle, tmp_path / "out")
    assert "\n" not in str(caught.value) and str(caught.value).isprintable()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "run"]


def test_a_portfolio_without_its_index_is_refused(run: Path, tmp_path: Path) -> None:
    contents = contents_of(run)
    del contents["portfolio/portfolio.json"]
    with pytest.raises(BundleError, match=r"expected portfolio\.json, got none"):
        unpack(forge(tmp_path / "a", contents), tmp_path / "out")


def test_the_format_knows_every_router_and_its_arrays() -> None:
    features, scores = np.random.default_rng(0).normal(size=(9, 5)), np.eye(3).repeat(3, axis=1)
    assert set(ROUTER_ARRAYS) == {*ROUTERS, "arrow"}
    for kind in ROUTERS:
        found = {
            name: array.shape for name, array in fit_router(kind, features, scores, list("abcabcabc")).arrays().items()
        }
        lengths = {"width": 5, "members": 3, "kinds": 3, "thresholds": 1}
        assert found == {name: tuple(lengths[axis] for axis in axes) for name, axes in ROUTER_ARRAYS[kind].items()}

"""Mutated portfolio folders: each is loaded and routes, or is refused in one line; never a traceback."""

import json
import tempfile
from pathlib import Path

import numpy as np
from bundles import sign_portfolio, write_portfolio
from fuzzing import Change, Edit, changes_of_values, edited, edits, examples, five_thousand, reshaped
from hypothesis import given
from hypothesis import strategies as st

from evolora.errors import EvoloraError
from evolora.host.shapes import site_shapes
from evolora.portfolio.folder import load_portfolio, read_world
from evolora.share.portfolio_format import INDEX

WIDTH = 48  # of tiny-llama's hidden states

with tempfile.TemporaryDirectory() as _folder:
    _portfolio = write_portfolio(Path(_folder) / "portfolio")
    FILES = {
        path.relative_to(_portfolio).as_posix(): path.read_bytes() for path in _portfolio.rglob("*") if path.is_file()
    }
    _world = read_world(_portfolio)
SITES = site_shapes(_world.host.name, _world.genome.modules, _world.genome.layers) or []

PAYLOADS = [b"\x00", b"\xff\xff\xff\xff", b"{}", b"null", b"-1", b"1e999", b"NaN", b"9" * 5000, b"[" * 3000, b'"F32"',
            b'"shape":[9,9]', b"extends: tidepool\n", b"../evil", b"name: other\n"]  # fmt: skip
WORDS = ["members", "id", "adapter", "../evil", "organism-000012", "best", "router", "arrow", "fixed", "centroid",
         "traits", "rank", "answer_limit", "format", "files", "mean", "scale", "weights", "F32", "shape", "dtype",
         "data_offsets", "\x1b[2J", "extends", "host", "tiny-qwen3", "genome", "scaling"]  # fmt: skip


def reshape(data: bytes, name: str, changes: list[Change]) -> bytes:
    """A file's values changed, in the file's own format; other files keep their bytes."""
    if name.endswith(".json"):
        return json.dumps(reshaped(json.loads(data), changes)).encode()
    if name.endswith(".safetensors"):  # the header's length, the header, the numbers
        length = int.from_bytes(data[:8], "little")
        header = json.dumps(reshaped(json.loads(data[8 : 8 + length]), changes)).encode()
        return len(header).to_bytes(8, "little") + header + data[8 + length :]
    return data


def check(name: str, data: bytes, is_signed: bool) -> None:
    """Load the portfolio with one file replaced, under its own digests or the old ones."""
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent) / "portfolio"
        for other, content in FILES.items():
            (folder / other).parent.mkdir(parents=True, exist_ok=True)
            (folder / other).write_bytes(data if other == name else content)
        if is_signed and name != INDEX:
            sign_portfolio(folder, json.loads(FILES[INDEX]))
        try:
            portfolio = load_portfolio(folder, SITES).portfolio
        except EvoloraError:
            return  # a line for the user; anything else is a traceback, and fails here
        assert portfolio.best in portfolio.members
        if portfolio.router is not None:
            preferences = portfolio.router.preferences(np.ones((3, WIDTH)))
            assert preferences.shape == (3, len(portfolio.members)) and np.isfinite(preferences).all()


names = st.sampled_from(sorted(FILES))
cases = st.tuples(names, edits(PAYLOADS), st.none(), st.booleans()) | st.tuples(
    names, st.none(), changes_of_values(WORDS), st.booleans()
)


def mutated(case: tuple[str, list[Edit] | None, list[Change] | None, bool]) -> tuple[str, bytes, bool]:
    name, changes, values, is_signed = case
    data = edited(FILES[name], changes) if changes is not None else reshape(FILES[name], name, values or [])
    return name, data, is_signed


@examples(300)
@given(cases.map(mutated))
def test_a_mutated_portfolio_is_loaded_whole_or_refused(case: tuple[str, bytes, bool]) -> None:
    check(*case)


@five_thousand(cases.map(mutated))
def test_five_thousand_mutated_portfolios(case: tuple[str, bytes, bool]) -> None:
    check(*case)

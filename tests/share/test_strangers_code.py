"""Nothing out of a stranger's bundle or portfolio imports a module that its author named."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from bundles import contents_of, forge, sign_portfolio, write_run
from typer.testing import CliRunner, Result

from evolora.cli.app import app
from evolora.errors import BundleError, EvoloraError
from evolora.host.load import load_host
from evolora.share.unpack import unpack

EVIL = {"family": "evil:Family", "name": "rhyme"}


@pytest.fixture(scope="module")
def digest() -> str:
    return load_host("tiny-llama", device="cpu", dtype="float32").digest


@pytest.fixture
def run(tmp_path: Path, digest: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An unpacked bundle, whose world and portfolio name a module that can be imported here."""
    (tmp_path / "evil.py").write_text("open('mark', 'w')\nraise SystemExit('imported')\n")
    monkeypatch.chdir(tmp_path)
    made = write_run(tmp_path / "made", portfolio=True)
    for world in (made / "world.yaml", made / "portfolio" / "world.yaml"):
        world.write_text(yaml.safe_dump({**yaml.safe_load(world.read_text()), "niches": [EVIL]}))
    record: dict[str, Any] = json.loads((made / "run.json").read_text())
    (made / "run.json").write_text(json.dumps({**record, "host_digest": digest}))
    index = json.loads((made / "portfolio" / "portfolio.json").read_text())
    sign_portfolio(made / "portfolio", {**index, "host_digest": digest, "files": {}})
    bundle = forge(tmp_path / "a", contents_of(made), host={"name": "tiny-llama", "digest": digest})
    return unpack(bundle, tmp_path / "out").folder


def evolora(*arguments: str, said: str | None = None) -> Result:
    done = CliRunner().invoke(app, arguments, input=said)
    assert not Path("mark").exists()
    return done


def test_a_strangers_portfolio_is_tested_only_with_trust_in_its_code(run: Path) -> None:
    saved = run / "portfolio"
    done = evolora("portfolio", str(saved), "--tasks", "2")
    assert isinstance(done.exception, BundleError)
    assert "code of the author's own, which is not in the portfolio" in str(done.exception)
    CliRunner().invoke(app, ["portfolio", str(saved), "--tasks", "2", "--trust-code"])
    assert Path("mark").exists()


@pytest.mark.parametrize(
    "command",
    [
        ["evaluate", "RUN"],
        ["portfolio", "RUN", "--candidates", "2"],
        ["portfolio", "RUN", "--from", "archive"],
        ["export", "RUN", "--to", "exported"],
        ["export", "RUN", "--lm-eval", "suite"],
        ["export", "RUN", "--archive", "--to", "exported"],
        ["simulate", "--resume", "RUN", "--generations", "9"],
    ],
)
def test_what_needs_more_than_a_bundle_has_is_refused_before_anything_is_imported(
    run: Path, command: list[str]
) -> None:
    done = evolora(*[str(run) if word == "RUN" else word for word in command])
    assert isinstance(done.exception, EvoloraError)


def test_who_is_talked_to_needs_no_families(run: Path) -> None:
    done = evolora("chat", str(run), "--organism", "portfolio", said="hello\n")
    assert done.exit_code == 0, done.exception


def test_packing_reporting_and_checking_import_nothing(run: Path, tmp_path: Path) -> None:
    assert evolora("report", str(run), "-o", "report.html").exit_code == 0
    assert evolora("pack", str(run), "-o", "again.evolora").exit_code == 0
    assert evolora("verify", "again.evolora").exit_code == 0
    assert evolora("world", "validate", str(run / "world.yaml")).exit_code == 0

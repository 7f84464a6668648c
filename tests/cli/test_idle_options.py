"""An option that would do nothing is refused in one line, before anything is done."""

from pathlib import Path

import pytest
from bundles import write_run
from typer.testing import CliRunner

from evolora.cli.app import app
from evolora.errors import ConfigError


def complaint(*arguments: str) -> str:
    done = CliRunner().invoke(app, arguments)
    assert isinstance(done.exception, ConfigError), done.exception
    (problem,) = done.exception.problems
    return problem


@pytest.mark.parametrize(
    "option",
    [
        ["--size", "6"],  # as many as without it: it was asked for all the same
        ["--router", "ridge"],
        ["--candidates", "3"],
        ["--from", "archive"],
        ["--selection", "4"],
        ["--ancestor", "1"],
    ],
)
def test_a_saved_portfolio_is_not_chosen_again(tmp_path: Path, option: list[str]) -> None:
    saved = write_run(tmp_path / "run", portfolio=True) / "portfolio"
    expected = f"{option[0]}: expected none beside a saved portfolio, which is tested as it is; give its run"
    assert complaint("portfolio", str(saved), *option) == expected


def test_all_that_mean_nothing_are_named_at_once(tmp_path: Path) -> None:
    saved = write_run(tmp_path / "run", portfolio=True) / "portfolio"
    said = complaint("portfolio", str(saved), "--candidates", "3", "--size", "2")
    assert said.startswith("--size, --candidates: expected none")


def test_a_run_is_trusted_anyway(tmp_path: Path) -> None:
    said = complaint("portfolio", str(write_run(tmp_path / "run")), "--trust-code")
    assert said == "--trust-code: expected a saved portfolio beside it; a run's own families are imported"


@pytest.mark.parametrize("chosen", [[], ["--archive"]])
def test_tasks_are_counted_for_a_suite_alone(tmp_path: Path, chosen: list[str]) -> None:
    run = write_run(tmp_path / "run")
    said = complaint("export", str(run), "--to", str(tmp_path / "out"), "--tasks", "100", *chosen)
    assert said == "--tasks: expected --lm-eval DIR beside it, whose tasks it counts; give both or neither"

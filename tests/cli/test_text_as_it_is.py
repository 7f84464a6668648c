"""Text out of files and folders' names is printed as it is, whatever it would mean as markup."""

from pathlib import Path

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

from evolora.cli.app import app
from evolora.cli.evaluate import _show
from evolora.portfolio.against_founders import RunScores

MARKUP = "[/data] is [red]here[/red]"


def said(*arguments: str) -> str:
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.exception
    return done.stdout


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.chdir(tmp_path)


def test_the_head_of_a_world_file() -> None:
    Path("worlds").mkdir()
    Path("worlds/pond.yaml").write_text(f"# Pond: {MARKUP}\nniches: [{{family: rhyme}}]\n")
    assert MARKUP in said("world", "list")


def test_the_question_of_an_experiment() -> None:
    Path("experiments").mkdir()
    from evolora.experiment.file import known_experiments, load_experiment

    path = known_experiments()["budget_sweep"]
    values = {**yaml.safe_load(path.read_text()), "name": "mine", "question": MARKUP}
    Path("experiments/mine.yaml").write_text(yaml.safe_dump(values))
    assert load_experiment(Path("experiments/mine.yaml")).question == MARKUP
    assert MARKUP in said("experiment", "list")


def test_the_folder_of_hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    odd = tmp_path / "[" / "data]"
    odd.mkdir(parents=True)
    (odd / "config.json").write_text("{}")
    monkeypatch.setenv("EVOLORA_CACHE", str(odd))
    assert f"Cache: {odd}" in said("host", "list")
    assert f"read from {odd}: nothing to bring" in said("host", "pull", str(odd))


def test_the_names_of_niches(capsys: pytest.CaptureFixture[str]) -> None:
    half = np.full((1, 2), 0.5)
    _show([RunScores((MARKUP,), half, half, half, half)], {})
    assert MARKUP in capsys.readouterr().out

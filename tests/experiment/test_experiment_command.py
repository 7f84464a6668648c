"""`evolora experiment`: plan, run, status and report on the command line."""

import json
import re
from pathlib import Path

import pytest
from small_experiments import EXPERIMENT, write_experiment
from typer.testing import CliRunner

from evolora.cli.experiment import experiment_app
from evolora.errors import ConfigError
from evolora.experiment.file import load_experiment
from evolora.experiment.findings import Claim, Findings, Table, shown, verdict
from evolora.experiment.plan import default_jobs, make_plan
from evolora.experiment.report import render


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))


def invoke(*arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(experiment_app, arguments)
    assert result.exit_code == code, (result.output, result.exception)
    return result.output


def test_an_experiment_is_planned_run_and_reported(tmp_path):
    write_experiment(tmp_path)
    assert "6 of 6 cells to do: unknown" in invoke("plan", "pair.yaml")
    shown_lines = invoke("run", "pair.yaml", "--jobs", "2")
    assert "[6/6]" in shown_lines and "yes        the second is one more" in shown_lines
    folder = tmp_path / "checkpoints" / "experiments" / "pair"
    found = json.loads((folder / "findings.json").read_text())
    assert found["claims"][0]["holds"] == "yes" and found["finished"] == found["cells"] == 6
    assert found["claims"][0]["n"] == 3 and found["claims"][0]["p"] == 1 / 8
    planned = invoke("plan", "pair.yaml")
    assert "0 of 6 cells to do: about 0 s" in planned
    assert "0 of 6 cells to do" in invoke("run", "pair.yaml")


def test_experiments_are_listed_with_their_questions(tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    (tmp_path / "experiments").mkdir()
    write_experiment(tmp_path / "experiments")
    output = invoke("list")
    assert "Is the second one more?" in output and "ecology/drift" in output


def test_quick_runs_beside_the_whole_experiment(tmp_path):
    write_experiment(tmp_path)
    assert "2 of 2 cells to do" in invoke("run", "pair.yaml", "--quick")
    assert (tmp_path / "checkpoints" / "experiments" / "pair-quick" / "report.html").is_file()
    assert "6 of 6 cells to do" in invoke("plan", "pair.yaml")
    page = (tmp_path / "checkpoints" / "experiments" / "pair-quick" / "report.html").read_text()
    assert "Nothing here is evidence" in page


def test_a_failed_cell_makes_the_exit_code_one_and_status_says_why(tmp_path):
    write_experiment(tmp_path, EXPERIMENT.replace("first: {params: {add: 5}}", 'first: {procedure: "doings:fail"}'))
    output = invoke("run", "pair.yaml", "--jobs", "2", code=1)
    assert "second, seed 2: not done, it waits for a failed cell" in output
    assert "incomplete: 2 of 6 cells are not finished" in output
    assert "first, seed 2 failed: expected a good seed, got 2" in invoke("status", "pair.yaml")


def test_a_folder_is_run_experiment_by_experiment_in_folders_of_their_names(tmp_path):
    folder = tmp_path / "many"
    folder.mkdir()
    for name in ("beta", "alpha"):
        write_experiment(folder, EXPERIMENT.replace("name: pair", f"name: {name}"), f"{name}.yaml")
    write_experiment(tmp_path)
    output = invoke("run", "many", "--quick", "--out", "results")
    assert output.index("alpha: 2 of 2") < output.index("beta: 2 of 2")
    assert (tmp_path / "results" / "alpha" / "report.html").is_file()


def test_mistakes_of_all_files_in_a_folder_are_reported_together(tmp_path):
    folder = tmp_path / "many"
    folder.mkdir()
    for name in ("beta", "alpha"):
        write_experiment(folder, EXPERIMENT.replace("arms:", "armies:"), f"{name}.yaml")
    result = CliRunner().invoke(experiment_app, ["run", "many"])
    assert isinstance(result.exception, ConfigError)
    assert {Path(problem.split(":")[0]).name for problem in result.exception.problems if "armies" in problem} == {
        "alpha.yaml",
        "beta.yaml",
    }


def test_a_report_shows_what_it_was_told_and_obeys_none_of_it(tmp_path):
    path = write_experiment(tmp_path, EXPERIMENT.replace("Is the second one more?", "<script>alert(1)</script>"))
    findings = Findings(
        [Claim("<b>bold</b> & true", "undecided", "slope", 0.5, (0.25, 0.75), 0.0125, 4)],
        [Table("<i>T</i>", ("arm", "x"), (("a", 1.5), ("b", None)), "a note")],
    )
    page = render(make_plan(load_experiment(path), tmp_path / "out"), findings)
    assert "<script" not in page and "<b>" not in page and "<i>" not in page
    assert "[0.250, 0.750]" in page and "0.013" in page and "a note" in page
    assert not re.search(r"(src|href)=", page)  # nothing is fetched


@pytest.mark.parametrize(
    ("entry", "expected"),
    [(None, "–"), ("word", "word"), (12345, "12,345"), (0.12345, "0.123"), (0.0, "0.000"), (2**-20, "9.54e-07"),
     (1234.5, "1.23e+03"), (-0.5, "-0.500"), (-2.8e-17, "0.000")],
)  # fmt: skip
def test_entries_are_shown_with_three_digits(entry, expected):
    assert shown(entry) == expected


@pytest.mark.parametrize(
    ("interval", "least", "most", "expected"),
    [
        ((0.1, 0.2), 0.0, None, "yes"),
        ((-0.1, 0.2), 0.0, None, "undecided"),
        ((-0.2, -0.1), 0.0, None, "no"),
        ((1.0, 1.4), None, 1.5, "yes"),
        ((1.6, 2.0), None, 1.5, "no"),
        ((-0.1, 0.1), -0.2, 0.2, "yes"),
        ((-0.3, 0.1), -0.2, 0.2, "undecided"),
        (None, 0.0, None, "undecided"),
    ],
)
def test_a_claim_holds_where_its_interval_lies_wholly_inside(interval, least, most, expected):
    assert verdict(interval, least, most) == expected


def test_as_many_cells_at_once_as_their_threads_leave_room_for(tmp_path, monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(8)), raising=False)
    cells = make_plan(load_experiment(write_experiment(tmp_path)), tmp_path).cells
    assert default_jobs(cells) == 8
    text = EXPERIMENT.replace("world: petri", "world: petri\nset: {host.threads: 3}")
    assert default_jobs(make_plan(load_experiment(write_experiment(tmp_path, text)), tmp_path).cells) == 2

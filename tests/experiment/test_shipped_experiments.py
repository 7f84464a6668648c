"""The quick version of every experiment that ships, whole: from its file to its report."""

import json
import subprocess
import sys
from importlib import resources
from pathlib import Path

import pytest

from evolora.experiment.file import known_experiments, load_experiment

NAMES = sorted(known_experiments())


def test_all_experiments_are_here():
    folder = resources.files("evolora") / "experiments"
    files = Path(str(folder)).resolve().rglob("*.yaml")
    assert {file.stem for file in files} == {name.rpartition("/")[2] for name in NAMES} and len(NAMES) >= 13


@pytest.mark.parametrize("name", NAMES)
def test_the_quick_version_does_all_its_cells_and_says_of_every_claim_how_it_stands(name: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "evolora", "experiment", "run", name, "--quick", "--jobs", "2", "--out", "out"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    experiment = load_experiment(known_experiments()[name], quick=True)
    findings = json.loads((tmp_path / "out" / "findings.json").read_text())
    assert findings["quick"] and findings["finished"] == findings["cells"], "no cell is missing"
    assert findings["cells"] == len(experiment.arms) * len(experiment.seeds)
    assert findings["arms"] == [arm.name for arm in experiment.arms] and findings["claims"] and findings["tables"]
    for claim in findings["claims"]:
        assert claim["holds"] in ("yes", "no", "undecided") and claim["n"] >= 1
    page = (tmp_path / "out" / "report.html").read_text()
    assert experiment.question in page or experiment.question.replace("'", "&#x27;") in page

"""Nothing outside the run folders can be reached, whatever is asked and wherever links lead."""

import shutil
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from evolora.dashboard.runs import Runs, find_runs, run_key
from evolora.dashboard.server import make_app
from evolora.errors import RunFolderError

ADDRESS = "http://127.0.0.1:8765"
SECRET = '{"generation": 1, "secret": "do not tell"}\n'


@pytest.fixture
def shelf(pretend: Path, tmp_path: Path) -> Path:
    """A folder with one run in it, beside a secret."""
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "metrics.jsonl").write_text(SECRET)
    shutil.copytree(pretend, tmp_path / "shelf" / "run")
    return tmp_path / "shelf"


@pytest.mark.parametrize(
    "path",
    [
        "/../secret/metrics.jsonl",
        "/..%2fsecret%2fmetrics.jsonl",
        "/%2e%2e/%2e%2e/secret/metrics.jsonl",
        "/page/../../../pyproject.toml",
        "/page/%2e%2e/__init__.py",
        "/page/__init__.py",
        "/page//etc/passwd",
        "/etc/passwd",
        "/api/runs/../secret",
        "/api/runs/%2e%2e%2fsecret",
        "/api/runs/..%5csecret/frames",
        "/api/runs/run",
        "/api/runs/KEY/panels/..%2f..%2fmetrics.jsonl",
        "/api/runs/KEY/organisms/..%2f..",
        "/api/runs/KEY/metrics.jsonl",
        "/api/runs/KEY/organisms/1%00",
    ],
)
def test_paths_lead_nowhere(shelf: Path, path: str) -> None:
    with TestClient(make_app([shelf]), base_url=ADDRESS) as client:
        (run,) = client.get("/api/runs").json()["runs"]
        answer = client.get(path.replace("KEY", run["key"]))
        assert answer.status_code == 404, answer.text
        assert "do not tell" not in answer.text and "import" not in answer.text


def test_only_runs_below_the_root_are_found_not_those_that_links_lead_to(shelf: Path) -> None:
    (shelf / "stray").symlink_to(shelf.parent / "secret")
    assert [folder.name for folder in find_runs(shelf)] == ["run"]
    assert run_key(shelf.parent / "secret") not in Runs([shelf]).folders


def test_a_link_inside_the_root_may_be_followed(shelf: Path) -> None:
    (shelf / "again").symlink_to(shelf / "run")
    assert {folder.name for folder in find_runs(shelf)} == {"again", "run"}


@pytest.mark.parametrize("name", ["metrics.jsonl", "events.jsonl", "lives.arrow", "world.yaml", "encounters", "extra"])
def test_a_run_with_a_link_out_of_it_is_refused_by_name(shelf: Path, name: str) -> None:
    target = shelf.parent / "secret" / ("metrics.jsonl" if "." in name else "")
    place = shelf / "run" / name
    if place.is_dir():
        shutil.rmtree(place)
    place.unlink(missing_ok=True)
    place.symlink_to(target)
    with TestClient(make_app([shelf]), base_url=ADDRESS) as client:
        (run,) = client.get("/api/runs").json()["runs"]
        for path in ("", "/frames?from=1&to=1", "/panels", "/panels/mean-score", "/organisms/1"):
            answer = client.get(f"/api/runs/{run['key']}{path}")
            assert answer.status_code == 404 and name in answer.json()["error"]
            assert "do not tell" not in answer.text


def test_a_link_that_appears_while_the_run_is_open_is_refused_too(shelf: Path) -> None:
    with TestClient(make_app([shelf]), base_url=ADDRESS) as client:
        (run,) = client.get("/api/runs").json()["runs"]
        assert client.get(f"/api/runs/{run['key']}").status_code == 200
        (shelf / "run" / "events.jsonl").unlink()
        (shelf / "run" / "events.jsonl").symlink_to(shelf.parent / "secret" / "metrics.jsonl")
        assert client.get(f"/api/runs/{run['key']}").status_code == 404


def test_answers_are_not_read_through_a_link(shelf: Path) -> None:
    place = shelf / "run" / "encounters" / "generation-000040.parquet"
    outside = shelf.parent / "secret" / place.name
    place.rename(outside)
    place.symlink_to(outside)
    with TestClient(make_app([shelf]), base_url=ADDRESS) as client:
        (run,) = client.get("/api/runs").json()["runs"]
        frame = client.get(f"/api/runs/{run['key']}/frames?from=40&to=40").json()["frames"][0]
        life = client.get(f"/api/runs/{run['key']}/organisms/{frame['id'][0]}").json()
        assert life["answered"] == 40 and life["answers"] == []


def test_an_unknown_key_is_refused_without_a_word_about_folders(shelf: Path) -> None:
    with pytest.raises(RunFolderError, match="key of a run") as refusal:
        Runs([shelf]).folder("0" * 12)
    assert str(shelf) not in str(refusal.value)


def test_runs_are_found_three_levels_down_and_inside_no_run(shelf: Path) -> None:
    deep = shelf / "experiment" / "arm" / "seed1"
    shutil.copytree(shelf / "run", deep)
    shutil.copytree(shelf / "run", shelf / "run" / "inner")
    shutil.copytree(shelf / "run", shelf / "a" / "b" / "c" / "too-deep")
    runs = Runs([shelf])
    assert sorted(runs.title(key) for key in runs.folders) == ["experiment/arm/seed1", "run"]
    assert Runs([shelf / "run"]).title(run_key(shelf / "run")) == "run"


def test_the_newest_run_is_the_one_written_to_last(shelf: Path) -> None:
    shutil.copytree(shelf / "run", shelf / "aged")
    with (shelf / "run" / "metrics.jsonl").open("a") as file:
        file.write("\n")
    runs = Runs([shelf])
    assert runs.newest() == run_key(shelf / "run")
    assert Runs([shelf.parent / "nowhere"]).newest() is None

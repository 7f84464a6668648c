"""What the page asks and gets: overview, plots, organisms, files; and one line where something is wrong."""

import json
import logging
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from asker import ADDRESS, Asker, ask_about
from starlette.testclient import TestClient

from evolora.dashboard import figures
from evolora.dashboard.server import make_app
from evolora.record.run_data import RunData
from evolora.viz.dashboard import page_files


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    """What a test opens is closed when it ends."""
    with ExitStack() as stack:
        yield stack


def test_the_overview_says_what_the_folder_says(ask_lived: Asker, lived: Path) -> None:
    overview = ask_lived.json()
    assert (overview["name"], overview["seed"], overview["host"]) == ("puddle", 3, "tiny-llama")
    assert (overview["first"], overview["last"], overview["planned"], overview["state"]) == (1, 12, 12, "finished")
    assert [niche["name"] for niche in overview["niches"]] == ["rhyme", "count_word", "nth_word", "opposite"]
    assert overview["strip"]["generation"] == list(range(1, 13))
    assert overview["folder"] == str(lived.resolve()) and overview["problems"] == []


def test_a_run_that_still_grows_is_running_and_says_how_long_it_takes(
    opened: ExitStack, pretend: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "growing"
    shutil.copytree(pretend, folder)
    lines = (folder / "metrics.jsonl").read_text().splitlines(keepends=True)
    (folder / "metrics.jsonl").write_text("".join(lines[:30]))
    asker = opened.enter_context(ask_about(folder))
    overview = asker.json()
    assert (overview["last"], overview["planned"], overview["state"]) == (30, 40, "running")
    pace = [json.loads(line)["seconds"] for line in (folder / "timing.jsonl").read_text().splitlines()[-10:]]
    assert overview["seconds_left"] == pytest.approx(10 * sum(pace) / 10, rel=1e-3)


def test_a_run_before_its_first_generation_waits(opened: ExitStack, pretend: Path, tmp_path: Path) -> None:
    folder = tmp_path / "new"
    shutil.copytree(pretend, folder)
    for name in ("metrics.jsonl", "timing.jsonl", "lives.arrow"):
        (folder / name).write_bytes(b"")
    asker = opened.enter_context(ask_about(folder))
    assert asker.json()["state"] == "waiting"
    assert asker.json("/frames", **{"from": 0, "to": 9}) == {"frames": []}
    asker.json("/panels")


def test_a_half_written_line_is_left_for_later(opened: ExitStack, pretend: Path, tmp_path: Path) -> None:
    folder = tmp_path / "half"
    shutil.copytree(pretend, folder)
    whole = (folder / "metrics.jsonl").read_bytes()
    (folder / "metrics.jsonl").write_bytes(whole[:-40])
    asker = opened.enter_context(ask_about(folder))
    assert asker.json()["last"] == 39 and asker.json()["num_broken"] == 0
    (folder / "metrics.jsonl").write_bytes(whole)
    assert asker.json()["last"] == 40


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_plot_the_run_has_data_for_is_drawn_with_data(ask_lived: Asker, theme: str) -> None:
    panels = ask_lived.json("/panels")["panels"]
    assert len(panels) > 15 and all(panel["caption"] and panel["title"] for panel in panels)
    for panel in panels:
        for query in ({}, {"generation": 5}):
            figure = ask_lived.json(f"/panels/{panel['key']}", theme=theme, **query)
            assert figure["data"], panel["key"]


def test_a_plot_is_drawn_once_until_the_run_has_grown(
    opened: ExitStack, pretend: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "growing"
    shutil.copytree(pretend, folder)
    lines = (folder / "metrics.jsonl").read_text().splitlines(keepends=True)
    (folder / "metrics.jsonl").write_text("".join(lines[:30]))
    drawn = []
    panel = figures.PANEL_BY_KEY["mean-score"]

    class Counting:
        available = staticmethod(panel.available)

        @staticmethod
        def draw(run: RunData, **keywords: object):
            drawn.append(run.generations[-1])
            return panel.draw(run, **keywords)  # type: ignore[arg-type]

    monkeypatch.setitem(figures.PANEL_BY_KEY, "mean-score", Counting)  # type: ignore[arg-type]
    asker = opened.enter_context(ask_about(folder))
    for _ in range(3):
        asker.json("/panels/mean-score")
    assert drawn == [30]
    (folder / "metrics.jsonl").write_text("".join(lines))
    asker.json("/panels/mean-score")
    assert drawn == [30, 40]


def test_a_plot_that_breaks_says_so_and_breaks_nothing_else(
    ask_pretend: Asker, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken:
        available = staticmethod(lambda run: True)

        @staticmethod
        def draw(run: RunData, **keywords: object) -> None:
            raise ZeroDivisionError("by a broken record")

    monkeypatch.setitem(figures.PANEL_BY_KEY, "mean-score", Broken)  # type: ignore[arg-type]
    with caplog.at_level(logging.ERROR):
        answer = ask_pretend.get("/panels/mean-score")
    assert answer.status_code == 500 and "by a broken record" in answer.json()["error"]
    assert "ZeroDivisionError" in caplog.text
    assert ask_pretend.get("/panels/energy").status_code == 200


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/panels/nothing", "key of a plot"),
        ("/panels/energy?theme=<b>", "theme"),
        ("/panels/energy?generation=x", "whole number"),
        ("/panels/energy?generation=-1", "whole number"),
        ("/panels/energy?generation=1e9", "whole number"),
        ("/panels/energy?generation=٣", "whole number"),
        (f"/frames?from={'9' * 40}", "whole number"),
        ("/organisms/nobody", "number"),
        ("/organisms/999999", "nobody of that number"),
    ],
)
def test_a_wrong_question_is_answered_in_one_line(ask_pretend: Asker, path: str, says: str) -> None:
    answer = ask_pretend.client.get(f"/api/runs/{ask_pretend.key}{path}")
    assert answer.status_code == 404 and says in answer.json()["error"] and "\n" not in answer.json()["error"]


def test_every_file_of_the_page_is_served_and_loads_only_from_here(tmp_path: Path) -> None:
    with TestClient(make_app([tmp_path]), base_url=ADDRESS) as client:
        for address, (path, kind) in page_files().items():
            answer = client.get(address)
            assert answer.status_code == 200 and answer.headers["content-type"] == kind
            assert answer.content == path.read_bytes()
            if address != "/page/plotly.js":
                text = answer.text.replace("http://www.w3.org/", "")
                assert "http://" not in text and "https://" not in text, address
                assert "innerHTML" not in text and "insertAdjacentHTML" not in text, address
                assert " onclick=" not in text and " style=" not in text, address


def test_a_folder_without_runs_is_an_empty_list(tmp_path: Path) -> None:
    with TestClient(make_app([tmp_path]), base_url=ADDRESS) as client:
        assert client.get("/api/runs").json() == {"runs": [], "newest": None}

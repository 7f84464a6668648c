"""Run folders that mean harm do none: to the server, and to the page that shows them."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from asker import ask_about
from hostile import MARKUP, make_hostile
from pages import CHROMIUM, DRIVER, Page, open_browser, serving
from selenium.webdriver.remote.webdriver import WebDriver

needs_browser = pytest.mark.skipif(
    CHROMIUM is None or DRIVER is None,
    reason="no chromium with chromedriver is installed: apt-get install chromium-driver",
)


@pytest.fixture(scope="module")
def hostile(lived: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_hostile(lived, tmp_path_factory.mktemp("hostile") / "run")


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebDriver]:
    with open_browser(tmp_path_factory.mktemp("browser")) as driver:
        yield driver


def test_every_question_about_a_hostile_run_is_answered_with_sound_json(hostile: Path) -> None:
    with ask_about(hostile) as asker:
        overview = asker.json()
        assert overview["last"] == 12 and overview["num_broken"] > 10
        frames = asker.json("/frames", **{"from": 0, "to": 20})["frames"]
        assert len(frames) == 12
        for panel in asker.json("/panels")["panels"]:
            answer = asker.get(f"/panels/{panel['key']}")
            assert answer.status_code == 200, f"{panel['key']}: {answer.text[:300]}"
        for identity in frames[5]["id"]:
            assert asker.json(f"/organisms/{identity}")["id"] == identity


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("metrics.jsonl", b"\xff\xfe\x00" * 1000),
        ("metrics.jsonl", b"{" * 2_000_000 + b"\n"),
        ("events.jsonl", b"[" * 500_000 + b"\n" + b"x" * 3_000_000),
        ("lives.arrow", b"\xff" * 4096),
        ("lives.arrow", b""),
        ("world.yaml", b"a: &a [b, b]\nc: [*a, *a]\n" * 100),
        ("world.yaml", b"\x00"),
        ("run.json", b'{"name": {"a": 1}, "seed": [], "host": null}'),
        ("run.json", b'"\\ud800"'),
        ("timing.jsonl", b'{"generation": 1, "seconds": 1e400}\n'),
    ],
)
def test_a_damaged_file_leaves_a_server_that_answers(pretend: Path, tmp_path: Path, name: str, content: bytes) -> None:
    shutil.copytree(pretend, tmp_path / "run")
    (tmp_path / "run" / name).write_bytes(content)
    with ask_about(tmp_path / "run") as asker:
        for path in ("", "/frames?from=1&to=40", "/panels", "/panels/energy", "/organisms/3"):
            answer = asker.client.get(f"/api/runs/{asker.key}{path}")
            assert answer.status_code in (200, 404), answer.text
            json.loads(answer.text)


def test_names_with_half_characters_are_sent_as_something(pretend: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(pretend, folder)
    (folder / "run.json").write_text('{"name": "a\\ud800b", "host": "\\udfff", "seed": 1}')
    with ask_about(folder) as asker:
        assert asker.json()["name"].startswith("a")


def test_a_folder_whose_name_is_no_text_is_listed_all_the_same(pretend: Path, tmp_path: Path) -> None:
    folder = Path(str(tmp_path).encode().decode() + "/ru\udcff<b>")
    shutil.copytree(pretend, folder)
    with ask_about(folder) as asker:
        (run,) = asker.client.get("/api/runs").json()["runs"]
        assert run["title"] == "ru?<b>"
        json.loads(asker.get().text)


def test_a_million_lines_are_read_and_sent_in_part(pretend: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(pretend, folder)
    with (folder / "metrics.jsonl").open("a") as file:
        for start in range(41, 1_000_041, 10_000):
            file.write("".join(f'{{"generation":{g},"num_living":3}}\n' for g in range(start, start + 10_000)))
    with ask_about(folder) as asker:
        answer = asker.get()
        assert answer.json()["last"] == 1_000_040 and len(answer.content) < 100_000
        assert len(asker.get("/frames", **{"from": 0, "to": 1_000_040}).content) < 2_000_000


@needs_browser
def test_a_hostile_run_is_shown_as_text_and_nothing_of_it_runs(driver: WebDriver, hostile: Path) -> None:
    with serving(hostile) as address:
        page = Page(driver, address)
        driver.get("about:blank")
        page.complaints(), page.asked_elsewhere()  # what the browser did at its start
        page.open().until_shown(12)
        for generation in range(11, 0, -1):
            page.press("ArrowLeft")
            page.until_shown(generation)
        page.press("End")
        page.until_shown(12)
        page.run("document.querySelector('#richest button').click()")
        page.until("document.querySelector('#drawer .answers li')")
        assert MARKUP in page.text("#drawer .answers") and MARKUP in page.text("#drawer")
        for key in page.run("return [...document.querySelectorAll('.panel')].map((panel) => panel.dataset.panel)"):
            plot = f'[data-panel="{key}"] .plot'
            page.look_at(plot)
        assert page.run("return window.hacked") is None
        assert (
            page.run("return document.querySelectorAll('img, iframe, object, embed, a[href^=javascript]').length") == 0
        )
        assert page.run("return document.scripts.length") == 2  # its own, and plotly's
        assert page.complaints() == [] and page.asked_elsewhere() == []

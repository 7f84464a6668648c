"""Several runs beside each other: what the server says of them, and the page that shows them."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from asker import ADDRESS
from hostile import make_hostile
from pages import CHROMIUM, DRIVER, Page, open_browser, serving, wait
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webdriver import WebDriver
from starlette.testclient import TestClient

from evolora.dashboard.comparing import comparison_of
from evolora.dashboard.runs import run_key
from evolora.dashboard.server import make_app

needs_browser = pytest.mark.skipif(
    CHROMIUM is None or DRIVER is None,
    reason="no chromium with chromedriver is installed: apt-get install chromium-driver",
)


@pytest.fixture(scope="module")
def shelf(pretend: Path, lived: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of three runs: an invented one, a lived one, a hostile one."""
    folder = tmp_path_factory.mktemp("shelf")
    shutil.copytree(pretend, folder / "a-pretend")
    shutil.copytree(lived, folder / "b-lived")
    make_hostile(lived, folder / "c-hostile")
    return folder


def keys_of(shelf: Path) -> list[str]:
    return [run_key(folder.resolve()) for folder in sorted(shelf.iterdir())]


@pytest.fixture
def client(shelf: Path) -> Iterator[TestClient]:
    with TestClient(make_app([shelf]), base_url=ADDRESS) as client:
        yield client


def test_runs_are_described_and_every_plot_of_them_is_drawn(client: TestClient, shelf: Path) -> None:
    runs = ",".join(keys_of(shelf))
    described = client.get("/api/compare", params={"runs": runs}).json()
    assert [run["key"] for run in described["runs"]] == keys_of(shelf)
    assert len({run["name"] for run in described["runs"]}) == 3 == len({run["colour"] for run in described["runs"]})
    kinds = [panel["kind"] for panel in described["panels"]]
    assert kinds.count("over") >= 8 and kinds.count("beside") >= 4
    for panel in described["panels"]:
        if panel["kind"] == "over":
            answer = client.get(f"/api/compare/{panel['key']}", params={"runs": runs, "theme": "dark"})
            assert answer.status_code == 200 and answer.json()["data"], f"{panel['key']}: {answer.text[:300]}"
        for key in panel.get("runs", ()):
            assert client.get(f"/api/runs/{key}/panels/{panel['key']}").status_code == 200, panel["key"]


@pytest.mark.parametrize("runs", ["", "x", "{0}", "{0},{0}", "{0},nobody", "{0},{1},{2},{0},{1}", "{0},../{1}"])
def test_what_is_no_two_to_four_runs_is_refused_in_a_line(client: TestClient, shelf: Path, runs: str) -> None:
    answer = client.get("/api/compare", params={"runs": runs.format(*keys_of(shelf))})
    assert answer.status_code == 404 and "expected" in answer.json()["error"]


def test_a_plot_that_is_none_is_refused(client: TestClient, shelf: Path) -> None:
    runs = ",".join(keys_of(shelf))
    assert client.get("/api/compare/nothing", params={"runs": runs}).status_code == 404
    assert client.get("/api/compare/living", params={"runs": runs, "theme": "pink"}).status_code == 404


def test_runs_that_are_named_one_by_one_are_shown_side_by_side(shelf: Path) -> None:
    folders = sorted(shelf.iterdir())
    assert comparison_of(folders) == f"?compare={','.join(keys_of(shelf))}"
    assert comparison_of([shelf]) == comparison_of(folders[:1]) == comparison_of([*folders[:1], shelf]) == ""


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebDriver]:
    with open_browser(tmp_path_factory.mktemp("browser")) as driver:
        yield driver


@pytest.fixture
def page(driver: WebDriver, shelf: Path) -> Iterator[Page]:
    """The three runs side by side; whatever the test does, the page must not complain or ask others."""
    with serving(shelf) as address:
        page = Page(driver, address)
        driver.get("about:blank")
        page.complaints(), page.asked_elsewhere()
        page.open(f"?compare={','.join(keys_of(shelf))}").until_shown(40)
        yield page
        assert page.complaints() == []
        assert page.asked_elsewhere() == []


@needs_browser
def test_each_run_has_its_pond_and_all_share_the_time(page: Page) -> None:
    assert page.run("return document.querySelectorAll('.lane canvas').length") == 3
    numbers = "[...document.querySelectorAll('.lane')].map((lane) => parseInt(lane.querySelector('dd').textContent))"
    assert page.until(f"{numbers}.join() === '40,12,12'")
    page.press("ArrowLeft", shiftKey=True)
    page.until_shown(30)
    page.run("const s = document.getElementById('scrub'); s.value = 5; s.dispatchEvent(new Event('input'))")
    page.until_shown(5)
    assert page.until(f"{numbers}.join() === '5,5,5'")
    colours = (
        "return [...document.querySelectorAll('.lane canvas')]"
        ".map((c) => new Set(c.getContext('2d').getImageData(0, 0, c.width, c.height).data).size)"
    )
    assert min(page.run(colours)) > 50


@needs_browser
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_plot_is_drawn_and_those_beside_each_other_share_their_axes(page: Page, theme: str) -> None:
    if page.run("return document.documentElement.dataset.theme") != theme:
        page.press("t")
    keys = page.until("[...document.querySelectorAll('[data-panel]')].map((panel) => panel.dataset.panel)")
    for key in keys:
        selector = f'[data-panel="{key}"] .plot'
        page.look_at(selector)
        assert page.run("return document.querySelector(arguments[0]).data.length", selector) > 0, key
    assert page.run("return document.querySelectorAll('.panel .trouble').length") == 0
    ranges = (
        "return [...document.querySelectorAll('[data-set=muller] .plot')].map((p) => p._fullLayout.xaxis.range.join())"
    )
    wait(lambda: len(page.run(ranges)) == 3 and len(set(page.run(ranges))) == 1)
    assert len(page.run("return document.querySelector('[data-panel=mean-score] .plot').data")) == 3


@needs_browser
def test_a_plot_that_fails_says_so_and_the_others_are_drawn(page: Page) -> None:
    page.run(
        "const ask = window.fetch; window.fetch = (path, how) => path.includes(arguments[0])"
        ' ? Promise.resolve(new Response(\'{"error": "no such luck"}\', {status: 500})) : ask(path, how)',
        "/panels/muller",
    )
    for member, plot in enumerate(page.until("[...document.querySelectorAll('[data-set=muller] .plot')]"), start=1):
        page.run("arguments[0].scrollIntoView({behavior: 'instant', block: 'center'})", plot)
        trouble = f"[data-set=muller] .member:nth-child({member}) .trouble"
        wait(lambda trouble=trouble: page.text(trouble) == "no such luck", what=trouble)
    page.look_at("[data-set=specialisation] .member:nth-child(1) .plot")


@needs_browser
def test_a_cell_of_any_pond_opens_its_own_runs_organism(page: Page, shelf: Path) -> None:
    plot = "[data-set=specialisation] .member:nth-child(2) .plot"
    page.look_at(plot)
    page.run("document.querySelector(arguments[0]).emit('plotly_click', {points: [{customdata: 3}]})", plot)
    page.until("document.querySelector('#drawer h2')?.textContent === 'Organism 3'")
    assert str(sorted(shelf.iterdir())[1].resolve()) in page.text("#drawer code")
    page.press("Escape")
    page.until("document.getElementById('drawer').hidden")


@needs_browser
def test_runs_are_chosen_by_keyboard_alone(driver: WebDriver, shelf: Path) -> None:
    with serving(shelf) as address:
        page = Page(driver, address).open(f"?run={keys_of(shelf)[0]}")
        page.until_shown(40)
        page.press("c")
        page.until("document.getElementById('chooser').open")
        assert page.run("return document.getElementById('chooser-go').disabled")
        driver.switch_to.active_element.send_keys(Keys.ARROW_DOWN)
        driver.switch_to.active_element.send_keys(Keys.SPACE)
        assert not page.run("return document.getElementById('chooser-go').disabled")
        driver.switch_to.active_element.send_keys(Keys.ENTER)
        page.until("location.search === arguments[0]", f"?compare={','.join(keys_of(shelf)[:2])}")
        page.until_shown(40)
        assert page.run("return document.querySelectorAll('.lane').length") == 2
        page.press("c")
        page.until("document.getElementById('chooser').open")
        assert page.run("return document.querySelectorAll('#chooser-list input:checked').length") == 2


@needs_browser
def test_all_runs_are_followed_as_they_grow(driver: WebDriver, pretend: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        shutil.copytree(pretend, tmp_path / name)
        lines = (pretend / "metrics.jsonl").read_text().splitlines(keepends=True)
        (tmp_path / name / "metrics.jsonl").write_text("".join(lines[:30]))
    with serving(tmp_path) as address:
        page = Page(driver, address).open(f"?compare={','.join(keys_of(tmp_path))}")
        page.until_shown(30)
        for number, (name, last) in enumerate((("two", 33), ("one", 36))):
            (tmp_path / name / "metrics.jsonl").write_text("".join(lines[:last]))
            page.until_shown(last)
            lane = f"document.querySelectorAll('.lane')[{1 - number}].querySelector('dd').textContent"
            page.until(f"parseInt({lane}) === {last}")

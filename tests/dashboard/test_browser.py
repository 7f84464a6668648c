"""The page in a real browser: it draws, follows a run, opens organisms, and never asks anybody but its server."""

import json
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pages import CHROMIUM, DRIVER, Page, open_browser, patience, serving, wait
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver
from synthetic import write_run

pytestmark = pytest.mark.skipif(
    CHROMIUM is None or DRIVER is None,
    reason="no chromium with chromedriver is installed: apt-get install chromium-driver",
)
SOON = 2.0  # seconds from a generation's writing to its being on the screen


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebDriver]:
    with open_browser(tmp_path_factory.mktemp("browser")) as driver:
        yield driver


@pytest.fixture
def downloads(driver: WebDriver) -> Path:
    return Path(driver.capabilities["chrome"]["userDataDir"]).parent / "downloads"


@pytest.fixture(scope="module")
def lived_address(lived: Path) -> Iterator[str]:
    with serving(lived) as address:
        yield address


@pytest.fixture
def page(driver: WebDriver, lived_address: str) -> Iterator[Page]:
    """The page of the lived run, at its last generation. Whatever the test does, it must not complain or ask others."""
    page = Page(driver, lived_address)
    yield from watched(page, 12)


def watched(page: Page, last: int) -> Iterator[Page]:
    page.driver.get("about:blank")
    page.complaints(), page.asked_elsewhere()  # what earlier pages said
    page.open().until_shown(last)
    yield page
    assert page.complaints() == []
    assert page.asked_elsewhere() == []


def test_the_first_screen_explains_itself_and_shows_the_last_generation(page: Page) -> None:
    assert "language model" in page.text(".lead") and "energy" in page.text(".lead")
    tiles = page.run("return [...document.querySelectorAll('.tile dt')].map((tile) => tile.textContent)")
    assert tiles[:4] == ["generation", "living", "births", "deaths"]
    assert tiles[4:] == ["energy of the living", "mean score", "tokens a second", "time left"]
    assert page.run("return document.querySelectorAll('#signs li').length") >= 7
    assert page.run("return document.querySelectorAll('#richest button').length") == 7
    assert page.text("#trouble") == ""


PICTURE = "return document.getElementById('water').toDataURL()"


def test_the_pond_is_painted_and_moves(page: Page) -> None:
    colours = "return new Set(document.getElementById('water').getContext('2d').getImageData(0, 0, 900, 600).data).size"
    assert page.run(colours) > 50
    ActionChains(page.driver).move_by_offset(5, 5).perform()  # somebody is there: it moves on few cores too
    before = page.run(PICTURE)
    wait(lambda: page.run(PICTURE) != before)


@pytest.mark.parametrize(("cores", "rests"), [(2, True), (16, False)])
def test_a_pond_that_nobody_touches_leaves_few_cores_to_the_run(
    driver: WebDriver, lived_address: str, cores: int, rests: bool
) -> None:
    driver.execute_cdp_cmd("Emulation.setHardwareConcurrencyOverride", {"hardwareConcurrency": cores})
    try:
        page = Page(driver, lived_address).open()
        page.until_shown(12)
        deadline = time.monotonic() + 20.0 * patience()
        changes = []
        while len(changes) < 3 or (changes[-3:] == [False] * 3) != rests:
            assert time.monotonic() < deadline, changes
            before = page.run(PICTURE)
            time.sleep(0.5)
            changes.append(page.run(PICTURE) != before)
        if rests:
            ActionChains(driver).move_by_offset(3, 3).perform()
            wait(lambda: page.run(PICTURE) != before)
    finally:
        real = {"hardwareConcurrency": os.cpu_count() or 1}
        driver.execute_cdp_cmd("Emulation.setHardwareConcurrencyOverride", real)


def test_nothing_moves_for_those_who_asked_for_less_motion(driver: WebDriver, lived_address: str) -> None:
    still = {"features": [{"name": "prefers-reduced-motion", "value": "reduce"}]}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", still)
    try:
        page = Page(driver, lived_address).open()
        page.until_shown(12)
        time.sleep(0.3)
        picture = "return document.getElementById('water').toDataURL()"
        before = page.run(picture)
        time.sleep(0.5)
        assert page.run(picture) == before
        page.press("ArrowLeft")
        page.until_shown(11)
        assert page.run(picture) != before
    finally:
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_panel_draws_something(page: Page, theme: str) -> None:
    if page.run("return document.documentElement.dataset.theme") != theme:
        page.press("t")
    keys = page.until("[...document.querySelectorAll('.panel')].map((panel) => panel.dataset.panel)")
    assert len(keys) > 15
    for key in keys:
        selector = f'[data-panel="{key}"] .plot'
        page.look_at(selector)
        marks = "document.querySelectorAll(arguments[0] + ' .main-svg path, ' + arguments[0] + ' .main-svg rect, ' + "
        marks += "arguments[0] + ' .main-svg image, ' + arguments[0] + ' .main-svg text').length"
        assert page.run(f"return {marks}", selector) > 5, key
        assert page.run("return document.querySelector(arguments[0]).data.length", selector) > 0
        assert page.text(f'[data-panel="{key}"] .caption').strip()
    assert page.run("return document.querySelectorAll('.panel .trouble').length") == 0


def test_a_generation_is_on_the_screen_soon_after_it_was_written(
    driver: WebDriver, pretend: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "growing"
    shutil.copytree(pretend, folder)
    lines = (folder / "metrics.jsonl").read_text().splitlines(keepends=True)
    (folder / "metrics.jsonl").write_text("".join(lines[:34]))
    with serving(folder) as address:
        page = Page(driver, address).open()
        page.until_shown(34)
        waited = []
        for generation in range(35, 40):
            with (folder / "metrics.jsonl").open("a") as file:
                written = time.monotonic()
                file.write(lines[generation - 1])
            page.until_shown(generation)
            waited.append(time.monotonic() - written)
        with (folder / "metrics.jsonl").open("a") as file:
            file.write(lines[39][:50])  # half a line is left for later
        time.sleep(1.0)
        assert page.shown() == 39 and page.text("#trouble") == ""
    assert sorted(waited)[1] < SOON * patience(), waited


def test_a_paused_view_stays_and_live_goes_to_the_newest(driver: WebDriver, pretend: Path, tmp_path: Path) -> None:
    folder = tmp_path / "growing"
    shutil.copytree(pretend, folder)
    lines = (folder / "metrics.jsonl").read_text().splitlines(keepends=True)
    (folder / "metrics.jsonl").write_text("".join(lines[:38]))
    with serving(folder) as address:
        page = Page(driver, address).open()
        page.until_shown(38)
        page.press(" ")
        (folder / "metrics.jsonl").write_text("".join(lines))
        page.until("document.getElementById('scrub').max === '40'")
        assert page.shown() == 38
        page.press("l")
        page.until_shown(40)


def test_time_is_moved_by_keys_slider_and_replay(page: Page) -> None:
    page.press("ArrowLeft")
    page.until_shown(11)
    page.press("ArrowLeft", shiftKey=True)
    page.until_shown(1)
    assert page.text("#shown").startswith("1 ")
    page.run("const s = document.getElementById('scrub'); s.value = 7; s.dispatchEvent(new Event('input'))")
    page.until_shown(7)
    assert page.text(".tile .value").startswith("7")
    page.run("const s = document.getElementById('speed'); s.value = '30'; s.dispatchEvent(new Event('change'))")
    page.press("Home")
    page.until_shown(1)
    page.press(" ")
    page.until_shown(12)


def test_plots_follow_the_generation_that_is_shown(page: Page) -> None:
    page.look_at("[data-panel='population-size'] .plot")
    last = "document.querySelector('[data-panel=\"population-size\"] .plot')?.data?.[0].x.at(-1)"
    page.until(f"{last} === 12")
    page.press("ArrowLeft")
    page.until(f"{last} === 11")


def test_a_cell_says_who_it_is_and_opens_its_life(page: Page) -> None:
    page.press("ArrowLeft")  # a pause: cells stay themselves
    page.until_shown(11)
    water = page.driver.find_element(By.ID, "water")
    size = water.size
    for step in range(400):
        across = (step * 37) % size["width"] - size["width"] // 2
        down = (step * 91) % size["height"] - size["height"] // 2
        ActionChains(page.driver, duration=0).move_to_element_with_offset(water, across, down).perform()
        if page.run("return !document.getElementById('who').hidden"):
            break
    named = page.text("#who strong")
    assert named.startswith("organism ") and "energy" in page.text("#who")
    ActionChains(page.driver).click().perform()
    page.until("!document.getElementById('drawer').hidden")
    assert page.text("#drawer h2").lower() == named


def test_a_life_leads_to_its_parents_and_children_and_closes(page: Page) -> None:
    page.run("document.querySelector('#richest button').click()")
    page.until("document.querySelector('#drawer .kin button')")
    first = page.text("#drawer h2")
    shown = page.text("#drawer")
    for part in ("Parents", "Children", "Energy, by generation", "Meals", "Traits", "Questions and answers"):
        assert part in shown
    assert "How far its weights have moved" in shown
    identity = first.removeprefix("Organism ")
    assert f"--organism {identity} --to organism-{identity}" in page.text("#drawer code")
    assert page.run("return document.querySelectorAll('#drawer .answers li').length") > 0
    kin = page.text("#drawer .kin button")
    page.run("document.querySelector('#drawer .kin button').click()")
    page.until(f"document.querySelector('#drawer h2').textContent === 'Organism {kin}'")
    page.press("Escape")
    page.until("document.getElementById('drawer').hidden")


def test_a_row_of_the_heat_map_opens_its_organism(page: Page) -> None:
    plot = '[data-panel="specialisation"] .plot'
    page.until(f"document.querySelector('{plot}')")
    page.look_at(plot)
    target = page.driver.find_element(By.CSS_SELECTOR, f"{plot} .nsewdrag")
    ActionChains(page.driver).move_to_element(target).pause(0.3).click().perform()
    page.until("!document.getElementById('drawer').hidden")
    assert page.text("#drawer h2").startswith("Organism ")


def test_an_organism_is_found_by_its_number_and_a_wrong_one_says_so(page: Page) -> None:
    page.press("/")
    assert page.run("return document.activeElement.id") == "search-field"
    find = "const f = document.getElementById('search-field'); f.value = arguments[0]; f.form.requestSubmit()"
    page.run(find, "3")
    page.until("document.querySelector('#drawer h2')?.textContent === 'Organism 3'")
    page.run(find, "999999")
    page.until("document.querySelector('#drawer').textContent.includes('nobody of that number')")
    page.driver.get_log("browser")  # the browser notes the 404, which is meant


def test_help_opens_by_key_and_explains_the_words(page: Page) -> None:
    page.press("?")
    page.until("document.getElementById('help').open")
    assert "LoRA adapter" in page.text("#help") and "lineage" in page.text("#help")


def test_plots_are_saved_as_pictures_and_numbers(page: Page, downloads: Path) -> None:
    panel = '[data-panel="population-size"]'
    page.until(f"document.querySelector('{panel}')")
    page.look_at(f"{panel} .plot")
    heads = {"svg": b"<svg", "png": b"\x89PNG", "csv": b"trace,x,y"}
    for button, (kind, head) in enumerate(heads.items()):
        page.run(f"document.querySelectorAll('{panel} .tools button')[{button}].click()")
        saved = downloads / f"population-size.{kind}"
        wait(saved.is_file)
        assert saved.read_bytes().startswith(head)
    living = [line.split(",") for line in saved.read_text().splitlines() if line.startswith("organisms,")]
    assert [int(float(x)) for _, x, _ in living] == list(range(1, 13))


def test_runs_are_changed_in_the_picker_and_a_new_one_appears_by_itself(
    driver: WebDriver, pretend: Path, lived: Path, tmp_path: Path
) -> None:
    shutil.copytree(pretend, tmp_path / "pretend")
    with serving(tmp_path) as address:
        page = Page(driver, address).open()
        page.until_shown(40)
        shutil.copytree(lived, tmp_path / "lived")
        page.until("document.querySelectorAll('#run option').length === 2")
        assert page.shown() == 40
        page.run(
            "const r = document.getElementById('run'); r.value = [...r.options].find((o) => o.text === 'lived').value;"
            "r.dispatchEvent(new Event('change'))"
        )
        page.until_shown(12)
        page.until("document.title.startsWith('puddle')")
        key = page.run("return new URLSearchParams(location.search).get('run')")
        page.open(f"?run={key}").until_shown(12)


def test_a_server_that_stops_is_told_and_found_again_is_forgotten(driver: WebDriver, lived: Path) -> None:
    with serving(lived) as address:
        page = Page(driver, address).open()
        page.until_shown(12)
    page.until("!document.getElementById('trouble').hidden")
    assert "run itself is not affected" in page.text("#trouble")


def test_two_thousand_generations_of_256_open_in_two_seconds_and_scrub(driver: WebDriver, tmp_path: Path) -> None:
    folder = write_run(tmp_path / "ocean", generations=2000, capacity=256, births=50)
    assert sum(b'"event": "birth"' in line for line in (folder / "events.jsonl").open("rb")) >= 100_000 - 5_000
    with serving(folder) as address:
        page = Page(driver, address)
        page.open().until_shown(2000)  # the server reads the run while it starts
        opened = []
        for _ in range(3):
            driver.get("about:blank")
            start = time.monotonic()
            page.open().until_shown(2000)
            opened.append(time.monotonic() - start)
        assert min(opened) < 2.0 * patience(), opened
        jumps = [scrub(page, generation) for generation in (1000, 250, 1777, 3, 1234)]
        assert sorted(jumps)[1] < 1.0 * patience(), jumps  # far away: nothing of it was there yet
        drags = [scrub(page, generation) for generation in range(1235, 1275)]
        assert sorted(drags)[len(drags) // 2] < 0.5 * patience(), drags  # with the test's own way to the browser, twice
        weight = page.run(
            "return performance.getEntriesByType('resource').filter((one) => one.name.includes('/frames'))"
            ".map((one) => one.decodedBodySize)"
        )
        assert max(weight) < 500_000, json.dumps(weight)


def scrub(page: Page, generation: int) -> float:
    """Seconds from moving the slider to the generation's being shown."""
    start = time.monotonic()
    page.run(
        "const s = document.getElementById('scrub'); s.value = arguments[0]; s.dispatchEvent(new Event('input'))",
        generation,
    )
    page.until_shown(generation)
    return time.monotonic() - start

"""On paper and on a phone: light, whole, nothing cut off, no sideways scrolling of the page."""

import base64
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pages import CHROMIUM, DRIVER, Page, open_browser, serving, wait
from selenium.webdriver.remote.webdriver import WebDriver

from evolora.record.run_data import RunData
from evolora.viz.report import render

pytestmark = pytest.mark.skipif(
    CHROMIUM is None or DRIVER is None,
    reason="no chromium with chromedriver is installed: apt-get install chromium-driver",
)
A4 = {"paperWidth": 8.27, "paperHeight": 11.69}  # inches
MARGIN = 0.4  # inches, a browser's own
SHEET = 717  # pixels between the margins
PHONE = 390

# Everything of a plot that is not on it: (panel or plot, what, pixels beyond its edge).
CUT_OFF = """
const found = [];
for (const plot of document.querySelectorAll(".plot")) {
  const svg = plot.querySelector(".main-svg");
  if (!svg) continue;
  const name = plot.id || plot.closest("[data-panel]").dataset.panel;
  const frame = svg.getBoundingClientRect();
  const outer = plot.parentElement.getBoundingClientRect();
  const scrolls = getComputedStyle(plot.parentElement).overflowX === "auto";
  if (!scrolls && frame.right > outer.right + 1) found.push([name, "plot", frame.right - outer.right]);
  for (const text of plot.querySelectorAll(".main-svg text")) {
    const box = text.getBoundingClientRect();
    if (!box.width || !text.textContent.trim()) continue;
    const beyond = Math.max(box.right - frame.right, frame.left - box.left);
    if (beyond > 2) found.push([name, text.textContent, beyond]);
  }
}
return found;
"""


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebDriver]:
    with open_browser(tmp_path_factory.mktemp("browser")) as driver:
        yield driver


@pytest.fixture(scope="module")
def address(pretend: Path) -> Iterator[str]:
    with serving(pretend) as address:
        yield address


@pytest.fixture(scope="module")
def report(pretend: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("report") / "report.html"
    file.write_text(render([RunData.open(pretend)]))
    return file.as_uri()


@pytest.fixture(params=["light", "dark"])
def theme(driver: WebDriver, request: pytest.FixtureRequest) -> Iterator[str]:
    """The reader's system prefers it."""
    wanted = [{"name": "prefers-color-scheme", "value": request.param}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": wanted})
    yield request.param
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": []})


@pytest.fixture
def phone(driver: WebDriver) -> Iterator[None]:
    size = {"width": PHONE, "height": 844, "deviceScaleFactor": 1, "mobile": True}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    yield
    driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def open_report(driver: WebDriver, report: str) -> None:
    """Open it and wait until it has drawn all its plots, which it does by itself."""
    driver.get(report)
    left = "return document.querySelectorAll('.plot:not(.js-plotly-plot)').length === 0"
    wait(lambda: driver.execute_script(left), 120, "the report's plots")


def open_dashboard(driver: WebDriver, address: str) -> Page:
    """Open it and look at every plot once."""
    page = Page(driver, address).open()
    page.until_shown(40)
    for key in page.until("[...document.querySelectorAll('.panel')].map((panel) => panel.dataset.panel)"):
        plot = f'[data-panel="{key}"] .plot'
        page.look_at(plot)
    return page


def print_out(driver: WebDriver) -> list[np.ndarray]:
    """The pages as a printer gets them: (height, width, colours) in [0, 255], 72 pixels an inch."""
    pdfium = pytest.importorskip("pypdfium2", reason="pypdfium2 is not installed: pip install -e .[test]")
    data = driver.execute_cdp_cmd("Page.printToPDF", {"printBackground": False, **A4})["data"]
    document = pdfium.PdfDocument(base64.b64decode(data))
    return [document[number].render().to_numpy() for number in range(len(document))]


def check_paper(pages: list[np.ndarray]) -> None:
    edge = int(72 * MARGIN) - 2
    for page in pages:
        assert (page[:, -edge:] == 255).all(), "something runs over the right margin"
        assert (page[:, :edge] == 255).all() and (page[-edge:] == 255).all()
        assert np.median(page) == 255, "dark paper"
    inked = [float((page.min(axis=2) < 250).mean()) for page in pages]
    assert sum(share > 0.005 for share in inked) >= len(pages) - 2, inked
    coloured = [float((page.max(axis=2).astype(int) - page.min(axis=2) > 60).mean()) for page in pages]
    assert sum(share > 0.0005 for share in coloured) >= len(pages) // 3, "plots are not on the paper"


def as_on_paper(driver: WebDriver) -> list[list[object]]:
    """What is cut off when the page is laid out for printing."""
    size = {"width": SHEET, "height": 1000, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        driver.execute_script("window.dispatchEvent(new Event('beforeprint'))")
        return list(driver.execute_script(CUT_OFF))
    finally:
        driver.execute_script("window.dispatchEvent(new Event('afterprint'))")
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
        driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_a_printed_report_is_light_and_whole(driver: WebDriver, report: str, theme: str) -> None:
    open_report(driver, report)
    pages = print_out(driver)
    assert len(pages) > 12
    check_paper(pages)
    assert driver.execute_script("return document.documentElement.dataset.theme") == theme, "it is as before on screen"
    assert as_on_paper(driver) == []


def test_a_printed_dashboard_is_light_and_whole(driver: WebDriver, address: str, theme: str) -> None:
    page = open_dashboard(driver, address)
    pages = print_out(driver)
    assert len(pages) > 12
    check_paper(pages)
    assert as_on_paper(driver) == []
    page.until("[...document.querySelectorAll('.plot.drawn')].some((plot) => plot._fullLayout.autosize)")
    assert page.complaints() == []


def test_a_report_on_a_phone_does_not_scroll_sideways(driver: WebDriver, report: str, phone: None) -> None:
    open_report(driver, report)
    assert driver.execute_script("return document.documentElement.scrollWidth") <= PHONE
    assert driver.execute_script(CUT_OFF) == []


def test_a_dashboard_on_a_phone_does_not_scroll_sideways_and_wide_plots_do(
    driver: WebDriver, address: str, phone: None
) -> None:
    page = open_dashboard(driver, address)
    assert page.run("return document.documentElement.scrollWidth") <= PHONE
    for key, is_wide, seen, whole, drawn in page.run(
        "return [...document.querySelectorAll('.panel')].map((panel) => [panel.dataset.panel, "
        "panel.classList.contains('wide'), panel.clientWidth, panel.scrollWidth, "
        "panel.querySelector('.main-svg').getBoundingClientRect().width])"
    ):
        assert seen <= PHONE and drawn <= whole, key
        assert is_wide or whole == seen, key
    assert page.run("return getComputedStyle(document.body).fontSize") == "15px"


def test_plots_keep_their_heights_when_the_window_changes(driver: WebDriver, address: str) -> None:
    page = open_dashboard(driver, address)
    heights = (
        "return [...document.querySelectorAll('.plot')].map((plot) => [plot.closest('[data-panel]').dataset.panel, "
        "plot.clientHeight, plot.querySelector('.main-svg').clientHeight])"
    )
    before = page.run(heights)
    driver.set_window_size(1150, 900)
    page.until("document.querySelector('[data-panel=\"muller\"] .main-svg').clientWidth < 1100")
    assert page.run(heights) == before
    assert all(element >= drawn for _, element, drawn in before)

"""A headless browser that keeps account of what its pages asked for and complained about, and servers for it."""

import json
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.remote.webdriver import WebDriver

from evolora.dashboard.address import address_of, listen_on
from evolora.dashboard.server import Server, make_app

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
OPTIONS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1400,1000",
)


@contextmanager
def open_browser(folder: Path) -> Iterator[WebDriver]:
    """A browser whose profile and downloads are in `folder`."""
    assert CHROMIUM is not None and DRIVER is not None
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for option in (*OPTIONS, f"--user-data-dir={folder / 'profile'}"):
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    try:
        downloads = {"behavior": "allow", "downloadPath": str(folder / "downloads")}
        driver.execute_cdp_cmd("Browser.setDownloadBehavior", downloads)
        yield driver
    finally:
        driver.quit()


@contextmanager
def serving(*roots: Path) -> Iterator[str]:
    """The address of a dashboard of `roots`, served by a thread."""
    with listen_on(port=0) as listening:
        server = Server(make_app(roots))
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            yield address_of(listening)
        finally:
            server.should_exit = True
            thread.join(timeout=20)


class Page:
    """The dashboard in a browser."""

    def __init__(self, driver: WebDriver, address: str) -> None:
        self.driver, self.address = driver, address

    def open(self, query: str = "") -> "Page":
        self.driver.get(self.address + query)
        return self

    def run(self, script: str, *arguments: object) -> Any:
        return self.driver.execute_script(script, *arguments)

    def until(self, script: str, *arguments: object, seconds: float = 60.0) -> Any:
        """Wait until an expression in the page is true, and return it."""
        return wait(lambda: self.run(f"return {script}", *arguments), seconds, script)

    def look_at(self, plot: str) -> None:
        """Scroll to a plot until it and all around it are drawn: those above it grow as they are, and push it away."""
        still = (
            "const plot = document.querySelector(arguments[0]);"
            "plot.scrollIntoView({behavior: 'instant', block: 'center'});"
            "const near = (one) => { const { top, bottom } = one.getBoundingClientRect();"
            " return bottom > -240 && top < innerHeight + 240; };"
            "return !plot.matches('[aria-busy]') && ![...document.querySelectorAll('.plot[aria-busy]')].some(near)"
        )
        wait(lambda: self.run(still, plot), what=f"{plot} to be drawn")
        assert (trouble := self.text(f"{plot} .trouble")) == "", f"{plot}: {trouble}"

    def shown(self) -> int:
        """The generation on the screen; 0 for none."""
        return int(self.run("return document.body.dataset.generation ?? 0"))

    def until_shown(self, generation: int) -> None:
        self.until("document.body.dataset.generation === arguments[0]", str(generation))

    def text(self, selector: str) -> str:
        return str(self.run("return document.querySelector(arguments[0])?.textContent ?? ''", selector))

    def press(self, key: str, **modifiers: bool) -> None:
        self.run(
            "(document.activeElement ?? document.body).dispatchEvent(new KeyboardEvent('keydown', "
            "{key: arguments[0], bubbles: true, cancelable: true, ...arguments[1]}))",
            key,
            modifiers,
        )

    def complaints(self) -> list[str]:
        """Errors and warnings of the page since the last look."""
        return [row["message"] for row in self.driver.get_log("browser") if row["level"] in ("SEVERE", "WARNING")]

    def asked_elsewhere(self) -> list[str]:
        """Addresses outside this server that the page asked for since the last look."""
        messages = [json.loads(row["message"])["message"] for row in self.driver.get_log("performance")]
        urls = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
        return [url for url in urls if not url.startswith((self.address, "data:", f"blob:{self.address}"))]


def wait(found: Callable[[], Any], seconds: float = 60.0, what: str = "it") -> Any:
    """Wait until `found` returns something."""
    start = time.monotonic()
    while not (result := found()):
        assert time.monotonic() - start < seconds * patience(), f"waited {seconds} s and more in vain for {what}"
        time.sleep(0.02)
    return result


def patience() -> float:
    """How many times longer things may take because others keep this machine busy; 1 where it is ours alone."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))

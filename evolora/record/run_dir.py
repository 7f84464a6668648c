"""A run's folder: rows appended as they happen, files replaced whole, nothing half-written left to trust."""

import json
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from filelock import FileLock, Timeout

from evolora.errors import RunFolderError
from evolora.record.event_rows import fault_of

METRICS, EVENTS, TIMING, LIVES = "metrics.jsonl", "events.jsonl", "timing.jsonl", "lives.arrow"
BARE_HOST = "bare_host.json"  # how well the host answers by itself
PORTFOLIO = "portfolio.jsonl"  # exams on held-out tasks, where a world holds any
RECORDED = {"name": str, "seed": int, "host": str, "host_digest": str, "elites": int}  # of run.json
LOGS = (METRICS, EVENTS, TIMING, LIVES)


def to_json(row: Mapping[str, Any]) -> str:
    """One line of JSON, the same bytes for equal rows; NaN and infinities are refused."""
    return json.dumps(row, sort_keys=True, separators=(",", ":"), allow_nan=False)


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write a file so that a reader, or a crash, sees the old one or the new one and nothing between."""
    with replacing(path) as file:
        file.write(content.encode() if isinstance(content, str) else content)


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file that takes `path`'s place once all is written, or is gone: readable by whom the umask lets.

    What `path` links to is replaced, not the link. A pipe or a device cannot be replaced: it is written to.
    """
    if path.exists() and not path.is_file():
        with path.open("wb") as file:
            yield file
        return
    target = Path(os.path.realpath(path)) if path.is_symlink() else path
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(8)}")
    # Not mkstemp, whose files are for their owner alone: only a new file's mode obeys the umask in one step.
    handle = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


class RunDir:
    """The folder of one run. Only `create` and `open` make one; see *On disk* in the README."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = FileLock(path / ".lock", timeout=0)

    def hold(self) -> None:
        """Keep the run for this process, until `let_go`: two that live it would destroy its logs.

        Raises:
            RunFolderError: another process holds it.
        """
        try:
            self._lock.acquire()
        except Timeout as error:
            raise RunFolderError(
                f"{self.path}: expected nobody else to live this run, got another process that does; stop it, or wait"
            ) from error

    def let_go(self) -> None:
        """Others may live the run."""
        self._lock.release(force=True)

    @classmethod
    def create(cls, parent: Path, name: str, world_yaml: str, run: Mapping[str, Any]) -> "RunDir":
        """A new folder `name` in `parent`; a number is added where the name is taken.

        Raises:
            RunFolderError: the folder cannot be made or written.
        """
        try:
            parent.mkdir(parents=True, exist_ok=True)
            path = _make_new(parent, name)
            (path / "encounters").mkdir()
            write_atomically(path / "world.yaml", world_yaml)
            write_atomically(path / "run.json", json.dumps(dict(run), indent=2, sort_keys=True) + "\n")
            for log in LOGS:
                (path / log).touch()
        except OSError as error:
            raise RunFolderError(
                f"run folder: expected to write in {parent}, got {error.strerror or error}; choose another with --out"
            ) from error
        return cls(path)

    @classmethod
    def open(cls, path: Path) -> "RunDir":
        """An existing run folder.

        Raises:
            RunFolderError: the path is not one.
        """
        missing = [name for name in ("world.yaml", "run.json", METRICS) if not (path / name).is_file()]
        if missing:
            raise RunFolderError(
                f"{path}: expected a run folder, got none ({', '.join(missing)} not there); "
                "give the folder that `evolora simulate` printed"
            )
        return cls(path)

    def append(self, log: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """Append rows to a log in one write, so that a reader sees whole rows unless the machine stops."""
        with (self.path / log).open("a", encoding="utf-8") as file:
            file.write("".join(to_json(row) + "\n" for row in rows))

    def read(self, log: str) -> list[dict[str, Any]]:
        """All whole rows of a log; a last line without its newline is still being written and left out.

        Raises:
            RunFolderError: a line is no JSON object, or one of events that says no event.
        """
        text = (self.path / log).read_text(encoding="utf-8", errors="replace")
        rows = []
        for number, line in enumerate(text[: text.rfind("\n") + 1].split("\n")[:-1], start=1):
            try:
                row = json.loads(line)
                if not isinstance(row, dict):
                    raise ValueError(f"another row: {line[:60]}")
                if log == EVENTS and (fault := fault_of(row)):
                    raise ValueError(fault)
            except (ValueError, RecursionError) as error:
                raise RunFolderError(
                    f"{self.path / log}, line {number}: expected {'an event' if log == EVENTS else 'a row'} as a JSON "
                    f"object, got {str(error)[:120]}; the file is damaged"
                ) from error
            rows.append(row)
        return rows

    def info(self) -> dict[str, Any]:
        """run.json: what the run was made with.

        Raises:
            RunFolderError: it is no JSON object, or lacks what everybody counts on.
        """
        path = self.path / "run.json"
        try:
            info = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise RunFolderError(f"{path}: expected JSON, got {str(error)[:120]}; the file is damaged") from error
        missing = RECORDED.keys() - set(info if isinstance(info, dict) else ())
        if missing:
            raise RunFolderError(f"{path}: expected a run's record, got one without {', '.join(sorted(missing))}")
        for name, kind in RECORDED.items():
            if type(info[name]) is not kind:
                what = "a whole number" if kind is int else "a text"
                raise RunFolderError(f"{path}: expected {name} to be {what}, got {info[name]!r:.60}; it is damaged")
        return dict(info)

    def log_sizes(self) -> dict[str, int]:
        """Bytes in each log now: what a checkpoint remembers."""
        exams = self.path / PORTFOLIO
        sizes = {log: (self.path / log).stat().st_size for log in LOGS}
        return sizes | {PORTFOLIO: exams.stat().st_size if exams.exists() else 0}

    def cut_logs(self, sizes: Mapping[str, int]) -> None:
        """Forget what was logged after a checkpoint: it is about to be lived again.

        Raises:
            RunFolderError: a log is shorter than the checkpoint says, so it has been damaged.
        """
        for log, size in sizes.items():
            path = self.path / log
            if not size and not path.exists():
                continue
            if path.stat().st_size < size:
                raise RunFolderError(
                    f"{path}: expected at least {size} bytes as its checkpoint says, "
                    f"got {path.stat().st_size}; resume from an undamaged copy"
                )
            os.truncate(path, size)


def _make_new(parent: Path, name: str) -> Path:
    for number in range(1, 10_000):
        path = parent / (name if number == 1 else f"{name}-{number}")
        try:
            path.mkdir()
        except FileExistsError:
            continue
        return path
    raise RunFolderError(
        f"{parent}: expected a free name like {name}, got 10,000 taken; clean up or choose another --out"
    )


def run_name(world: str, seed: int) -> str:
    """The folder's name: world, seed and the day it was started."""
    return f"{world}-seed{seed}-{datetime.now(UTC):%Y%m%d-%H%M%S}"

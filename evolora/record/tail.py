"""What was appended to a log since the last look: whole lines only, whatever the file turns out to be."""

from collections.abc import Iterator
from pathlib import Path

BLOCK = 1 << 24  # bytes read at a time, and the longest line that is believed
FINGERPRINT = 64  # bytes before the place we stopped, kept to notice that a file was cut and written again

FileState = tuple[int, int, int]  # time of its last change (ns), bytes, inode


def file_inside(folder: Path, name: str) -> Path | None:
    """`folder/name` if it is a plain file inside the folder; None for nothing, a pipe, a link that leads out."""
    path = folder / name
    try:
        real = path.resolve(strict=True)
    except (OSError, RuntimeError):  # not there, not readable, or links that go in a circle
        return None
    return path if real.is_file() and real.is_relative_to(folder.resolve()) else None


def file_state(folder: Path, name: str) -> FileState | None:
    """What a plain file inside the folder shows when it is written again; None where there is none."""
    path = file_inside(folder, name)
    try:
        stat = None if path is None else path.stat()
    except OSError:  # it went meanwhile
        return None
    return None if stat is None else (stat.st_mtime_ns, stat.st_size, stat.st_ino)


class LineTail:
    """Reads a file of lines from where it stopped; a line without its newline is left for later.

    `num_broken` counts lines longer than a block, which are passed over.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._name = name
        self.offset = 0
        self.num_broken = 0
        self._fingerprint = b""
        self._in_long_line = False

    def was_rewritten(self) -> bool:
        """Whether what was read is no longer what the file holds: a resumed run cuts its logs and goes on."""
        path = file_inside(self._folder, self._name)
        if path is None:
            return self.offset > 0
        with path.open("rb") as file:
            file.seek(self.offset - len(self._fingerprint))
            return file.read(len(self._fingerprint)) != self._fingerprint

    def read(self) -> Iterator[bytes]:
        """Blocks of whole lines, each block ending in a newline."""
        path = file_inside(self._folder, self._name)
        if path is None:
            return
        with path.open("rb") as file:
            file.seek(self.offset)
            rest = b""
            while data := file.read(BLOCK):
                if self._in_long_line:
                    data = self._pass_over(data)
                rest += data
                whole = rest[: rest.rfind(b"\n") + 1]
                if whole:
                    self._advance(whole)
                    yield whole
                rest = rest[len(whole) :]
                if len(rest) > BLOCK:
                    self._advance(rest)
                    self.num_broken += 1
                    self._in_long_line, rest = True, b""

    def _pass_over(self, data: bytes) -> bytes:
        end = data.find(b"\n") + 1
        self._advance(data[: end or len(data)])
        self._in_long_line = end == 0
        return data[end:] if end else b""

    def _advance(self, data: bytes) -> None:
        self.offset += len(data)
        self._fingerprint = (self._fingerprint + data)[-FINGERPRINT:]

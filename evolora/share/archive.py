"""The bundle's container: a zip that any zip program opens, of which there is exactly one form for given files.

Python's zipfile reads generously: gaps, prefixes, headers that contradict each other, links, bombs. Here every byte
that is not a file's content follows from the names, sizes and checksums, is written by one function and compared with
what that function writes. Files are stored, not compressed: weights do not shrink, the same run gives the same bytes
whichever zlib there is, and nothing can be inflated. The zip's comment, its last bytes, is the SHA-256 of all before.

Format: PKWARE's APPNOTE.TXT 6.3, sections 4.3.7 (local header), 4.3.12 (central directory), 4.3.16 (end record).
"""

import hashlib
import re
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from evolora.errors import BundleError

MAX_BYTES = 2 * 2**30  # of a bundle; below 4 GiB no zip needs its 64-bit form
MAX_ENTRIES = 4096
MAX_NAME = 120  # bytes of a file's name with its folders
CHUNK = 2**20

_LOCAL = struct.Struct("<IHHHHHIIIHH")
_CENTRAL = struct.Struct("<IHHHHHHIIIHHHHHII")
_END = struct.Struct("<IHHHHIIH")
_LOCAL_MARK, _CENTRAL_MARK, _END_MARK = 0x04034B50, 0x02014B50, 0x06054B50
_MADE_BY, _NEEDS = 3 << 8 | 20, 20  # Unix, version 2.0
_DATE = 1 << 5 | 1  # 1980-01-01, the first day a zip can say: the day of packing would differ each time
_MODE = 0o100644 << 16  # an ordinary file
_TRAILER = re.compile(rb"sha256:([0-9a-f]{64})")
_TRAILER_BYTES = 71


class DamageError(BundleError):
    """`part` of a bundle is not what it must be."""

    def __init__(self, part: str, reason: str) -> None:
        self.part = part
        super().__init__(f"{part}: {reason}")


@dataclass(frozen=True)
class Entry:
    """A file in the archive: its content is the `size` bytes from `start` on."""

    name: str
    start: int
    size: int
    crc: int


@dataclass(frozen=True)
class Part:
    """A file to be written: the first `size` bytes of `source`, or the bytes themselves."""

    name: str
    source: Path | bytes
    size: int

    def chunks(self) -> Iterator[bytes]:
        """Its content, piece by piece.

        Raises:
            BundleError: the source has fewer bytes than it had.
        """
        if isinstance(self.source, bytes):
            yield self.source
            return
        left = self.size
        with self.source.open("rb") as file:
            while left:
                chunk = file.read(min(left, CHUNK))
                if not chunk:
                    raise BundleError(f"{self.source}: expected {self.size} bytes, got fewer: it changed meanwhile")
                left -= len(chunk)
                yield chunk


def write_archive(file: BinaryIO, parts: Sequence[Part]) -> str:
    """Write `parts` in their order; the SHA-256 of everything before the trailer, which ends the file.

    Raises:
        BundleError: too large, or a source changed while it was read.
    """
    digest = hashlib.sha256()
    position = 0

    def put(data: bytes) -> None:
        nonlocal position
        digest.update(data)
        position += file.write(data)

    directory = b""
    for part in parts:
        crc = 0
        for chunk in part.chunks():
            crc = zlib.crc32(chunk, crc)
        directory += _central(part.name, part.size, crc, position)
        put(_local(part.name, part.size, crc))
        again = 0
        for chunk in part.chunks():
            again = zlib.crc32(chunk, again)
            put(chunk)
        if again != crc:
            raise BundleError(f"{part.source!r}: expected a file at rest, got one that changed while it was packed")
        if position > MAX_BYTES:
            raise BundleError(f"expected at most {MAX_BYTES:,} bytes in a bundle, got more with {part.name}")
    start = position
    put(directory)
    put(_end(len(parts), len(directory), start))
    file.write(b"sha256:" + digest.hexdigest().encode())
    return digest.hexdigest()


def read_archive(file: BinaryIO) -> list[Entry]:
    """The entries of an archive in their order, if every byte around their contents is as `write_archive` writes it.

    Contents are not read, and names not judged.

    Raises:
        DamageError: naming the part that is not.
    """
    size = file.seek(0, 2)
    count, directory_bytes, directory_start = _read_end(file, size)
    file.seek(directory_start)
    directory = file.read(directory_bytes)
    entries: list[Entry] = []
    position = read = 0
    for number in range(count):
        file.seek(position)
        local = file.read(_LOCAL.size + MAX_NAME)
        name, length, crc, taken = _read_headers(local, directory[read:], position, number)
        read += taken
        start = position + _LOCAL.size + len(name)
        position = start + length
        if position > directory_start:
            raise DamageError(
                f"the zip headers of {name}", "expected its content before the zip's directory, got beyond"
            )
        entries.append(Entry(name, start, length, crc))
    if read != len(directory) or position != directory_start:
        raise DamageError("the zip's directory", "expected nothing but files and their headers, got other bytes")
    return entries


def trailer(file: BinaryIO) -> str | None:
    """The digest that the file's last bytes state; None where they state none."""
    size = file.seek(0, 2)
    file.seek(max(0, size - _TRAILER_BYTES))
    found = _TRAILER.fullmatch(file.read(_TRAILER_BYTES))
    return found[1].decode() if found else None


def digest_before_trailer(file: BinaryIO) -> str:
    """SHA-256 of all but the last bytes, which state it."""
    left = max(0, file.seek(0, 2) - _TRAILER_BYTES)
    digest = hashlib.sha256()
    file.seek(0)
    while left and (chunk := file.read(min(left, CHUNK))):
        digest.update(chunk)
        left -= len(chunk)
    return digest.hexdigest()


def content(file: BinaryIO, entry: Entry) -> Iterator[bytes]:
    """The bytes of an entry, piece by piece."""
    position, end = entry.start, entry.start + entry.size
    while position < end:
        file.seek(position)  # each time: whoever takes the pieces may read elsewhere in between
        chunk = file.read(min(end - position, CHUNK))
        if not chunk:
            raise DamageError(entry.name, "expected more bytes, got the end of the file")
        position += len(chunk)
        yield chunk


def _local(name: str, size: int, crc: int) -> bytes:
    fields = (_LOCAL_MARK, _NEEDS, 0, 0, 0, _DATE, crc, size, size, len(name), 0)
    return _LOCAL.pack(*fields) + name.encode("ascii")


def _central(name: str, size: int, crc: int, offset: int) -> bytes:
    fields = (_CENTRAL_MARK, _MADE_BY, _NEEDS, 0, 0, 0, _DATE, crc, size, size, len(name), 0, 0, 0, 0, _MODE, offset)
    return _CENTRAL.pack(*fields) + name.encode("ascii")


def _end(count: int, directory_bytes: int, directory_start: int) -> bytes:
    return _END.pack(_END_MARK, 0, 0, count, count, directory_bytes, directory_start, _TRAILER_BYTES)


def _read_end(file: BinaryIO, size: int) -> tuple[int, int, int]:
    """Number of entries, bytes and start of the directory."""
    part, tail = "the end record of the zip", _END.size + _TRAILER_BYTES
    if not tail <= size <= MAX_BYTES:
        raise DamageError("the file", f"expected a bundle of {tail} to {MAX_BYTES:,} bytes, got {size:,}")
    file.seek(size - tail)
    data = file.read(_END.size)
    mark, _, _, count, _, directory_bytes, directory_start, _ = _END.unpack(data)
    if mark != _END_MARK:
        raise DamageError(
            part, "expected a bundle as `evolora pack` writes it, got something else, or its end is cut off"
        )
    if data != _end(count, directory_bytes, directory_start) or directory_start + directory_bytes != size - tail:
        raise DamageError(part, "expected it to point at the zip's directory just before it, got something else")
    if count > MAX_ENTRIES:
        raise DamageError(part, f"expected at most {MAX_ENTRIES} files, got {count}")
    return count, directory_bytes, directory_start


def _read_headers(local: bytes, directory: bytes, position: int, number: int) -> tuple[str, int, int, int]:
    """Name, size, checksum and bytes of the directory entry of the file whose local header is at `position`."""
    near, far = _plain_name(local, _LOCAL, 9), _plain_name(directory, _CENTRAL, 10)
    named = dict.fromkeys(name for name in (far, near) if name is not None)
    part = f"the zip headers of {' or '.join(named) or f'file {number + 1}'}"
    if near is None or far is None:
        raise DamageError(part, "expected a plain file's headers, got others")
    crc, size = _CENTRAL.unpack_from(directory)[7:9]
    taken = _CENTRAL.size + len(far)
    if directory[:taken] != _central(far, size, crc, position):
        raise DamageError(part, _oddity(directory))
    if not local.startswith(_local(far, size, crc)):
        raise DamageError(part, "expected both of its headers to agree, got a contradiction")
    return far, size, crc, taken


def _plain_name(data: bytes, header: struct.Struct, field: int) -> str | None:
    """The name after a header whose field number `field` is its length; None where there is no plain one."""
    if len(data) < header.size:
        return None
    length = header.unpack_from(data)[field]
    name = data[header.size : header.size + length]
    plain = 0 < length <= MAX_NAME and len(name) == length and name.isascii() and name.decode("latin-1").isprintable()
    return name.decode("ascii") if plain else None


def _oddity(directory: bytes) -> str:
    """What is unusual about a directory entry, for those who made the zip with another program."""
    _, _, _, flags, method, *_, mode, _ = _CENTRAL.unpack_from(directory)
    if flags & 1:
        return "expected a file that can be read, got an encrypted one"
    if method:
        return "expected it stored, got it compressed: bundles are written by `evolora pack` only"
    if (mode >> 16) & 0o170000 == 0o120000:
        return "expected a file, got a symbolic link"
    return "expected the header that `evolora pack` writes, got another: it was changed or written by another program"

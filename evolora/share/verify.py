"""Whether a bundle is what was packed, byte for byte; what is not is named."""

import hashlib
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from evolora.errors import BundleError
from evolora.share.archive import DamageError, Entry, content, digest_before_trailer, read_archive, trailer
from evolora.share.contents import MANIFEST, check_names, kind_of
from evolora.share.manifest import Manifest, parse_manifest

TRAILER = "the digest at its end"


@dataclass(frozen=True)
class Bundle:
    """A whole bundle, open for reading: its manifest, its files, and the digest that its last bytes state."""

    file: BinaryIO
    manifest: Manifest
    entries: dict[str, Entry]
    digest: str

    def chunks(self, name: str) -> Iterator[bytes]:
        """The content of a file, piece by piece.

        Raises:
            DamageError: at its end, if it is not the content that the manifest has the digest of.
        """
        expected, digest = self.manifest.files[name], hashlib.sha256()
        for chunk in content(self.file, self.entries[name]):
            digest.update(chunk)
            yield chunk
        if digest.hexdigest() != expected.sha256:
            raise DamageError(name, f"expected SHA-256 {expected.sha256[:12]}, got {digest.hexdigest()[:12]}")

    def read(self, name: str) -> bytes:
        """The whole content of a file."""
        return b"".join(self.chunks(name))


@contextmanager
def open_bundle(path: Path) -> Iterator[Bundle]:
    """A bundle whose every byte has been checked.

    Raises:
        BundleError: it is damaged, or none; the message has every damaged part.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise BundleError(f"{path}: expected a bundle, got {error.strerror}") from error
    with file:
        problems, bundle = _examine(file)
        if problems or bundle is None:
            raise BundleError(f"{path}: {'; '.join(str(problem) for problem in problems)}")
        yield bundle


def damages(path: Path) -> list[BundleError]:
    """Everything wrong with a bundle; empty where every byte is as it was packed."""
    with path.open("rb") as file:
        return _examine(file)[0]


def _examine(file: BinaryIO) -> tuple[list[BundleError], Bundle | None]:
    stated, found = trailer(file), digest_before_trailer(file)
    whole = stated == found
    try:
        entries = read_archive(file)
    except DamageError as error:
        return [error], None
    # A file's own checksum tells damage in it apart from damage in the manifest, which has the digests of all.
    bad = [_bad_content(file, entry) for entry in entries]
    problems: list[BundleError] = [damage for damage in bad if damage is not None]
    if problems:
        return problems, None
    try:
        bundle = _read(file, entries, found)
    except BundleError as error:
        return [error], None
    problems = [damage for name in bundle.manifest.files if (damage := _bad_digest(bundle, name))]
    if not problems and not whole:
        problems = [
            DamageError(TRAILER, f"expected {found[:12]}, the digest of all before it, got {(stated or '')[:12]!r}")
        ]
    return problems, bundle


def _bad_content(file: BinaryIO, entry: Entry) -> DamageError | None:
    crc = 0
    for chunk in content(file, entry):
        crc = zlib.crc32(chunk, crc)
    if crc == entry.crc:
        return None
    return DamageError(entry.name, f"expected checksum {entry.crc:08x}, got {crc:08x}: it was changed after packing")


def _bad_digest(bundle: Bundle, name: str) -> DamageError | None:
    try:
        for _ in bundle.chunks(name):
            pass
    except DamageError as damage:
        return damage
    return None


def _read(file: BinaryIO, entries: list[Entry], digest: str) -> Bundle:
    """The bundle that the entries are, if their names and sizes are allowed and the manifest has them all."""
    check_names(entry.name for entry in entries)
    for entry in entries:
        kind = kind_of(entry.name)
        if kind is not None and entry.size > kind.max_bytes:
            raise BundleError(f"{entry.name}: expected at most {kind.max_bytes:,} bytes, got {entry.size:,}")
    if [entry.name for entry in entries] != in_order(entry.name for entry in entries):
        raise BundleError("expected the manifest first and all other files by name, got another order")
    by_name = {entry.name: entry for entry in entries}
    manifest = parse_manifest(b"".join(content(file, by_name[MANIFEST])))
    if {MANIFEST, *manifest.files} != by_name.keys():
        odd = sorted({MANIFEST, *manifest.files} ^ by_name.keys())[0]
        raise BundleError(f"{MANIFEST}: expected every file of the bundle and no other, got a difference at {odd!r}")
    for name, stated in manifest.files.items():
        if stated.size != by_name[name].size:
            raise BundleError(f"{name}: expected {stated.size:,} bytes, got {by_name[name].size:,}")
    return Bundle(file, manifest, by_name, digest)


def in_order(names: Iterable[str]) -> list[str]:
    """The order of files in a bundle."""
    return sorted(names, key=lambda name: (name != MANIFEST, name))

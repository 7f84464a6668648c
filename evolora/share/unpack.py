"""A stranger's bundle as a folder: everything is checked before anything is where it was asked for."""

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from evolora.config.world import WorldConfig
from evolora.errors import BundleError
from evolora.share.check import check_events, check_metrics, check_run, check_world
from evolora.share.check_adapters import check_adapters
from evolora.share.check_lives import check_lives
from evolora.share.check_portfolio import check_portfolio
from evolora.share.contents import MANIFEST, REPORT
from evolora.share.manifest import Manifest, RunRecord
from evolora.share.verify import Bundle, open_bundle


@dataclass(frozen=True)
class Unpacked:
    """A bundle's folder and what is known of it. `host_is_here`: whether weights were compared with the host itself."""

    folder: Path
    manifest: Manifest
    world: WorldConfig
    record: RunRecord
    host_is_here: bool
    left_out: tuple[str, ...]


def unpack(bundle: Path, target: Path, with_report: bool = False) -> Unpacked:
    """Write the files of a bundle to the new folder `target`, after every check, or write nothing.

    A report is a page with scripts, which run when it is opened: it stays in the bundle unless asked for.

    Raises:
        BundleError: the bundle is damaged or holds what no bundle may, or `target` is taken.
    """
    if os.path.lexists(target):
        raise BundleError(f"{target}: expected a name that is free, got something that is there; choose another --to")
    with open_bundle(bundle) as opened:
        aside = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
        try:
            unpacked = _fill(opened, aside, target, with_report)
            aside.chmod(0o755)  # mkdtemp's own is for its owner alone
            os.rename(aside, target)
        except BaseException as error:
            shutil.rmtree(aside)
            if isinstance(error, BundleError):
                raise BundleError(f"{bundle}: {error}") from error
            raise
    return unpacked


def _fill(bundle: Bundle, folder: Path, target: Path, with_report: bool) -> Unpacked:
    """Write and check everything in `folder`, which is to become `target`."""
    left_out = tuple(name for name in bundle.manifest.files if name == REPORT and not with_report)
    for name in bundle.manifest.files:
        if name not in left_out:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("xb") as file:  # x: never through a link, never onto another file
                for chunk in bundle.chunks(name):
                    file.write(chunk)
    (folder / MANIFEST).write_bytes(bundle.manifest.to_bytes())
    world, record = check_contents(bundle)
    check_portfolio(folder, bundle.manifest.files, world, record.host_digest)
    check_lives(folder)
    return Unpacked(
        folder=target,
        manifest=bundle.manifest,
        world=world,
        record=record,
        host_is_here=check_adapters(folder, bundle.manifest.files, world),
        left_out=left_out,
    )


def check_contents(bundle: Bundle) -> tuple[WorldConfig, RunRecord]:
    """The world and the circumstances of a bundle, whose texts agree with each other and with the manifest.

    Raises:
        BundleError: they do not.
    """
    manifest = bundle.manifest
    world = check_world(bundle.read("world.yaml"), "world.yaml")
    record = check_run(bundle.read("run.json"), "run.json")
    generations = check_metrics(bundle.chunks("metrics.jsonl"), "metrics.jsonl")
    if "events.jsonl" in manifest.files:
        check_events(bundle.chunks("events.jsonl"), "events.jsonl")
    stated = (manifest.world, manifest.seed, manifest.generations, manifest.host.name, manifest.host.digest)
    found = (world.name, world.seed, generations, record.host, record.host_digest)
    for what, said, is_so in zip(("world", "seed", "generations", "host", "host digest"), stated, found, strict=True):
        if said != is_so:
            raise BundleError(f"{MANIFEST}: expected {what} {is_so!r} as the files say, got {said!r}")
    if (record.name, record.seed, record.host) != (world.name, world.seed, world.host.name):
        raise BundleError("run.json: expected the name, seed and host of world.yaml, got others")
    return world, record

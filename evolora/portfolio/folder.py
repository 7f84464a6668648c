"""A portfolio as one folder: PEFT adapters, a router, the world it comes from, and a digest of every file.

portfolio.json     members with traits, the best single, the router's kind, digests (SHA-256) of the other files
world.yaml         the world: host, system prompt, sites, niches
router.safetensors the router's arrays in float64; absent for Arrow
adapters/NAME/     one PEFT directory a member, in the order of preference of the choice
"""

import hashlib
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from evolora.config.load import dump_world, load_world
from evolora.config.world import WorldConfig
from evolora.errors import RunFolderError
from evolora.organism.genome import Genome, SiteShape
from evolora.organism.traits import Traits
from evolora.portfolio.portfolio import ARROW, Portfolio
from evolora.record.adapter import import_peft
from evolora.routing.router import ROUTERS, restore_router
from evolora.share.peft_export import export_peft

FORMAT = 1
INDEX, WORLD, ROUTER, ADAPTERS = "portfolio.json", "world.yaml", "router.safetensors", "adapters"


@dataclass(frozen=True, eq=False)
class Saved:
    """A portfolio read back, with its world and whatever was noted when it was saved."""

    portfolio: Portfolio
    config: WorldConfig
    host_digest: str
    notes: Mapping[str, Any]


def save_portfolio(
    portfolio: Portfolio, config: WorldConfig, host_digest: str, sites: Sequence[SiteShape], target: Path, notes: Any
) -> None:
    """Write the folder `target`, whole or not at all. `notes` is JSON (where it comes from, what it cost).

    Raises:
        RunFolderError: `target` exists, or cannot be written.
    """
    if target.exists():
        raise RunFolderError(f"{target}: expected a new folder, got one that exists; nothing was written, give another")
    aside = target.with_name(f".{target.name}.partial")
    try:
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True)
        _write(portfolio, config, host_digest, sites, aside, notes)
        os.rename(aside, target)
    except OSError as error:
        raise RunFolderError(f"{target}: expected to write there, got {error.strerror or error}") from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _write(
    portfolio: Portfolio, config: WorldConfig, host_digest: str, sites: Sequence[SiteShape], folder: Path, notes: Any
) -> None:
    (folder / WORLD).write_text(dump_world(config), encoding="utf-8")
    for identity, genome in portfolio.members.items():
        export_peft(genome, folder / ADAPTERS / _name(identity), config.host.name, sites)
    if portfolio.router is not None:
        arrays = {name: np.ascontiguousarray(array) for name, array in portfolio.router.arrays().items()}
        save_file(arrays, folder / ROUTER)
    index = {
        "format": FORMAT,
        "host_digest": host_digest,
        "members": [
            {"id": identity, "adapter": _name(identity), "traits": asdict(genome.traits)}
            for identity, genome in portfolio.members.items()
        ],
        "best": portfolio.best,
        "router": portfolio.router_kind,
        "files": _digests(folder),
        "notes": notes,
    }
    (folder / INDEX).write_text(json.dumps(index, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def load_portfolio(folder: Path, sites: Sequence[SiteShape]) -> Saved:
    """The portfolio in `folder`, for a host with `sites`: routes and answers as when it was saved.

    Raises:
        RunFolderError: no portfolio, one of another format, or a file that is missing, added or changed.
        GenomeError: an adapter that does not fit `sites`.
    """
    index = _read_index(folder)
    if (found := _digests(folder)) != index["files"]:
        odd = sorted(name for name in {*found, *index["files"]} if found.get(name) != index["files"].get(name))
        raise RunFolderError(f"{folder}: expected the files that were saved, got {odd[0]} missing, added or changed")
    config = load_world(str(folder / WORLD))
    members = {
        row["id"]: _member(folder / ADAPTERS / row["adapter"], row["traits"], sites, config.genome.scaling)
        for row in index["members"]
    }
    try:
        router = None if index["router"] == ARROW else restore_router(index["router"], load_file(folder / ROUTER))
    except (SafetensorError, TypeError) as error:
        raise RunFolderError(f"{folder}: expected the arrays of a {index['router']} router, got {error}") from error
    portfolio = Portfolio(members, index["best"], index["router"], router)
    return Saved(portfolio, config, index["host_digest"], index["notes"])


def _read_index(folder: Path) -> dict[str, Any]:
    try:
        index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunFolderError(
            f"{folder}: expected a portfolio ({INDEX}), got {type(error).__name__}; "
            "make one with `evolora portfolio RUN --to DIR`"
        ) from error
    expected = {"format", "host_digest", "members", "best", "router", "files", "notes"}
    if not isinstance(index, dict) or set(index) != expected or index["format"] != FORMAT:
        raise RunFolderError(f"{folder}/{INDEX}: expected a portfolio of format {FORMAT}, got something else")
    if index["router"] not in (*ROUTERS, ARROW):
        raise RunFolderError(f"{folder}/{INDEX}: expected a router out of {', '.join(ROUTERS)}, {ARROW}")
    return index


def _member(directory: Path, traits: Mapping[str, Any], sites: Sequence[SiteShape], scaling: float) -> Genome:
    factors = import_peft(directory, sites, scaling)
    rank = next(iter(factors.values())).rank  # of one rank, without the directions that were zero
    return Genome(factors, replace(Traits(**traits), rank=rank), scaling).validated()


def _name(identity: int) -> str:
    return f"organism-{identity:06d}"


def _digests(folder: Path) -> dict[str, str]:
    """Every file below `folder` but the index -> SHA-256."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != INDEX)
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

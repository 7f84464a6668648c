"""A portfolio as one folder: PEFT adapters, a router, the world it comes from, and a digest of every file.

portfolio.json     members with traits, the best single, the router's kind, digests (SHA-256) of the other files
world.yaml         the world: host, system prompt, sites, niches
router.safetensors the router's arrays in float64; absent for Arrow
adapters/NAME/     one PEFT directory a member, in the order of preference of the choice; none for the bare host
"""

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from evolora.config.load import dump_world
from evolora.config.world import WorldConfig
from evolora.errors import BundleError, RunFolderError
from evolora.evaluation.local import LocalEvaluator
from evolora.organism.founding import zero_genome
from evolora.organism.genome import Genome, SiteShape
from evolora.portfolio.portfolio import ARROW, Portfolio, Reading
from evolora.record.adapter import import_peft
from evolora.routing.router import restore_router
from evolora.share.check import check_world
from evolora.share.peft_export import export_peft
from evolora.share.portfolio_format import (
    ADAPTERS,
    FORMAT,
    INDEX,
    ROUTER,
    WORLD,
    MemberEntry,
    digests,
    member_name,
    read_index,
    read_router,
    traits_entry,
)

__all__ = ["INDEX", "WORLD", "Saved", "check_reading", "load_portfolio", "read_world", "save_portfolio"]


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
        if (name := member_name(identity)) is not None:
            export_peft(genome, folder / ADAPTERS / name, config.host.name, sites)
    if portfolio.router is not None:
        arrays = {name: np.ascontiguousarray(array) for name, array in portfolio.router.arrays().items()}
        save_file(arrays, folder / ROUTER)
    index = {
        "format": FORMAT,
        "host_digest": host_digest,
        "members": [
            {"id": identity, "adapter": member_name(identity), "traits": traits_entry(genome.traits)}
            for identity, genome in portfolio.members.items()
        ],
        "best": portfolio.best,
        "router": portfolio.router_kind,
        "files": digests(folder),
        "notes": notes,
    }
    (folder / INDEX).write_text(json.dumps(index, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def load_portfolio(folder: Path, sites: Sequence[SiteShape]) -> Saved:
    """The portfolio in `folder`, for a host with `sites`: routes and answers as when it was saved.

    Anybody may have written the folder: nothing in it is run, and everything is checked before it is used.

    Raises:
        RunFolderError: no portfolio, one of another format, or a file that is missing, added or changed.
        GenomeError: an adapter that does not fit `sites`.
    """
    try:
        index = read_index(folder)
        arrays = read_router(folder, index.router, len(index.members))
    except BundleError as error:
        raise RunFolderError(f"{folder}: {error}") from error
    config = read_world(folder)
    members = {member.id: _member(folder, member, sites, config.genome.scaling) for member in index.members}
    router = None if index.router == ARROW else restore_router(index.router, arrays)
    return Saved(Portfolio(members, index.best, index.router, router), config, index.host_digest, index.notes)


def check_reading(folder: Path, portfolio: Portfolio, evaluator: LocalEvaluator) -> None:
    """Refuse a router that was not fitted on hidden states as wide as this host's: it would fail at every question.

    Raises:
        RunFolderError: naming both widths.
    """
    fitted = {} if portfolio.router is None else portfolio.router.arrays()
    if "mean" in fitted:
        width = Reading([evaluator.prompts.build("?")], evaluator).features.shape[1]
        if len(fitted["mean"]) != width:
            raise RunFolderError(
                f"{folder}: expected a router of hidden states {width} wide, got {len(fitted['mean'])}; "
                "it was made on another host"
            )


def read_world(folder: Path) -> WorldConfig:
    """The world of the portfolio in `folder`: a whole file, which extends nothing.

    Raises:
        RunFolderError: there is none.
    """
    try:
        return check_world((folder / WORLD).read_bytes(), WORLD)
    except (OSError, BundleError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise RunFolderError(
            f"{folder}: expected a portfolio with its {WORLD}, got: {reason}; copy it again"
        ) from error


def _member(folder: Path, member: MemberEntry, sites: Sequence[SiteShape], scaling: float) -> Genome:
    if member.adapter is None:
        return zero_genome(sites, replace(member.traits.to_traits(), rank=1), scaling)  # whatever rank somebody wrote
    factors = import_peft(folder / ADAPTERS / member.adapter, sites, scaling)
    rank = next(iter(factors.values())).rank  # of one rank, without the directions that were zero
    return Genome(factors, replace(member.traits.to_traits(), rank=rank), scaling).validated()

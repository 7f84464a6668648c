"""What the portfolio of a bundle must be: whole, of the bundle's own world, and readable without trust."""

from collections.abc import Iterable
from pathlib import Path

from evolora.config.world import WorldConfig
from evolora.errors import BundleError
from evolora.share.check import check_world
from evolora.share.portfolio_format import ADAPTERS, INDEX, WORLD, read_index, read_router

PORTFOLIO = "portfolio/"


def check_portfolio(folder: Path, names: Iterable[str], world: WorldConfig, host_digest: str) -> None:
    """Look at the portfolio among `names`, files of a bundle that lie in `folder`. Its adapters' weights are looked at
    by `check_adapters`.

    Raises:
        BundleError: it is not whole, or not of this world and host.
    """
    own = [name.removeprefix(PORTFOLIO) for name in names if name.startswith(PORTFOLIO)]
    if not own:
        return
    try:
        if INDEX not in own:
            raise BundleError(f"expected {INDEX}, got none")
        place = folder / PORTFOLIO
        index = read_index(place, own)
        wanted = {member.adapter for member in index.members if member.adapter is not None}
        missing = sorted(wanted ^ {_adapter(name) for name in own if "/" in name})
        if missing:
            raise BundleError(f"expected an adapter for each member and no other, got a difference at {missing[0]}")
        read_router(place, index.router, len(index.members))
        if WORLD not in own:
            raise BundleError(f"expected {WORLD}, got none")
        if check_world((place / WORLD).read_bytes(), WORLD) != world:
            raise BundleError(f"{WORLD}: expected the run's own world, got another; make the portfolio of this run")
        if index.host_digest != host_digest:
            raise BundleError(f"expected the run's host (digest {host_digest[:12]}), got {index.host_digest[:12]}")
    except BundleError as error:
        raise BundleError(
            f"{PORTFOLIO}{error}" if str(error).startswith((INDEX, WORLD)) else f"portfolio: {error}"
        ) from error


def _adapter(name: str) -> str:
    """The member's folder in the name of a file below `adapters/`."""
    return name.removeprefix(f"{ADAPTERS}/").partition("/")[0]

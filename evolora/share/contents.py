"""What a bundle may hold: a list of known files, and names that are safe on every system. Nothing else gets in."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from evolora.errors import BundleError

MANIFEST = "manifest.json"
REPORT = "report.html"
_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)
_ORGANISM = r"(elites|portfolio/adapters)/organism-[0-9]{6,12}"


@dataclass(frozen=True)
class Kind:
    """Files whose name matches `pattern`, at most `max_bytes` each."""

    pattern: str
    max_bytes: int
    what: str


# timing.jsonl stays at home: seconds differ every time and nobody can check them; without them the same world on the
# same machine gives the same bundle. encounters/ and checkpoints are left out for their size: replay makes them anew.
KINDS = (
    Kind(r"manifest\.json", 2**21, "what is in the bundle, with digests"),
    Kind(r"world\.yaml", 1_000_000, "the resolved world"),
    Kind(r"run\.json", 2**16, "host, versions and machine of the run"),
    Kind(r"metrics\.jsonl", 2**29, "a row a generation"),
    Kind(r"events\.jsonl", 2**30, "births, deaths, merges"),
    Kind(r"lives\.arrow", 2**31, "every organism's every generation"),
    Kind(r"phylogeny\.csv", 2**29, "who descends from whom"),
    Kind(r"portfolio\.jsonl", 2**28, "exams on held-out tasks as the run went"),
    Kind(r"bare_host\.json", 2**20, "how well the host answers by itself"),
    Kind(r"holdout\.json", 2**26, "held-out scores"),
    Kind(r"report\.html", 2**26, "the report, a page with scripts"),
    Kind(rf"{_ORGANISM}/adapter_config\.json", 2**16, "an adapter's settings"),
    Kind(rf"{_ORGANISM}/adapter_model\.safetensors", 2**29, "an adapter's weights"),
    Kind(rf"{_ORGANISM}/README\.md", 2**18, "a model card"),
    Kind(r"portfolio/portfolio\.json", 2**21, "the portfolio: members, router, digests"),
    Kind(r"portfolio/world\.yaml", 1_000_000, "the portfolio's world"),
    Kind(r"portfolio/router\.safetensors", 2**26, "the portfolio's router"),
)
NEEDED = (MANIFEST, "world.yaml", "run.json", "metrics.jsonl")


def kind_of(name: str) -> Kind | None:
    """The kind of a bundle's file; None for what no bundle holds."""
    return next((kind for kind in KINDS if re.fullmatch(kind.pattern, name)), None)


def check_names(names: Iterable[str]) -> None:
    """Refuse any list of names that a bundle must not have.

    Raises:
        BundleError: a name that leaves the folder, that some system takes for something else, that comes twice, that
            is not in the list of kinds; or a file that every bundle has is missing.
    """
    names = list(names)
    seen: dict[str, str] = {}
    for name in names:
        if problem := _problem(name):
            raise BundleError(f"expected plain file names, got {name!r}: {problem}")
        if (other := seen.get(name.casefold())) is not None:
            raise BundleError(f"expected every file once, got {other!r} and {name!r}, the same on some systems")
        seen[name.casefold()] = name
        if kind_of(name) is None:
            raise BundleError(
                f"expected files that a bundle may hold, got {name!r}: made by a newer Evolora, or not by Evolora"
            )
    missing = [name for name in NEEDED if name not in names]
    if missing:
        raise BundleError(f"expected {', '.join(NEEDED)} in a bundle, got no {', '.join(missing)}")


def _problem(name: str) -> str:
    """Why a name is unsafe on some system; empty where it is not."""
    parts = name.split("/")
    if name.startswith("/") or "\\" in name or ":" in name:
        return "it is absolute, or may be on some systems"
    if ".." in parts or "." in parts or "" in parts:
        return "it leaves its folder, or names one"
    if any(_DEVICE.fullmatch(part.rstrip(" .")) for part in parts):
        return "some systems take it for a device"
    if any(part != part.strip(" .") for part in parts):
        return "it begins or ends with a dot or a blank"
    if not name.isascii() or not name.isprintable():
        return "it has characters that are not plain ASCII"
    return ""

"""Where the files that come with Evolora lie: inside the installed package, or at the top of a checkout."""

from pathlib import Path

PACKAGE = Path(__file__).parents[1]
KINDS = ("worlds", "experiments")


def shipped_files(kind: str) -> dict[str, Path]:
    """Name -> file of everything shipped of a kind (`worlds`), in order of names."""
    # Inside the package: files in a wheel, a link in a checkout. Beside it: a checkout whose system knows no links.
    for folder in (PACKAGE / kind, PACKAGE.parent / kind):
        if found := {path.stem: path for path in sorted(folder.glob("*.yaml"))}:
            return found
    return {}


def find_shipped(name: str) -> Path | None:
    """The shipped file called `name`, with or without `.yaml`; None where there is none."""
    for kind in KINDS:
        files = shipped_files(kind)
        if (path := files.get(name) or files.get(name.removesuffix(".yaml"))) is not None:
            return path
    return None

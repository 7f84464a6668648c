"""Settings files as they lie on disk: read, brought to the newest format, laid over the files they extend."""

import os
from pathlib import Path

from evolora.config.document import Document, KeyPath, Value, described, parse_yaml, suggestion
from evolora.config.migrate import migrate
from evolora.config.shipped import find_shipped

MAX_BYTES = 1_000_000
EXTENDS = "extends"


def read_document(path: Path, readers: tuple[Path, ...] = ()) -> Document:
    """The file at `path`, laid over those it extends. `readers`: the files that led here, first to last."""
    shown = os.path.normpath(path)
    text, problem = _file_text(path)
    if problem:
        return Document(problems=[f"{shown}: {problem}"], complete=False)
    document = read_text(text, shown)
    return _with_base(document, path, readers) if EXTENDS in document.values else document


def read_text(text: str, shown: str) -> Document:
    """One file's text, in the newest format; what it extends is not looked at."""
    document = Document(shown=shown)
    value = parse_yaml(text, shown, document)
    if isinstance(value, dict):
        document.values = value
        migrate(document)
        return document
    if not document.problems:
        got = described(value) if text.strip() else "an empty file"
        document.problems.append(f"{shown}: expected settings as `key: value` lines, got {got}")
    document.complete = False
    return document


def _file_text(path: Path) -> tuple[str, str]:
    """The file's text, or what is wrong with it."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        if len(data) <= MAX_BYTES:
            return data.decode("utf-8-sig"), ""
        return "", f"expected at most {MAX_BYTES:,} bytes, got a larger file"
    except UnicodeDecodeError as error:
        return "", f"expected UTF-8 text, got byte {error.object[error.start]:#04x} at position {error.start}"
    except OSError as error:
        return "", f"expected a readable file, got: {error.strerror}"


def _with_base(document: Document, path: Path, readers: tuple[Path, ...]) -> Document:
    """The document laid over the one its `extends` names."""
    name, place = document.values.pop(EXTENDS), document.place((EXTENDS,))
    chain = (*readers, path)
    if not isinstance(name, str):
        problem = f"expected the path of a world file, got {described(name)}"
    elif (base := find_base(name, path)) is None:
        problem = f"expected a file relative to {os.path.normpath(path.parent)}, or a shipped world, got {name}"
        problem += suggestion(Path(name).name, sorted(near.name for near in path.parent.glob("*.y*ml")))
    elif os.path.realpath(base) in [os.path.realpath(known) for known in chain]:
        circle = " -> ".join(os.path.normpath(known) for known in (*chain, base))
        problem = f"expected files that do not extend each other, got {circle}"
    else:
        return lay_over(read_document(base, chain), document)
    document.problems.append(f"{place}: {EXTENDS}: {problem}")
    document.complete = False
    return document


def find_base(name: str, path: Path) -> Path | None:
    """The file that `extends: name` means in the file at `path`: beside it, else one that is shipped."""
    for candidate in (path.parent / name, path.parent / f"{name}.yaml"):
        if os.path.isfile(candidate):
            return candidate
    return find_shipped(name)


def lay_over(base: Document, top: Document) -> Document:
    """`top` over `base`: mappings merge key by key, everything else is replaced."""
    problems, complete = base.problems + top.problems, base.complete and top.complete
    result = Document(base.values, dict(base.places), problems, complete, top.shown)

    def lay(under: dict[str, Value], over: dict[str, Value], path: KeyPath) -> None:
        for key, value in over.items():
            below = under.get(key)
            if isinstance(below, dict) and isinstance(value, dict):
                lay(below, value, (*path, key))
            else:
                result.forget_places((*path, key))
                under[key] = value

    lay(result.values, top.values, ())
    result.places |= top.places
    return result

"""Which code makes a result: a version that does not wait for a release."""

import hashlib

from evolora.config.shipped import KINDS, PACKAGE

DIGITS = 12  # hex digits: 48 bits tell all versions apart that anybody will have
ELSEWHERE = ("viz", *KINDS)  # links in a checkout, folders in a wheel; no result follows from them


def _code_digest() -> str:
    digest = hashlib.sha256()
    for file in sorted(PACKAGE.rglob("*.py")):
        inside = file.relative_to(PACKAGE)
        if inside.parts[0] not in ELSEWHERE:
            digest.update(f"{inside.as_posix()} {file.stat().st_size}\n".encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()[:DIGITS]


# SHA-256 over the names and contents of Evolora's Python files, its first twelve digits: as they were when this was
# imported, for whoever edits them later does not change what runs.
CODE = _code_digest()

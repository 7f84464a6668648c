"""Which code made a result: a version that does not wait for a release."""

import hashlib
from functools import cache

from evolora.config.shipped import PACKAGE

DIGITS = 12  # hex digits: 48 bits tell all versions apart that anybody will have


@cache
def code_digest() -> str:
    """SHA-256 over the names and contents of all of Evolora's Python files, its first twelve digits."""
    digest = hashlib.sha256()
    for file in sorted(PACKAGE.rglob("*.py")):
        digest.update(f"{file.relative_to(PACKAGE).as_posix()} {file.stat().st_size}\n".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()[:DIGITS]

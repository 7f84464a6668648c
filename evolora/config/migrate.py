"""Older files: each is brought to the newest format, one version after the other, before anything looks at it.

A file says its version in `format`; without it, it is of the newest. To change the format so that older files would be
refused or mean something else (a key renamed, a unit changed): raise `NEWEST`, the `Literal` of `WorldConfig.format`
with it, and add what brings a file of the version before to the new one. `Document.move` renames a key and keeps its
place, so that a mistake in an old file is still shown where it was written.
"""

from collections.abc import Callable, Mapping

from evolora.config.document import Document

FORMAT = "format"
NEWEST = 1
Migration = Callable[[Document], None]  # changes the document in place, to the next version
# Version -> what brings a file of it to the next. Version 1 is the first there was: nothing to bring yet.
MIGRATIONS: Mapping[int, Migration] = {}


def migrate(document: Document, newest: int = NEWEST, migrations: Mapping[int, Migration] | None = None) -> None:
    """Bring one file's document to the `newest` format; a file from the future becomes one mistake.

    A version that is no integer, or one that nothing migrates, is left for the schema to complain about.
    """
    steps = MIGRATIONS if migrations is None else migrations
    version = document.values.get(FORMAT, newest)
    if isinstance(version, bool) or not isinstance(version, int):
        return
    if version > newest:
        got = f"got {version}; install a newer Evolora (pip install --upgrade evolora)"
        document.problems = [
            f"{document.place((FORMAT,))}: {FORMAT}: expected at most {newest}, the newest this Evolora reads, {got}"
        ]
        document.values, document.complete = {}, False
        return
    while version < newest and version in steps:
        steps[version](document)
        version += 1
        document.values[FORMAT] = version

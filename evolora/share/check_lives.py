"""What the table of lives of a bundle must be: whole batches of plain numbers that are no larger than they look."""

from pathlib import Path

from evolora.errors import BundleError, RunFolderError
from evolora.record.lives import read_lives
from evolora.record.run_dir import LIVES


def check_lives(folder: Path) -> None:
    """Read the table of lives in `folder`, if there is one.

    Raises:
        BundleError: it would take its reader's memory, or its process; or it is no table of lives.
    """
    try:
        read_lives(folder / LIVES)
    except RunFolderError as error:
        raise BundleError(str(error).replace(f"{folder}/", "")) from error

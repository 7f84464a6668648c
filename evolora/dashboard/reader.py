"""A run's data behind a lock: read and brought up to date from any thread, one at a time."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from evolora.dashboard.runs import refuse_strays
from evolora.record.run_data import RunData


class Reader:
    """One reading of a run folder. `version` counts the times it was found to be another."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.version = 0
        self._lock = threading.Lock()
        self._data: RunData | None = None

    @contextmanager
    def newest(self) -> Iterator[RunData]:
        """The run as its folder has it now; nobody else reads it meanwhile.

        Raises:
            RunFolderError: the folder is no run, or holds a link that leads out of it.
        """
        with self._lock:
            refuse_strays(self.folder)
            if self._data is None:
                self._data = RunData.open(self.folder)
                self.version += 1
            elif self._data.refresh():
                self.version += 1
            yield self._data

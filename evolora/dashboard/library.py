"""Runs that are open, the ones asked for last."""

import threading
from contextlib import suppress

from evolora.dashboard.book import Book
from evolora.dashboard.runs import Runs
from evolora.errors import EvoloraError

MOST_BOOKS = 8  # runs kept open: a large one takes a few hundred megabytes


class Library:
    """Opens runs by key and keeps the last few open."""

    def __init__(self, runs: Runs) -> None:
        self.runs = runs
        self._lock = threading.Lock()
        self._books: dict[str, Book] = {}

    def open(self, key: str) -> Book:
        """A run's book.

        Raises:
            RunFolderError: no such run, or a link in it leads out of its folder.
        """
        with self._lock:
            folder = self.runs.folder(key)
            book = self._books.pop(key, None) or Book(folder, self.runs.title(key))
            self._books[key] = book
            for old in list(self._books)[:-MOST_BOOKS]:
                del self._books[old]
            return book

    def open_newest(self) -> None:
        """Read the run that a page will ask for first, before it does."""
        key = self.runs.newest()
        if key is not None:
            with suppress(EvoloraError):  # told when somebody asks for it
                self.open(key).frames()

"""Runs that are open, the ones asked for last."""

import logging
import threading

from evolora.dashboard.book import Book
from evolora.dashboard.runs import Runs
from evolora.errors import EvoloraError

MOST_BOOKS = 8  # runs kept open: a large one takes a few hundred megabytes

log = logging.getLogger(__name__)


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
        """Read the run that a page will ask for first, before it does; what is wrong with it is told then."""
        key = self.runs.newest()
        if key is None:
            return
        try:
            self.open(key).frames()
        except EvoloraError as error:
            log.info("%s", error)
        except Exception:  # as in answers.answer: a damaged folder can break a reading in any way
            log.exception("%s", self.runs.title(key))

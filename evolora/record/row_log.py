"""A log of JSON rows, one a generation, in memory: all of a usual run, an even selection of an endless one."""

import json
from pathlib import Path
from typing import Any

from evolora.record.tail import LineTail

MOST_ROWS = 10_000  # rows kept; beyond that every other one is let go, again and again
FURTHEST = 2**31  # generations beyond this are no generations (the table of lives counts in 32 bits)


class RowLog:
    """Rows of metrics.jsonl or timing.jsonl. `num_broken` counts lines that are no row; they are passed over.

    A row is a JSON object with a whole number `generation`. From `MOST_ROWS` on only every `stride`-th row is kept,
    and always the last.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._tail = LineTail(folder, name)
        self._num_bad = 0
        self._num_rows = 0
        self._last_is_extra = False
        self.rows: list[dict[str, Any]] = []
        self.stride = 1

    @property
    def num_broken(self) -> int:
        return self._num_bad + self._tail.num_broken

    def was_rewritten(self) -> bool:
        return self._tail.was_rewritten()

    def read(self) -> bool:
        """Take in what was appended; True where that brought a row."""
        before = self._num_rows
        for block in self._tail.read():
            for line in block.splitlines():
                row = parse_row(line)
                if row is None:
                    self._num_bad += bool(line.strip())
                else:
                    self._keep(row)
        return self._num_rows > before

    def _keep(self, row: dict[str, Any]) -> None:
        if self._last_is_extra:
            self.rows.pop()
        if self._num_rows % self.stride == 0 and len(self.rows) >= MOST_ROWS:
            self.stride *= 2
            self.rows = self.rows[::2]
        self.rows.append(row)
        self._last_is_extra = self._num_rows % self.stride != 0
        self._num_rows += 1


def parse_row(line: bytes) -> dict[str, Any] | None:
    """The JSON object in a line, if it has a generation; None for anything else."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):  # not JSON, not UTF-8, or nested without end
        return None
    if not isinstance(row, dict):
        return None
    generation = row.get("generation")
    return row if type(generation) is int and 0 <= generation < FURTHEST else None

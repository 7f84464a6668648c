"""The table of lives as it grows: new batches only, copied out of the file so that cutting the file harms nobody.

A memory map would be cheaper, but a run that is resumed cuts its logs, and touching a mapped page behind the new
end kills the reader.
"""

import json
from pathlib import Path

import pyarrow as pa

from evolora.record.lives import NICHES, check_columns, lives_schema
from evolora.record.lives_batch import next_message, take_batch
from evolora.record.tail import FINGERPRINT, file_inside

MOST_BYTES = 1 << 30  # kept in memory; beyond that every other generation is let go, again and again
PER_NICHE = ("answers", "scores", "tokens", "meals")


class LivesTail:
    """Whole batches of `lives.arrow`. `problem` says in a line why the file is no such table, or is None.

    Beyond `MOST_BYTES` only every `stride`-th generation is kept.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._name = name
        self._offset = 0
        self._fingerprint = b""
        self._schema: pa.Schema | None = None
        self._batches: list[pa.RecordBatch] = []
        self._num_bytes = 0
        self._num_batches = 0
        self.stride = 1
        self.problem: str | None = None

    def was_rewritten(self) -> bool:
        """Whether what was read is no longer what the file holds."""
        path = file_inside(self._folder, self._name)
        if path is None:
            return self._offset > 0
        with path.open("rb") as file:
            file.seek(self._offset - len(self._fingerprint))
            return file.read(len(self._fingerprint)) != self._fingerprint

    def read(self) -> bool:
        """Take in the batches that were appended; True where there were any. A half-written one is left for later."""
        path = file_inside(self._folder, self._name)
        if path is None or self.problem is not None:
            return False
        before = self._num_batches
        with pa.OSFile(str(path), "rb") as file:
            file.seek(self._offset)
            while (message := next_message(file)) is not None:
                self._offset = file.tell()
                try:
                    self._take(message)
                except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError, ValueError) as error:
                    self.problem = f"{self._name}: expected a table of lives, got {error}"
                    break
            size = min(FINGERPRINT, self._offset)
            file.seek(self._offset - size)
            self._fingerprint = file.read(size)
        return self._num_batches > before

    def table(self) -> pa.Table:
        """All lives read so far."""
        if self._schema is None:
            return lives_schema([]).empty_table()
        return pa.Table.from_batches(self._batches, self._schema)

    def niches(self) -> list[str]:
        """Names of the niches, in the order of the per-niche columns."""
        if self._schema is None:
            return []
        return [str(name) for name in json.loads((self._schema.metadata or {}).get(NICHES, b"[]"))]

    def _take(self, message: pa.Message) -> None:
        if self._schema is None:
            schema = pa.ipc.read_schema(message)
            check_columns(schema)
            self._schema = schema
            return
        batch = take_batch(message, self._schema)
        if self._num_batches % self.stride == 0:
            self._batches.append(batch)
            self._num_bytes += message.body.size
        self._num_batches += 1
        if self._num_bytes > MOST_BYTES and len(self._batches) > 1:
            self.stride *= 2
            self._batches = self._batches[::2]
            self._num_bytes //= 2

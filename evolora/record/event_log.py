"""The events of a run as one table: a hundred thousand births and deaths are columns, not dictionaries."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as arrow_json
from numpy.typing import NDArray

from evolora.record.row_log import FURTHEST, parse_row
from evolora.record.tail import LineTail

_IDS = pa.list_(pa.int64())
SCHEMA = pa.schema(
    [
        ("event", pa.string()),
        ("generation", pa.int64()),
        ("organism_id", pa.int64()),
        ("child_id", pa.int64()),
        ("kind", pa.string()),
        ("parents", _IDS),
        ("lineage", pa.int64()),
        ("lineages", _IDS),
        ("energy", pa.float64()),
        ("payments", pa.list_(pa.float64())),
        ("payers", _IDS),
        ("operator", pa.string()),
        ("cause", pa.string()),
        ("age", pa.int64()),
        ("children", pa.int64()),
        ("owed", pa.float64()),
        ("remains", pa.float64()),
        ("heir", pa.string()),
    ]
)
OF_AN_ORGANISM = ("birth", "death")
KNOWN = (*OF_AN_ORGANISM, "merge")
OTHERS = (b'"colony_id"', b'"measures"')  # in a line that speaks of colonies or elites, however it is spaced
MOST_CHUNKS = 64  # pieces the table may be in: each reading adds one
MOST_OTHERS = 100_000  # rows of other kinds of event that are kept, the latest


class EventLog:
    """Rows of events.jsonl. `num_broken` counts lines that are no event; they are passed over.

    Births, deaths and merges are rows of `table` (columns of `SCHEMA`, absent values null); other kinds of event
    are kept as they came.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._tail = LineTail(folder, name)
        self._num_bad = 0
        self.table = SCHEMA.empty_table()
        self.others: list[dict[str, Any]] = []

    @property
    def num_broken(self) -> int:
        return self._num_bad + self._tail.num_broken

    def was_rewritten(self) -> bool:
        return self._tail.was_rewritten()

    def read(self) -> bool:
        """Take in what was appended; True where that brought an event."""
        tables = [table for block in self._tail.read() for table in self._parse(block)]
        if tables:
            self.table = pa.concat_tables([self.table, *tables])
            if self.table["event"].num_chunks > MOST_CHUNKS:
                self.table = self.table.combine_chunks()
        self.others = self.others[-MOST_OTHERS:]
        return bool(tables)

    def rows(self, kind: str | None = None, generation: int | None = None) -> list[dict[str, Any]]:
        """Events as dictionaries in the order they happened, of one kind or one generation if asked."""
        table = self.table
        if generation is not None:
            table = table.filter(pc.field("generation") == generation)
        if kind is not None:
            table = table.filter(pc.field("event") == kind)
        others = [
            row for row in self.others if kind in (None, row["event"]) and generation in (None, row["generation"])
        ]
        rows = [as_row(row) for row in table.to_pylist()]
        return sorted(rows + others, key=lambda row: row["generation"]) if others else rows

    def _parse(self, block: bytes) -> Iterator[pa.Table]:
        """A table of the block's events: in one go where all lines are sound, else line by line.

        Lines that may speak of colonies or elites are taken out first: they would send all others the slow way.
        """
        lines = block.splitlines(keepends=True)
        odd = [line for line in lines if any(mark in line for mark in OTHERS)]
        rest = b"".join(line for line in lines if not any(mark in line for mark in OTHERS)) if odd else block
        table = _parse_at_once(rest) if rest.strip() else SCHEMA.empty_table()
        if table is None:
            odd, table = lines, SCHEMA.empty_table()
        rows = [self._parse_line(line) for line in odd if line.strip()]
        if own := [row for row in rows if row is not None]:
            table = pa.concat_tables([table, pa.Table.from_pylist(own, SCHEMA)])
        if len(table):
            yield table

    def _parse_line(self, line: bytes) -> dict[str, Any] | None:
        row = parse_row(line)
        if row is None or not isinstance(row.get("event"), str):
            self._num_bad += 1
            return None
        if row["event"] not in KNOWN:
            self.others.append(row)
            return None
        try:
            whole = pa.Table.from_pylist([row], SCHEMA)
        except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, UnicodeEncodeError):  # a value of another type
            whole = None
        if whole is None or not _is_sound(whole):
            self._num_bad += 1
            return None
        return row


def as_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """A table's row as it stood in the log: without the columns of other kinds of event."""
    return {key: value for key, value in row.items() if value is not None}


def _parse_at_once(block: bytes) -> pa.Table | None:
    try:
        block.decode("utf-8")  # Arrow's parser takes any bytes for text
        table = arrow_json.read_json(
            pa.BufferReader(block),
            read_options=arrow_json.ReadOptions(use_threads=False, block_size=1 << 22),
            parse_options=arrow_json.ParseOptions(explicit_schema=SCHEMA, unexpected_field_behavior="ignore"),
        )
    except (pa.ArrowInvalid, UnicodeDecodeError):
        return None
    return table if table.schema.equals(SCHEMA) and _is_sound(table) else None


def _is_sound(table: pa.Table) -> bool:
    """Whether every row is a known event with its generation and its organism."""
    kinds, generations = table["event"], table["generation"]
    if kinds.null_count or generations.null_count or not pc.all(pc.is_in(kinds, pa.array(KNOWN))).as_py():
        return False
    span = pc.min_max(generations).as_py()
    if len(table) and not 0 <= span["min"] <= span["max"] < FURTHEST:
        return False
    is_merge = pc.equal(kinds, "merge")
    subject = pc.if_else(is_merge, table["child_id"], table["organism_id"])
    parents = pc.or_(pc.equal(kinds, "death"), pc.is_valid(table["parents"]))
    return (
        subject.null_count == 0 and bool(pc.all(parents).as_py()) and pc.list_flatten(table["parents"]).null_count == 0
    )


class ByOrganism(Mapping[int, dict[str, Any]]):
    """Births or deaths by organism id: the last one where a damaged log has two."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table
        ids = table["organism_id"].to_numpy()
        order = np.argsort(ids, kind="stable")
        self._sorted: NDArray[np.int64] = ids[order]
        self._order: NDArray[np.int64] = order

    def row_of(self, organism_id: int) -> int | None:
        """The place of the organism's event in the table."""
        place = int(np.searchsorted(self._sorted, organism_id, side="right")) - 1
        return int(self._order[place]) if place >= 0 and self._sorted[place] == organism_id else None

    def __getitem__(self, organism_id: int) -> dict[str, Any]:
        row = self.row_of(organism_id)
        if row is None:
            raise KeyError(organism_id)
        return as_row(self.table.slice(row, 1).to_pylist()[0])

    def __contains__(self, organism_id: object) -> bool:
        return type(organism_id) is int and self.row_of(organism_id) is not None

    def __iter__(self) -> Iterator[int]:
        return iter(np.unique(self._sorted).tolist())

    def __len__(self) -> int:
        return len(np.unique(self._sorted))

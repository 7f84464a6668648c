"""Every organism's every generation in one table, `lives.arrow`: an Arrow stream that grows by a batch a generation.

Arrow's stream format is what a log needs: each batch is whole in itself, so a run appends one write a generation, a
reader maps half a million lives without parsing them, and a last batch that is still being written is left out.
"""

import json
from collections.abc import Sequence
from operator import attrgetter
from pathlib import Path

import pyarrow as pa

from evolora.errors import RunFolderError
from evolora.events import Life

NICHES = b"niches"  # the schema's metadata: names of the niches, in the order of the per-niche columns


def lives_schema(niches: Sequence[str], with_colonies: bool = False) -> pa.Schema:
    """The table's columns: those of `Life`, the per-niche ones as lists of one entry a niche.

    `colony` is there only in worlds that have any, null for loners.
    """
    whole, counts, amounts = pa.int64(), pa.list_(pa.int32(), len(niches)), pa.list_(pa.float64(), len(niches))
    types = {
        "generation": pa.int32(),
        "organism_id": whole,
        "lineage": whole,
        "age": pa.int32(),
        "energy": pa.float64(),
        "owed": pa.float64(),
        "rank": pa.int32(),
        "num_parameters": whole,
        "mutation_scale": pa.float64(),
        "learning_rate": pa.float64(),
        "temperature": pa.float64(),
        "answer_limit": pa.int32(),
        "num_examples": pa.int32(),
        "answers": counts,
        "scores": amounts,
        "tokens": counts,
        "meals": amounts,
    }
    if with_colonies:
        types["colony"] = whole
    return pa.schema(list(types.items()), metadata={NICHES: json.dumps(list(niches))})


def append_lives(path: Path, niches: Sequence[str], lives: Sequence[Life], with_colonies: bool = False) -> None:
    """Append one generation's lives in one write; an empty file is given its schema first."""
    schema = lives_schema(niches, with_colonies)
    columns = [pa.array(map(attrgetter(field.name), lives), field.type) for field in schema]
    batch = pa.RecordBatch.from_arrays(columns, schema=schema)
    with path.open("ab") as file:
        head = schema.serialize().to_pybytes() if file.tell() == 0 else b""
        file.write(head + batch.serialize().to_pybytes())


def read_lives(path: Path) -> pa.Table:
    """All whole batches of a run's `lives.arrow`, memory-mapped; niches are named in the schema's metadata.

    Raises:
        RunFolderError: the file is no such table.
    """
    if not path.is_file() or path.stat().st_size == 0:
        return lives_schema([]).empty_table()
    try:
        reader = pa.ipc.open_stream(pa.memory_map(str(path)))
    except pa.ArrowInvalid as error:
        raise RunFolderError(f"{path}: expected a table of lives, got {error}; the run folder is damaged") from error
    batches = []
    while True:
        try:
            batches.append(reader.read_next_batch())
        except (StopIteration, pa.ArrowInvalid, OSError):  # the end, or a batch that is being written
            return pa.Table.from_batches(batches, reader.schema)


def niche_names(table: pa.Table) -> list[str]:
    """The niches of a table of lives, in the order of its per-niche columns."""
    return [str(name) for name in json.loads((table.schema.metadata or {}).get(NICHES, b"[]"))]

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
from evolora.record.lives_batch import NEEDED, next_message, take_batch

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


def check_columns(schema: pa.Schema) -> None:
    """Refuse a table whose columns are not those of lives; additional ones are welcome.

    Raises:
        ValueError: one that every life has is missing, or one is of another type.
    """
    names = json.loads((schema.metadata or {}).get(NICHES, b"[]"))
    if not isinstance(names, list):
        raise ValueError(f"names of niches {names!r}")
    known = lives_schema([str(name) for name in names], with_colonies=True)
    for name in (*NEEDED, *(name for name in known.names if name in schema.names)):
        if schema.names.count(name) != 1:
            raise ValueError(f"{schema.names.count(name) or 'no'} columns {name}")
        if schema.field(name).type != known.field(name).type:
            raise ValueError(f"a column {name} of type {schema.field(name).type}")


def read_lives(path: Path) -> pa.Table:
    """All whole batches of a run's `lives.arrow`, memory-mapped; niches are named in the schema's metadata.

    Raises:
        RunFolderError: the file is no such table.
    """
    if not path.is_file() or path.stat().st_size == 0:
        return lives_schema([]).empty_table()
    try:
        file = pa.memory_map(str(path))
        schema = pa.ipc.read_schema(file)
        check_columns(schema)
        batches = []
        while (message := next_message(file)) is not None:
            batches.append(take_batch(message, schema))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError, ValueError) as error:
        raise RunFolderError(f"{path}: expected a table of lives, got {error}; the run folder is damaged") from error
    return pa.Table.from_batches(batches, schema)


def niche_names(table: pa.Table) -> list[str]:
    """The niches of a table of lives, in the order of its per-niche columns."""
    return [str(name) for name in json.loads((table.schema.metadata or {}).get(NICHES, b"[]"))]

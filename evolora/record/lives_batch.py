"""One batch of a table of lives that anybody may have written: looked at before anything is made of its bytes."""

import struct

import pyarrow as pa

NEEDED = ("generation", "organism_id", "lineage", "energy")
_HEADER, _COMPRESSION = 2, 3  # fields of Arrow's flatbuffer tables Message and RecordBatch (format/Message.fbs)


def next_message(file: pa.NativeFile) -> pa.Message | None:
    """The next whole message of a stream; None at its end, or where a batch is being written."""
    try:
        return pa.ipc.read_message(file)
    except (EOFError, pa.ArrowInvalid, OSError, pa.ArrowMemoryError):
        return None


def take_batch(message: pa.Message, schema: pa.Schema) -> pa.RecordBatch:
    """The batch in a message of a stream with `schema`, in the message's own memory.

    Raises:
        ValueError: it is compressed (no run's is; a few bytes may stand for more than any memory holds), damaged, or
            lacks what every life has. pyarrow's own errors are among these, or are `OSError`.
    """
    if _is_compressed(message.metadata.to_pybytes()):
        raise ValueError("a compressed batch, which no run writes")
    batch = pa.ipc.read_record_batch(message, schema)
    batch.validate(full=True)
    if any(batch.column(name).null_count for name in NEEDED):
        raise ValueError(f"a batch without {', '.join(NEEDED)}")
    return batch


def _is_compressed(metadata: bytes) -> bool:
    """Whether a batch's flatbuffer has the table that names a compression; pyarrow tells only by unpacking it."""
    try:
        header = _field(metadata, _follow(metadata, 0), _HEADER)
        return header is not None and _field(metadata, _follow(metadata, header), _COMPRESSION) is not None
    except struct.error as error:
        raise ValueError("a batch without its description") from error


def _follow(data: bytes, place: int) -> int:
    """Where the offset at `place` leads."""
    return place + int(struct.unpack_from("<I", data, place)[0])


def _field(data: bytes, table: int, index: int) -> int | None:
    """Where a flatbuffer table keeps its field `index`; None where it has none."""
    vtable = table - int(struct.unpack_from("<i", data, table)[0])
    size, entry = int(struct.unpack_from("<H", data, vtable)[0]), 4 + 2 * index
    offset = int(struct.unpack_from("<H", data, vtable + entry)[0]) if entry < size else 0
    return table + offset if offset else None

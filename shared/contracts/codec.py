"""Encoding chunks: one Arrow IPC stream with one record batch, whose schema metadata describes the whole chunk."""

from collections.abc import Mapping
from typing import Final

import pyarrow as pa

from shared.contracts import claimed_lengths, other_releases, value_checks

MOST_UNPACKED_BYTES: Final = 128 * 1024 * 1024  # of a decoded chunk; the largest possible row takes about 40 MiB
# Chunks are small: handing their columns to Arrow's threads takes longer than decoding them.
_WRITE = pa.ipc.IpcWriteOptions(compression="lz4", use_threads=False)
_READ = pa.ipc.IpcReadOptions(use_threads=False)


def encode(rows: pa.RecordBatch, meta: Mapping[str, str]) -> bytes:
    """Return the chunk as bytes; `meta` replaces the schema metadata."""
    batch = rows.replace_schema_metadata(dict(meta))
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema, options=_WRITE) as writer:
        writer.write_batch(batch)
    return bytes(sink.getvalue())


def decode(
    value: bytes, expected: pa.Schema, wanted: frozenset[str] | None = None
) -> tuple[pa.RecordBatch, dict[str, str]]:
    """Return the chunk's rows and its metadata.  wanted: the columns to decode, None: all of the contract.

    The sender may be of another release: columns and inner fields that are not expected are left out, and those it does
    not know yet are null, if they may be.  Raises pa.ArrowInvalid if the bytes are not an Arrow stream, ValueError if
    columns differ from `expected` otherwise or hold impossible values; damaged bytes may make Arrow raise other
    exceptions.
    """
    sent = pa.ipc.read_schema(pa.py_buffer(value))
    is_same = sent.equals(expected, check_metadata=False)
    if not is_same and (fault := other_releases.difference(sent, expected)) is not None:
        raise ValueError(f"columns differ from the contract: {fault}")
    claimed_lengths.check(value, MOST_UNPACKED_BYTES)
    if is_same:
        rows, meta = _read(value, sent, wanted)
    else:
        names = frozenset(expected.names if wanted is None else wanted)
        rows, meta = _read(value, sent, names)
        rows = other_releases.fitted(rows, [field for field in expected if field.name in names])
    value_checks.check(rows, pointers="lots" not in expected.names or "proposals" in expected.names)
    return rows, meta


def decode_kept(value: bytes, expected: pa.Schema) -> tuple[pa.RecordBatch, dict[str, str]]:
    """Return the expected columns of a stored chunk, perhaps of another release: columns it lacks are null.

    Columns and inner fields that are not expected are left out.  Raises ValueError if a column has another type than
    expected.
    """
    rows, meta = _read(value, pa.ipc.read_schema(pa.py_buffer(value)), frozenset(expected.names))
    had = [field for field in expected if field.name in rows.schema.names]
    if (fault := other_releases.difference(rows.schema, had)) is not None:
        raise ValueError(f"columns differ from the contract: {fault}")
    return other_releases.fitted(rows, list(expected)), meta


def _read(value: bytes, sent: pa.Schema, wanted: frozenset[str] | None) -> tuple[pa.RecordBatch, dict[str, str]]:
    """Return the wanted columns (None: all) and the metadata.  sent: the schema of the bytes.

    Raises ValueError if the stream does not hold exactly one record batch.
    """
    options = _READ
    if wanted is not None:
        indices = [index for index, name in enumerate(sent.names) if name in wanted]
        options = pa.ipc.IpcReadOptions(use_threads=False, included_fields=indices)
    with pa.ipc.open_stream(value, options=options) as reader:
        batches = list(reader)
    if len(batches) != 1:
        raise ValueError(f"a chunk holds one record batch, this one has {len(batches)}")
    meta = {key.decode(): text.decode() for key, text in (sent.metadata or {}).items()}
    return batches[0].replace_schema_metadata(None), meta

"""The size that an Arrow stream claims to have when decompressed, read before anything is decompressed.

Arrow allocates the size that a compressed buffer claims.  A few changed bytes may claim terabytes, and LZ4 can expand
four megabytes to a thousand.  Source: Arrow columnar format, "Buffer compression" and `Message.fbs`.
"""

from typing import Any, Final

import numpy as np
import pyarrow as pa

_RECORD_BATCH: Final = 3  # MessageHeader.RecordBatch
# Fields of the tables of Message.fbs.
_HEADER_TYPE, _HEADER, _LENGTH, _BUFFERS, _COMPRESSION = 1, 2, 0, 2, 3
_MOST_ROWS: Final = 1_000_000


def check(value: bytes, most_bytes: int) -> None:
    """Check the sizes that the stream claims.

    Raises ValueError if it claims more than `most_bytes` of columns, more than a million rows, or is inconsistent;
    pa.ArrowInvalid or OSError if the bytes are not an Arrow stream.
    """
    claimed = 0
    # pyarrow's stubs do not know that the reader iterates over messages.
    reader: Any = pa.ipc.MessageReader.open_stream(pa.py_buffer(value))
    for message in reader:
        if message.type != "record batch":
            continue
        rows, sizes = _claims(np.frombuffer(message.metadata, np.uint8), message.body)
        claimed += sizes
        if not 0 <= rows <= _MOST_ROWS:
            raise ValueError(f"a chunk of {rows} rows")
        if not 0 <= claimed <= most_bytes:
            raise ValueError(f"its columns would take {claimed} bytes, at most {most_bytes} are unpacked")


def _claims(metadata: Any, body: Any) -> tuple[int, int]:
    """Return the number of rows of a record batch and the bytes that its buffers claim when decompressed.

    Raises ValueError if its header or a buffer is inconsistent.
    """
    table = _Table(metadata, _Table.root(metadata))
    batch = table.child(_HEADER)
    if batch is None or table.byte(_HEADER_TYPE) != _RECORD_BATCH:
        raise ValueError("a record batch without a header")
    buffers = batch.pairs(_BUFFERS)
    lengths = buffers[buffers[:, 1] > 0]
    if batch.child(_COMPRESSION) is None:
        return batch.long(_LENGTH), int(lengths[:, 1].sum())
    packed = np.frombuffer(body, np.uint8) if body is not None else np.zeros(0, np.uint8)
    starts = lengths[:, 0]
    if len(starts) and (starts.min() < 0 or starts.max() + 8 > len(packed)):
        raise ValueError("a buffer lies outside of its message")
    sizes = packed[starts[:, None] + np.arange(8)].copy().view("<i8")[:, 0]
    plain = sizes == -1  # not compressed, because that would be larger
    claimed = np.where(plain, lengths[:, 1], sizes)
    if (claimed < 0).any():
        raise ValueError("a buffer of negative length")
    return batch.long(_LENGTH), int(sum(claimed.tolist()))


class _Table:
    """A table of a flatbuffer.  Its methods raise ValueError for an offset outside the message."""

    def __init__(self, data: Any, start: int) -> None:
        self._data = data
        self._start = start
        self._fields = start - self._int(start, "<i4")

    @staticmethod
    def root(data: Any) -> int:
        return int(data[:4].copy().view("<u4")[0])

    def byte(self, field: int) -> int:
        at = self._at(field)
        return 0 if at is None else self._int(at, "<u1")

    def long(self, field: int) -> int:
        at = self._at(field)
        return 0 if at is None else self._int(at, "<i8")

    def child(self, field: int) -> "_Table | None":
        at = self._at(field)
        return None if at is None else _Table(self._data, at + self._int(at, "<u4"))

    def pairs(self, field: int) -> Any:
        """Return a vector of structs of two longs: shape (n, 2).  Raises ValueError if it exceeds the message."""
        at = self._at(field)
        if at is None:
            return np.zeros((0, 2), np.int64)
        start = at + self._int(at, "<u4")
        count = self._int(start, "<u4")
        data = self._data[start + 4 : start + 4 + 16 * count]
        if len(data) != 16 * count:
            raise ValueError("a list of buffers lies outside of its message")
        return data.copy().view("<i8").reshape(-1, 2)

    def _at(self, field: int) -> int | None:
        slot = 4 + 2 * field
        if slot + 2 > self._int(self._fields, "<u2"):
            return None
        offset = self._int(self._fields + slot, "<u2")
        return self._start + offset if offset else None

    def _int(self, at: int, kind: str) -> int:
        """Return the integer at an offset of the message.  Raises ValueError if the offset leads outside of it."""
        size = int(kind[2:])
        if at < 0 or at + size > len(self._data):
            raise ValueError("an offset leads outside of its message")
        return int(self._data[at : at + size].copy().view(kind)[0])

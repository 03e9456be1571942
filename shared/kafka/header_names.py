"""Reading header names that are not UTF-8.

A broker accepts any bytes as a header name.  aiokafka raises for such a name inside its fetcher, before any of our code
sees the message: the process ended, and records of the same fetch were skipped silently.
"""

from collections.abc import Iterator
from typing import Any, Final

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords

_MAGIC_OFFSET: Final = 16  # of the magic byte in the bytes of a batch
_MAGIC: Final = 2  # first format whose records have headers


def accept_any_header_name() -> None:
    """Make every consumer of this process accept any name; bytes that are not UTF-8 become backslash escapes."""
    fetcher.MemoryRecords = _Records


class _Records:
    """A fetch as aiokafka's fetcher reads it, batch by batch."""

    def __init__(self, data: bytes) -> None:
        self._records: Any = MemoryRecords(data)
        self._data = memoryview(data)
        self._offset = 0

    def has_next(self) -> bool:
        return bool(self._records.has_next())

    def size_in_bytes(self) -> int:
        return int(self._records.size_in_bytes())

    def next_batch(self) -> Any:
        batch = self._records.next_batch()
        length = int.from_bytes(self._data[self._offset + 8 : self._offset + 12], "big") + 12
        data = self._data[self._offset : self._offset + length]
        self._offset += length
        return batch if data[_MAGIC_OFFSET] < _MAGIC else _Batch(batch, data)


class _Batch:
    """A batch whose records are all read together, by the lenient reader if the usual one fails."""

    def __init__(self, batch: Any, data: memoryview) -> None:
        self._batch = batch
        self._data = data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __iter__(self) -> Iterator[Any]:
        try:
            return iter(list(self._batch))
        except UnicodeDecodeError:
            return iter(list(_Lenient(self._data)))

    def __next__(self) -> Any:
        return next(self._batch)


class _Lenient(_DefaultRecordBatchPy):
    """aiokafka's reader in Python; header names are the only thing it decodes."""

    _buffer: bytearray

    def _maybe_uncompress(self) -> None:
        super()._maybe_uncompress()
        self._buffer = _Bytes(self._buffer)


class _Bytes(bytearray):
    def __getitem__(self, index: Any) -> Any:
        found = super().__getitem__(index)
        return _Bytes(found) if isinstance(index, slice) else found

    def decode(self, encoding: str = "utf-8", errors: str = "backslashreplace") -> str:
        """Return the text, with backslash escapes for bytes that are not UTF-8."""
        return super().decode(encoding, errors)

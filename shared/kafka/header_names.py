"""Header names that are no UTF-8: aiokafka raises for them, again and again, and passes over their neighbours.

A broker takes any bytes as the name of a header.  The client meets them while it fetches, before any guard: the process
ended, and what had been read before them in the same fetch was lost without a word.
"""

from collections.abc import Iterator
from typing import Any, Final

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords

_MAGIC_AT: Final = 16  # in a batch's bytes
_MAGIC: Final = 2  # of batches whose records have headers


def take_any_header() -> None:
    """Make every consumer of this process take such names, written with backslashes."""
    fetcher.MemoryRecords = _Records


class _Records:
    """A fetch as aiokafka's fetcher reads it, batch by batch."""

    def __init__(self, data: bytes) -> None:
        self._records: Any = MemoryRecords(data)
        self._data = memoryview(data)
        self._at = 0

    def has_next(self) -> bool:
        return bool(self._records.has_next())

    def size_in_bytes(self) -> int:
        return int(self._records.size_in_bytes())

    def next_batch(self) -> Any:
        batch = self._records.next_batch()
        length = int.from_bytes(self._data[self._at + 8 : self._at + 12], "big") + 12
        data = self._data[self._at : self._at + length]
        self._at += length
        return batch if data[_MAGIC_AT] < _MAGIC else _Batch(batch, data)


class _Batch:
    """A batch whose records are read at once, and leniently where they cannot be read otherwise."""

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
    """aiokafka's reader in Python, which decodes nothing but names of headers."""

    _buffer: bytearray

    def _maybe_uncompress(self) -> None:
        super()._maybe_uncompress()
        self._buffer = _Bytes(self._buffer)


class _Bytes(bytearray):
    def __getitem__(self, place: Any) -> Any:
        found = super().__getitem__(place)
        return _Bytes(found) if isinstance(place, slice) else found

    def decode(self, encoding: str = "utf-8", errors: str = "backslashreplace") -> str:
        """Return the text, with backslashes for what is no text."""
        return super().decode(encoding, errors)

"""Rows of a file of fixed widths: columns are cut out of the bytes of a whole chunk at once."""

from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa

from services.taxlot.mapping.forms import FixedWidth
from services.taxlot.mapping.model import FormatMapping
from services.taxlot.mapping.raw_rows import RawRows, UnreadLine
from services.taxlot.mapping.text_file import TextFile
from shared.columnar import Bytes, Ints

_CARRIAGE_RETURN = 13


class FixedWidthRows:
    """An open file of fixed widths.  Raises FileRefused if header or trailer is not as the mapping says."""

    def __init__(self, file: BinaryIO, size: int, mapping: FormatMapping, form: FixedWidth) -> None:
        self._form = form
        self._columns = {name: form.columns[name] for name in sorted(mapping.columns())}
        self._text = TextFile(file, size, mapping)
        self.head, self.tail, self.lines = self._text.head, self._text.tail, self._text.lines

    def chunks(self, size: int) -> Iterator[RawRows]:
        """Yield the rows in chunks of about `size` bytes."""
        for body, line in self._text.pieces(size):
            yield self._read(body, line)

    def _read(self, body: bytes, line: int) -> RawRows:
        data = np.frombuffer(body, np.uint8)
        ends = np.flatnonzero(data == ord("\n"))
        starts = np.concatenate([[0], ends[:-1] + 1])
        ends = np.where((ends > starts) & (data[ends - 1] == _CARRIAGE_RETURN), ends - 1, ends)
        lengths = ends - starts
        good = lengths == self._form.width
        unread = [
            UnreadLine(line + row, body[starts[row] : ends[row]].decode(errors="replace"), self._reason(lengths[row]))
            for row in np.flatnonzero(~good & (lengths > 0)).tolist()
        ]
        rows = np.flatnonzero(good)
        table = _table(data, starts[rows], self._form.width)
        columns = {name: _column(table[:, first - 1 : last]) for name, (first, last) in self._columns.items()}
        return RawRows(line + rows.astype(np.int64), columns, unread)

    def _reason(self, length: Any) -> str:
        return f"the line has {int(length)} characters, a row has {self._form.width}"


def _table(data: Bytes, starts: Ints, width: int) -> Bytes:
    """Return the rows' bytes, one row below another."""
    step = int(starts[1] - starts[0]) if len(starts) > 1 else width
    if len(starts) and (np.diff(starts) == step).all() and len(data) >= starts[0] + step * len(starts):
        table: Bytes = data[starts[0] : starts[0] + step * len(starts)].reshape(len(starts), step)[:, :width]
        return table
    gathered: Bytes = data[starts[:, None] + np.arange(width)]
    return gathered


def _column(cells: Bytes) -> Any:
    rows, width = cells.shape
    offsets: Any = np.arange(rows + 1, dtype=np.int32) * width
    data: Any = np.ascontiguousarray(cells)
    buffers: list[Any] = [None, pa.py_buffer(offsets), pa.py_buffer(data)]
    return pa.Array.from_buffers(pa.binary(), rows, buffers)

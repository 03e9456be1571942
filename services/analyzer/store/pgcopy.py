"""PostgreSQL's binary COPY format, whole columns at a time: rows are read and written without a loop in Python.

Format: signature and flags (19 bytes); per row an int16 count of fields, per field an int32 length (-1: null) and the
bytes, integers most significant byte first; an int16 -1 ends it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from psycopg import Connection, sql
from psycopg.rows import TupleRow

from shared.columnar import Arrow, Bytes, array, read_only, starts_of
from shared.fixed_point.compiled import entry_kernel, view_kernel

Ints: TypeAlias = NDArray[np.int64]
Composed: TypeAlias = sql.SQL | sql.Composed

_HEAD = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TAIL = b"\xff\xff"
# To the compiler arrays with gaps, or that may not be written to, are other types: a kernel of its own for each.
_ONE_FORM: Final[tuple[Literal["C"], Literal["W"]]] = ("C", "W")
_EPOCH_2000: Final = 10_957  # days from 1970-01-01 to PostgreSQL's own day 0
NULL = -(2**63)  # a null integer in memory


@dataclass(frozen=True)
class PgTable:
    """The rows of a COPY: the position of each field of each row in `blob`."""

    blob: Bytes
    starts: Ints  # [columns, rows]
    lengths: Ints  # [columns, rows], -1 null

    def __len__(self) -> int:
        return int(self.starts.shape[1])

    def ints(self, column: int, null: int = NULL) -> Ints:
        """Return a column of integers or booleans (any width); nulls become `null`."""
        out = np.empty(len(self), np.int64)
        _integers(self.blob, self.starts[column], self.lengths[column], int(null), out)
        return out

    def spans(self, column: int) -> tuple[Ints, Bytes]:
        """Return (starts[rows + 1], bytes) of a text or bytea column; a null is empty."""
        starts = starts_of(np.maximum(self.lengths[column], 0))
        data = np.empty(int(starts[-1]), np.uint8)
        _copy(self.blob, self.starts[column], self.lengths[column], data, starts)
        return starts, data

    def is_null(self, column: int) -> NDArray[np.bool_]:
        """Return which rows hold null."""
        return np.asarray(self.lengths[column] < 0)

    def texts(self, column: int) -> Arrow:
        """Return a text column."""
        starts, data = self.spans(column)
        null = self.is_null(column)
        valid = pa.py_buffer(np.packbits(~null, bitorder="little").tobytes()) if null.any() else None
        return pa.StringArray.from_buffers(
            len(self), pa.py_buffer(starts.astype(np.int32).tobytes()), pa.py_buffer(data.tobytes()), valid
        )

    def bytes_of(self, column: int, row: int) -> bytes:
        """Return one field's bytes; a null is empty."""
        start = int(self.starts[column, row])
        return self.blob[start : start + max(0, int(self.lengths[column, row]))].tobytes()


def postgres_micros(instants: Ints) -> Ints:
    """Return instants, given as microseconds since 1970, in microseconds since 2000 as PostgreSQL writes them."""
    return np.where(instants == NULL, instants, instants - _EPOCH_2000 * 86_400_000_000)


def postgres_days(days: Ints) -> Ints:
    """Return dates, given as days since 1970-01-01, in days since 2000-01-01 as PostgreSQL writes them; NULL stays."""
    return np.where(days == NULL, days, days - _EPOCH_2000)


def read(connection: Connection[TupleRow], query: Composed, parameters: Sequence[Any], columns: int) -> PgTable:
    """Run COPY (query) TO STDOUT and return its rows; `columns` is how many the query yields."""
    with connection.cursor() as cursor:
        statement = sql.SQL("COPY ({}) TO STDOUT (FORMAT binary)").format(query)
        with cursor.copy(statement, parameters) as copy:
            return table_of(b"".join(copy), columns)


def table_of(copied: bytes, columns: int) -> PgTable:
    """Return the rows of a whole COPY, head and tail included."""
    blob = np.frombuffer(copied, np.uint8)
    rows = _count(blob, len(_HEAD), columns)
    starts, lengths = np.empty((columns, rows), np.int64), np.empty((columns, rows), np.int64)
    _locate(blob, len(_HEAD), starts, lengths)
    return PgTable(blob, starts, lengths)


@dataclass(frozen=True)
class PgIntColumn:
    """Integers to write; width 1 (boolean), 2, 4 or 8 bytes; NULL becomes null."""

    values: Ints
    width: int


@dataclass(frozen=True)
class PgTextColumn:
    """Text or bytea to write: row i is data[starts[i]:starts[i + 1]], null where null[i]."""

    starts: Ints
    data: Bytes
    null: NDArray[np.bool_]


Column: TypeAlias = PgIntColumn | PgTextColumn


def text_column(texts: Sequence[str | None] | Arrow) -> PgTextColumn:
    """Return a column of texts."""
    column: Arrow = texts if isinstance(texts, pa.Array) else array(texts, pa.string())
    if column.offset:
        column = pa.concat_arrays([column])
    _, offsets, data = column.buffers()
    starts = np.frombuffer(offsets, np.int32)[: len(column) + 1].astype(np.int64)
    held = np.frombuffer(data, np.uint8) if data is not None else np.zeros(0, np.uint8)
    return PgTextColumn(starts, held, column.is_null().to_numpy(zero_copy_only=False))


def bytes_column(starts: Ints, data: Bytes, null: NDArray[np.bool_] | None = None) -> PgTextColumn:
    """Return a column of documents; starts count bytes."""
    return PgTextColumn(starts, data, np.zeros(len(starts) - 1, bool) if null is None else null)


def write(connection: Connection[TupleRow], table: str, names: Sequence[str], columns: Sequence[Column]) -> None:
    """COPY whole columns into a table of the search path."""
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, names))
    )
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(whole(columns))


def warm() -> None:
    """Compile (or load from the cache) the kernels of this module."""
    columns: list[Column] = [PgIntColumn(np.zeros(1, np.int64), 8), text_column(["x"])]
    table = table_of(whole(columns), len(columns))
    table.ints(0)
    table.texts(1)


def whole(columns: Sequence[Column]) -> bytes:
    """Return a whole COPY of the columns, head and tail included."""
    return _HEAD + encode(columns) + _TAIL


def encode(columns: Sequence[Column]) -> bytes:
    """Return the rows of a COPY, without head and tail."""
    sizes = [_sizes(column) for column in columns]
    rows = len(sizes[0])
    row_bytes = np.full(rows, 2, np.int64) + sum(4 + np.maximum(size, 0) for size in sizes)
    starts = starts_of(row_bytes)
    position, out = starts[:-1], np.empty(int(starts[-1]), np.uint8)
    _put_int(out, position, np.full(rows, len(columns), np.int64), 2)
    position = position + 2
    for column, size in zip(columns, sizes, strict=True):
        _put_int(out, position, size, 4)
        position = position + 4
        if isinstance(column, PgIntColumn):
            _put_int(out, position, np.require(column.values, requirements=_ONE_FORM), column.width)
        else:
            _copy(read_only(np.ascontiguousarray(column.data)), column.starts, size, out, position)
        position = position + np.maximum(size, 0)
    return out.tobytes()


def _sizes(column: Column) -> Ints:
    if isinstance(column, PgIntColumn):
        return np.where(column.values == NULL, -1, column.width).astype(np.int64)
    return np.where(column.null, -1, np.diff(column.starts)).astype(np.int64)


@view_kernel
def _big_endian(blob: Bytes, position: int, width: int) -> int:
    value = int(blob[position])
    if width > 1 and value >= 128:
        value -= 256
    for index in range(1, width):
        value = value * 256 + int(blob[position + index])
    return value


@view_kernel
def _length(blob: Bytes, position: int) -> int:
    """Return the length of a field that begins at `position`, -1 for null.  Without a loop: it runs for every field."""
    upper, lower = (
        np.int64(blob[position]) << 8 | blob[position + 1],
        np.int64(blob[position + 2]) << 8 | blob[position + 3],
    )
    value = upper << 16 | lower
    return -1 if value == 0xFFFFFFFF else value


@entry_kernel
def _count(blob: Bytes, position: int, columns: int) -> int:
    rows = 0
    while _big_endian(blob, position, 2) == columns:
        position += 2
        for _ in range(columns):
            position += 4 + max(0, _length(blob, position))
        rows += 1
    return rows


@entry_kernel
def _locate(blob: Bytes, position: int, starts: Ints, lengths: Ints) -> None:
    for row in range(starts.shape[1]):
        position += 2
        for column in range(starts.shape[0]):
            length = _length(blob, position)
            starts[column, row] = position + 4
            lengths[column, row] = length
            position += 4 + max(0, length)


@entry_kernel
def _integers(blob: Bytes, starts: Ints, lengths: Ints, null: int, out: Ints) -> None:
    for row in range(len(starts)):
        out[row] = null if lengths[row] < 0 else _big_endian(blob, starts[row], lengths[row])


@entry_kernel
def _put_int(out: Bytes, positions: Ints, values: Ints, width: int) -> None:
    for row in range(len(positions)):
        value = values[row]
        if value == -(2**63):
            continue
        for index in range(width):
            out[positions[row] + index] = (value >> (8 * (width - 1 - index))) & 255


@entry_kernel
def _copy(source: Bytes, starts: Ints, lengths: Ints, out: Bytes, positions: Ints) -> None:
    """Copy the field of each row: lengths[row] bytes (below 0: none) from starts[row] to positions[row] of `out`."""
    for row in range(len(lengths)):
        length = max(0, lengths[row])
        field, target = source[starts[row] : starts[row] + length], out[positions[row] : positions[row] + length]
        for index in range(length):  # over two slices the compiler copies many bytes at a time
            target[index] = field[index]

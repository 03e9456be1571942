"""Rows of a foreign file as columns of texts, as they stand in it: what every kind of source yields."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from services.taxlot.domain.records import Bools, CodedColumn, TextColumn
from shared.columnar import Arrow, Ints

compute: Any = pa.compute


@dataclass(frozen=True)
class UnreadLine:
    """A line that has not the form of a row, and why."""

    line: int
    text: str
    reason: str


@dataclass
class RawRows:
    """Some rows.  line: of each.  columns: by name, binary arrays.  unread: lines among them that are no rows."""

    line: Ints
    columns: Mapping[str, Arrow]
    unread: list[UnreadLine] = field(default_factory=list)
    _coded: dict[str, tuple[Ints, list[str]]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.line)

    def coded(self, name: str) -> tuple[Ints, list[str]]:
        """Return the column as indices into its different texts, without blanks at their ends."""
        if name not in self._coded:
            encoded = self.columns[name].dictionary_encode()
            texts = [value.decode(errors="replace").strip() for value in encoded.dictionary.to_pylist()]
            self._coded[name] = (encoded.indices.to_numpy().astype(np.int64), texts)
        return self._coded[name]

    def where(self, name: str, accepts: Callable[[str], bool]) -> Bools:
        """Say of each row whether a predicate holds for its text in a column."""
        index, texts = self.coded(name)
        accepted: Bools = np.array([accepts(text) for text in texts] or [False], np.bool_)[index]
        return accepted

    def text(self, name: str, row: int) -> str:
        """Return one value, without blanks at its ends."""
        return bytes(self.columns[name][row].as_py()).decode(errors="replace").strip()

    def take(self, rows: Ints) -> "RawRows":
        """Return some of the rows."""
        index = pa.array(rows)
        return RawRows(self.line[rows], {name: column.take(index) for name, column in self.columns.items()})

    def cut(self, row: int) -> tuple["RawRows", "RawRows"]:
        """Return the rows before `row`, and the others, at least one; unread lines go with their neighbours by line.

        Without any row the unread lines are with the others.
        """
        if not len(self):
            return RawRows(self.line, self.columns), self
        edge = int(self.line[row])
        before = [unread for unread in self.unread if unread.line < edge]
        after = [unread for unread in self.unread if unread.line >= edge]
        first = {name: column.slice(0, row) for name, column in self.columns.items()}
        rest = {name: column.slice(row) for name, column in self.columns.items()}
        return RawRows(self.line[:row], first, before), RawRows(self.line[row:], rest, after)


def joined(pieces: list[RawRows]) -> RawRows:
    """Return the rows of all pieces, at least one, one after another."""
    if len(pieces) == 1:
        return pieces[0]
    columns = {name: pa.concat_arrays([piece.columns[name] for piece in pieces]) for name in pieces[0].columns}
    unread = [line for piece in pieces for line in piece.unread]
    return RawRows(np.concatenate([piece.line for piece in pieces]), columns, unread)


def text_column(column: Arrow) -> TextColumn:
    """Return a binary array as offsets and bytes, over the same memory; a null is an empty text."""
    _, offsets, data = column.buffers()
    used = np.frombuffer(offsets, np.int32)[column.offset : column.offset + len(column) + 1]
    return TextColumn(used, np.frombuffer(data if data is not None and data.size else b"\0", np.uint8))


def array_of(column: TextColumn, kind: Any = None) -> Arrow:
    """Return a text column as an Arrow array over the same memory.  kind: binary unless given."""
    offsets: Any = np.ascontiguousarray(column.offsets, np.int32)
    data: Any = column.data
    buffers: list[Any] = [None, pa.py_buffer(offsets), pa.py_buffer(data)]
    return pa.Array.from_buffers(kind or pa.binary(), len(offsets) - 1, buffers)


def coded_column(index: Ints, texts: list[str]) -> CodedColumn:
    """Return a coded column of texts of which several may be equal: each name gets one number."""
    numbers: dict[str, int] = {}
    remap = np.array([numbers.setdefault(text, len(numbers)) for text in texts] or [0], np.int64)
    names = list(numbers) or [""]
    raw = [name.encode() for name in names]
    offsets = np.cumsum([0, *map(len, raw)]).astype(np.int32)
    return CodedColumn(remap[index], names, TextColumn(offsets, np.frombuffer(b"".join(raw) or b"\0", np.uint8)))

"""Rows of an XML file, read as a stream by expat.  A document type declaration is refused, and so every entity."""

from collections.abc import Iterator
from typing import Any, BinaryIO, Final
from xml.parsers import expat

import numpy as np
import pyarrow as pa

from services.taxlot.domain.codes import MAPPING_MISFIT, FileRefused
from services.taxlot.domain.envelope import refuse_packed
from services.taxlot.mapping.model import FormatMapping, Xml
from services.taxlot.mapping.raw_rows import RawRows

_ELEMENT: Final = "element"
_HEAD: Final = 1 << 16


class XmlRows:
    """An open XML file.  context: first value of each `Element@attribute` around the records that was asked for.

    Raises FileRefused: NOT_A_LOT_FILE if it is no XML with this root, BAD_TRAILER if it was cut off.
    """

    head = tail = ""

    def __init__(self, file: BinaryIO, size: int, mapping: FormatMapping, form: Xml) -> None:
        self._file, self._form = file, form
        self.lines = 0
        self.context: dict[str, str] = {}
        self._paths = {name: form.columns[name] for name in sorted(mapping.columns() - {_ELEMENT})}
        # The values of a row: attributes of its own, of elements around it, texts of its children, its element's name.
        self._own = [path[1:] for path in self._paths.values() if path.startswith("@")]
        self._around = [path for path in self._paths.values() if "@" in path[1:]]
        self._texts = [path for path in self._paths.values() if "@" not in path]
        order = [*(f"@{name}" for name in self._own), *self._around, *self._texts]
        self._index = {name: order.index(path) for name, path in self._paths.items()} | {_ELEMENT: len(order)}
        self._text_index = {path: order.index(path) for path in self._texts}
        found = (mapping.custodian, mapping.data_date, mapping.kind, *_totals(mapping))
        self._asked = set(self._around) | {fact.attribute for fact in found if fact is not None and fact.attribute}
        self._unseen, self._elements, self._first_line = set(self._paths), set[str](), 0
        self._state: dict[str, str] = {}
        self._stack: list[str] = []
        # Values of rows one after another: a list for each row would keep the collector of garbage busy.
        self._values: list[str | None] = []
        self._width, self._done, self._within = len(order) + 1, 0, False
        self._rest: list[str | None] = [None] * (len(self._around) + len(self._texts))
        self._depth = 0
        self._lines: list[int] = []
        self._parser = self._build()
        first = file.read(_HEAD)
        refuse_packed(first)
        if not first.strip():
            raise FileRefused("NOT_A_LOT_FILE", "the file is empty")
        self._feed(first)
        while not self._done and (piece := file.read(_HEAD)):
            self._feed(piece)

    def chunks(self, size: int) -> Iterator[RawRows]:
        """Yield the rows in chunks of about `size` bytes.  Raises FileRefused if the XML is broken."""
        while piece := self._file.read(size):
            self._feed(piece)
            if self._done:
                yield self._taken()
        self._feed(b"", last=True)
        if self._done:
            yield self._taken()
        if self._unseen and self._elements == set(self._form.records):
            name = min(self._unseen)
            detail = f"line {self._first_line}: the column {name!r} ({self._paths[name]}) is at none of the records"
            raise FileRefused(MAPPING_MISFIT, detail)

    def _build(self) -> Any:
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        if self._texts:
            parser.CharacterDataHandler = self._text
        parser.StartDoctypeDeclHandler = _refuse_declaration
        parser.EntityDeclHandler = _refuse_declaration
        return parser

    def _feed(self, piece: bytes, last: bool = False) -> None:
        try:
            self._parser.Parse(piece, last)
        except expat.ExpatError as error:
            code = "BAD_TRAILER" if last else "NOT_A_LOT_FILE"
            why = ": the file was cut off; ask the custodian to send it again" if last else ""
            raise FileRefused(code, f"line {error.lineno}, column {error.offset + 1}: {error}{why}") from error

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if not self._stack and name != self._form.root:
            raise FileRefused("NOT_A_LOT_FILE", f"line 1: the outermost element is {name}, not {self._form.root}")
        self._stack.append(name)
        if not self._within and name in self._form.records:
            self._values.extend(map(attributes.get, self._own))
            self._values.extend(self._rest)
            self._values.append(name)
            self._within = True
            self._depth = len(self._stack)
            self._lines.append(self._parser.CurrentLineNumber)
        elif not self._within:
            for key, value in attributes.items():
                path = f"{name}@{key}"
                if path in self._asked:
                    self._state[path] = value
                    self.context.setdefault(path, value)
            self._rest = [*(self._state.get(path) for path in self._around), *([None] * len(self._texts))]

    def _end(self, name: str) -> None:
        if self._within and len(self._stack) == self._depth:
            self._done += 1
            self._within = False
        self._stack.pop()

    def _text(self, data: str) -> None:
        if self._within and len(self._stack) > self._depth:
            index = self._text_index.get("/".join(self._stack[self._depth :]))
            if index is not None:
                index -= self._width
                self._values[index] = (self._values[index] or "") + data

    def _taken(self) -> RawRows:
        end = self._done * self._width
        lines, self._lines = self._lines[: self._done], self._lines[self._done :]
        made, self._values, self._done = self._values[:end], self._values[end:], 0
        self._first_line = self._first_line or lines[0]
        values: list[Any] = [pa.array(made[index :: self._width], pa.string()) for index in range(self._width)]
        self._unseen -= {name for name in self._unseen if values[self._index[name]].null_count < len(lines)}
        columns = {name: values[index].fill_null("").cast(pa.binary()) for name, index in self._index.items()}
        self._elements.update(value.decode() for value in columns[_ELEMENT].unique().to_pylist())
        return RawRows(np.array(lines, np.int64), columns)


def _totals(mapping: FormatMapping) -> tuple[Any, ...]:
    totals = mapping.totals
    return totals.records, totals.quantity, totals.cost_basis, totals.cash


def _refuse_declaration(*_: object) -> None:
    raise FileRefused("NOT_A_LOT_FILE", "the XML declares a document type; entities are never expanded here")

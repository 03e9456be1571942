"""Rows of an XML file, read as a stream by expat.  A document type declaration is refused, and so every entity."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, BinaryIO, Final
from xml.parsers import expat

import numpy as np
import pyarrow as pa

from services.taxlot.domain.codes import MAPPING_MISFIT, FileRefused
from services.taxlot.domain.envelope import refuse_packed
from services.taxlot.mapping.forms import Xml
from services.taxlot.mapping.model import FormatMapping
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
        asked = set(self._around) | {fact.attribute for fact in found if fact is not None and fact.attribute}
        self._asked: dict[str, list[str]] = {}  # attributes by the element around the records
        for path in sorted(asked):
            self._asked.setdefault(path.partition("@")[0], []).append(path.partition("@")[2])
        self._unseen, self._elements, self._first_line = set(self._paths), set[str](), 0
        self._state: dict[str, str | None] = {}
        # Values of rows one after another: a list for each row would keep the collector of garbage busy.
        self._values: list[str | None] = []
        self._rest: list[str | None] = [None] * (len(self._around) + len(self._texts))
        self._width = len(order) + 1
        self._lines: list[int] = []
        self._is_rooted = False
        self._inside: list[str] | None = None  # names of elements inside the present record, if its texts are read
        self._parser = self._build()
        first = file.read(_HEAD)
        refuse_packed(first)
        if not first.strip():
            raise FileRefused("NOT_A_LOT_FILE", "the file is empty")
        self._feed(first)
        while not self._done() and (piece := file.read(_HEAD)):
            self._feed(piece)

    def chunks(self, size: int) -> Iterator[RawRows]:
        """Yield the rows in chunks of about `size` bytes.  Raises FileRefused if the XML is broken."""
        while piece := self._file.read(size):
            self._feed(piece)
            if self._done():
                yield self._taken()
        self._feed(b"", last=True)
        if self._done():
            yield self._taken()
        if self._unseen and self._elements == set(self._form.records):
            name = min(self._unseen)
            detail = f"line {self._first_line}: the column {name!r} ({self._paths[name]}) is at none of the records"
            raise FileRefused(MAPPING_MISFIT, detail)

    def _done(self) -> int:
        """Return how many rows are complete."""
        return len(self._lines) - (self._inside is not None)

    def _build(self) -> Any:
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = self._start_handler(parser)
        parser.EndElementHandler = self._end
        if self._texts:
            parser.CharacterDataHandler = self._text
        parser.StartDoctypeDeclHandler = _refuse_declaration
        parser.EntityDeclHandler = _refuse_declaration
        return parser

    def _start_handler(self, parser: Any) -> Callable[[str, dict[str, str]], None]:
        """Return what is called for every element; what it needs is at hand, for it is called by lot."""
        records, own, rest, reads_texts = set(self._form.records), self._own, self._rest, bool(self._texts)
        extend, append, append_line = self._values.extend, self._values.append, self._lines.append

        def start(name: str, attributes: dict[str, str]) -> None:
            if self._inside is not None:
                self._inside.append(name)
            elif name in records:
                extend(map(attributes.get, own))
                extend(rest)
                append(name)
                append_line(parser.CurrentLineNumber)
                if reads_texts:
                    self._inside = []
            else:
                self._start_around(name, attributes)

        return start

    def _feed(self, piece: bytes, last: bool = False) -> None:
        try:
            self._parser.Parse(piece, last)
        except expat.ExpatError as error:
            code = "BAD_TRAILER" if last else "NOT_A_LOT_FILE"
            why = ": the file was cut off; ask the custodian to send it again" if last else ""
            raise FileRefused(code, f"line {error.lineno}, column {error.offset + 1}: {error}{why}") from error

    def _start_around(self, name: str, attributes: Mapping[str, str]) -> None:
        """Note the attributes of an element that is no record.  Raises FileRefused if it is another root."""
        if not self._is_rooted and name != self._form.root:
            raise FileRefused("NOT_A_LOT_FILE", f"line 1: the outermost element is {name}, not {self._form.root}")
        self._is_rooted = True
        if name in self._asked:
            for attribute in self._asked[name]:
                path, value = f"{name}@{attribute}", attributes.get(attribute)
                self._state[path] = value
                if value is not None:
                    self.context.setdefault(path, value)
            self._rest[: len(self._around)] = [self._state.get(path) for path in self._around]

    def _end(self, name: str) -> None:
        if self._inside:
            self._inside.pop()
        elif self._inside is not None:
            self._inside = None
        elif name in self._asked:
            self._start_around(name, {})  # what stands after it is not around it

    def _text(self, data: str) -> None:
        if self._inside:
            index = self._text_index.get("/".join(self._inside))
            if index is not None:
                index -= self._width
                self._values[index] = (self._values[index] or "") + data

    def _taken(self) -> RawRows:
        done = self._done()
        lines, made = self._lines[:done], self._values[: done * self._width]
        del self._lines[:done], self._values[: done * self._width]
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

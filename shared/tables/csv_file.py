"""CSV by RFC 4180, in UTF-8 with the mark by which spreadsheets know it; the first line is the header.

The last line says "End of file" and the number of rows: a file without it was cut off.
"""

import csv
import io
import re
from collections.abc import Sequence
from typing import Final

from shared.tables.columns import Cell, Column, Kind, Row, text_of_cell

END: Final = "End of file"
_MARK: Final = "\ufeff"
_RUNS: Final = "=+\\-@\uff1d\uff0b\uff0d\uff20'\\t\\r\\n"
# At the start of a text, and where a spreadsheet that separates by other signs than commas would begin a cell.
_MAY_RUN: Final = re.compile(rf"(\A|[;\t\r\n])(?=[^\S\t\r\n]*[{_RUNS}])")
_GUARDED: Final = re.compile(rf"(\A|[;\t\r\n])'(?=[^\S\t\r\n]*[{_RUNS}])")


def guarded(text: str) -> str:
    """Return a text that no spreadsheet runs as a formula: an apostrophe stands before each place that would begin one.

    Only for texts: numbers are written as they are.
    """
    return _MAY_RUN.sub(r"\1'", text)


def unguarded(text: str) -> str:
    """Return the text of which `guarded` made this one."""
    return _GUARDED.sub(r"\1", text)


class CsvFile:
    """Writes a table as CSV."""

    media_type = "text/csv; charset=utf-8; header=present"
    suffix = "csv"

    def __init__(self, columns: Sequence[Column]) -> None:
        self._columns = columns
        self._written = 0

    def head(self) -> bytes:
        """Return the header line."""
        return _MARK.encode() + _lines([[guarded(column.header) for column in self._columns]])

    def rows(self, rows: Sequence[Row]) -> bytes:
        """Return the lines of the next rows."""
        self._written += len(rows)
        kinds = [column.kind for column in self._columns]
        return _lines([[_field(cell, kind) for cell, kind in zip(row, kinds, strict=True)] for row in rows])

    def end(self) -> bytes:
        """Return the line that says how many rows there are; it has as many fields as the others."""
        line = [END, f"{self._written} {'row' if self._written == 1 else 'rows'}"]
        return _lines([line + [""] * (len(self._columns) - len(line))])


def _field(cell: Cell, kind: Kind) -> str:
    text = text_of_cell(cell, kind)
    return text if kind.is_number else guarded(text)


def _lines(rows: Sequence[Sequence[str]]) -> bytes:
    sink = io.StringIO(newline="")
    csv.writer(sink, lineterminator="\r\n").writerows(rows)
    return sink.getvalue().encode()

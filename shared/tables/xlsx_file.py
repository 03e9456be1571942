"""XLSX (ECMA-376), streamed: a sheet of rows and a sheet "About" that says what they are.

Texts are text cells, which spreadsheets neither run nor turn into numbers; numbers are number cells, but for those of
more digits than a spreadsheet keeps, which are text rather than rounded.  A file that was cut off does not open.
"""

import io
import re
import zipfile
from collections.abc import Sequence
from datetime import date, datetime
from typing import Final
from xml.sax.saxutils import escape

from shared.tables.columns import Cell, Column, Kind, Row, text_of_cell
from shared.tables.xlsx_parts import FIXED_PARTS, SHEET_START, STYLES, workbook

MOST_ROWS: Final = 1_048_575
"""Rows that a sheet holds below its header."""
_DIGITS_KEPT: Final = 15
_MOST_TEXT: Final = 32_767
_CUT: Final = " ... (cut: a cell holds no more)"
_FIRST_DAY: Final = date(1900, 3, 1)  # before it, spreadsheets differ by a day that never was
_DAY_ZERO: Final = date(1899, 12, 30)
# Signs that XML cannot hold or would change, and texts that look like the escape of one.
_ESCAPED: Final = re.compile("[\x00-\x08\x0b-\x1f\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")


class XlsxFile:
    """Writes a table as XLSX.

    sheet: name of the sheet of rows; about: name and value of what the second sheet says; at: when it was made.
    """

    media_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    suffix = "xlsx"

    def __init__(self, columns: Sequence[Column], sheet: str, about: Sequence[tuple[str, str]], at: datetime) -> None:
        self._columns = columns
        self._letters = [_letters(index) for index in range(max(2, len(columns)))]
        self._about = about
        self._at = at.timetuple()[:6]
        self._written = 0
        self._pipe = _Pipe()
        self._zip = zipfile.ZipFile(self._pipe, "w", zipfile.ZIP_DEFLATED, compresslevel=4)
        for name, content in FIXED_PARTS.items():
            self._part(name, content)
        self._part("xl/workbook.xml", workbook(sheet, "About"))
        self._sheet = self._zip.open(self._info("xl/worksheets/sheet1.xml"), "w")

    def head(self) -> bytes:
        """Return the file up to the header of the table."""
        header: list[tuple[Cell, Kind]] = [(column.header, Kind.TEXT) for column in self._columns]
        columns = "".join(
            f'<col min="{index}" max="{index}" width="{max(12, len(column.header) + 4)}" customWidth="1"/>'
            for index, column in enumerate(self._columns, 1)
        )
        self._sheet.write(SHEET_START.format(columns=columns).encode())
        self._sheet.write(self._row(1, header, "header").encode())
        return self._pipe.taken()

    def rows(self, rows: Sequence[Row]) -> bytes:
        """Return what the next rows add to the file."""
        if self._written + len(rows) > MOST_ROWS:
            raise ValueError(f"a sheet holds {MOST_ROWS} rows")
        kinds = [column.kind for column in self._columns]
        lines = []
        for row in rows:
            self._written += 1
            lines.append(self._row(self._written + 1, list(zip(row, kinds, strict=True))))
        self._sheet.write("".join(lines).encode())
        return self._pipe.taken()

    def end(self) -> bytes:
        """Return the rest: the end of the rows, the sheet "About" with their number, and the list of contents."""
        self._sheet.write(b"</sheetData></worksheet>")
        self._sheet.close()
        columns = '<col min="1" max="1" width="24" customWidth="1"/><col min="2" max="2" width="90" customWidth="1"/>'
        sheet = [SHEET_START.format(columns=columns)]
        for number, line in enumerate([*self._about, ("Rows", str(self._written))], 1):
            sheet.append(self._row(number, [(text, Kind.TEXT) for text in line]))
        self._part("xl/worksheets/sheet2.xml", "".join(sheet) + "</sheetData></worksheet>")
        self._zip.close()
        return self._pipe.taken()

    def _part(self, name: str, content: str) -> None:
        self._zip.writestr(self._info(name), content)

    def _info(self, name: str) -> zipfile.ZipInfo:
        info = zipfile.ZipInfo(name, self._at)
        info.compress_type = zipfile.ZIP_DEFLATED
        return info

    def _row(self, number: int, cells: Sequence[tuple[Cell, Kind]], style: str = "") -> str:
        written = [
            _cell(f"{self._letters[index]}{number}", cell, kind, style)
            for index, (cell, kind) in enumerate(cells)
            if cell is not None
        ]
        return f'<row r="{number}">{"".join(written)}</row>'


class _Pipe(io.RawIOBase):
    """A file that is written and not sought, whose bytes are taken away as they come."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        """Tell the archive that it may write."""
        return True

    def write(self, data: bytes | bytearray | memoryview) -> int:  # type: ignore[override]  # any buffer
        """Keep bytes until they are taken."""
        self._pieces.append(bytes(data))
        return len(data)

    def taken(self) -> bytes:
        """Return what was written since the last call."""
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)


def _cell(place: str, cell: Cell, kind: Kind, style: str) -> str:
    if kind is Kind.DAY and isinstance(cell, date) and cell >= _FIRST_DAY:
        return f'<c r="{place}" s="{STYLES[kind.value]}"><v>{(cell - _DAY_ZERO).days}</v></c>'
    text = text_of_cell(cell, kind)
    if kind.is_number and _digits(text) <= _DIGITS_KEPT:
        return f'<c r="{place}" s="{STYLES[kind.value]}"><v>{text}</v></c>'
    if len(text) > _MOST_TEXT:
        text = text[: _MOST_TEXT - len(_CUT)] + _CUT
    shown = escape(_ESCAPED.sub(lambda found: f"_x{ord(found.group()):04X}_", text))
    number = STYLES[style or "text"]
    return f'<c r="{place}" s="{number}" t="inlineStr"><is><t xml:space="preserve">{shown}</t></is></c>'


def _digits(number: str) -> int:
    """Return how many digits a number has between its first and its last that is not zero."""
    return len(number.removeprefix("-").replace(".", "").strip("0"))


def _letters(index: int) -> str:
    """Return the name of a column, counted from 0: A to Z, AA and so on."""
    name = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        name = chr(ord("A") + rest) + name
    return name

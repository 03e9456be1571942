"""Rows of a file of values parted by a character: read by pyarrow, only the columns that the mapping names."""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, Literal

import numpy as np
import pyarrow as pa
import pyarrow.csv

from services.taxlot.domain.codes import MAPPING_MISFIT, FileRefused
from services.taxlot.mapping.forms import Delimited
from services.taxlot.mapping.model import FormatMapping
from services.taxlot.mapping.raw_rows import RawRows, UnreadLine
from services.taxlot.mapping.text_file import HEAD_LINES, TextFile
from shared.columnar import Arrow, Ints


class DelimitedRows:
    """An open delimited file.  Raises FileRefused: MAPPING_MISFIT if no line names all columns."""

    def __init__(self, file: BinaryIO, size: int, mapping: FormatMapping, form: Delimited) -> None:
        self._form = form
        self._text = TextFile(file, size, mapping)
        self._ignored = [re.compile(pattern) for pattern in form.ignored_lines]
        wanted = sorted(mapping.columns() - set(form.sections))
        if form.columns is None:
            self._width, self._numbers = self._find_headings(wanted)
        else:
            self._width, self._numbers = form.width or 0, {name: form.columns[name] for name in wanted}
        self._sections = [Section(name, re.compile(pattern)) for name, pattern in sorted(form.sections.items())]
        for section in self._sections:
            for line in self._text.head.split("\n"):
                section.value = section.value_in(line) or section.value
        self.head, self.tail, self.lines = self._text.head, self._text.tail, self._text.lines

    def chunks(self, size: int) -> Iterator[RawRows]:
        """Yield the rows in chunks of about `size` bytes.  Raises FileRefused if the body is no text in lines."""
        for body, line in self._text.pieces(size):
            yield self._read(body, line)

    def _find_headings(self, wanted: Sequence[str]) -> tuple[int, dict[str, int]]:
        """Return how many columns there are, and the number of each wanted one; the body begins below."""
        best, best_line, most = list(wanted), 1, -1
        for index, line in enumerate(self._text.head_lines()):
            names = [name.strip() for name in self._values(line)]
            lacking = [name for name in wanted if name not in names]
            if not lacking:
                twice = [name for name in wanted if names.count(name) > 1]
                if twice:
                    detail = f"line {index + 1}: the column {twice[0]!r} stands there twice"
                    raise FileRefused(MAPPING_MISFIT, detail)
                self._text.begin_after(index + 1)
                return len(names), {name: names.index(name) + 1 for name in wanted}
            if len(wanted) - len(lacking) > most:
                best, best_line, most = lacking, index + 1, len(wanted) - len(lacking)
        if most <= 0:
            detail = f"none of the first {HEAD_LINES} lines names the columns of the mapping, such as {wanted[0]!r}"
            raise FileRefused(MAPPING_MISFIT, detail)
        named = ", ".join(repr(name) for name in best)
        raise FileRefused(MAPPING_MISFIT, f"line {best_line}: the column {named} is not there")

    def _values(self, line: str) -> list[str]:
        quote = self._form.quote
        if not quote:
            return line.split(self._form.delimiter)
        return next(csv.reader([line], delimiter=self._form.delimiter, quotechar=quote), [])

    def _read(self, body: bytes, line: int) -> RawRows:
        unread: list[UnreadLine] = []

        def skip(row: Any) -> Literal["skip"]:
            reason = f"the line has {row.actual_columns} values, a row has {row.expected_columns}"
            unread.append(UnreadLine(line - 1 + row.number, row.text, reason))
            return "skip"

        if self._form.short_width is not None:
            body = _filled(body, self._form.delimiter.encode(), self._form.short_width, self._width)
        source: Any = pa.BufferReader(body)
        names = [str(number) for number in range(1, self._width + 1)]
        kept = [str(number) for number in self._numbers.values()]
        options: Any = pa.csv.ParseOptions(
            delimiter=self._form.delimiter,
            quote_char=self._form.quote or False,
            double_quote=bool(self._form.quote),
            ignore_empty_lines=False,
            invalid_row_handler=skip,
        )
        try:
            table = pa.csv.read_csv(
                source,
                read_options=pa.csv.ReadOptions(use_threads=False, block_size=len(body) + 1, column_names=names),
                parse_options=options,
                convert_options=pa.csv.ConvertOptions(
                    column_types=dict.fromkeys(kept, pa.binary()),
                    include_columns=list(dict.fromkeys(kept)),
                    strings_can_be_null=False,
                ),
            )
        except pa.ArrowInvalid as error:
            raise FileRefused(MAPPING_MISFIT, f"near line {line}: {error}") from error
        numbers = np.arange(line, line + len(table) + len(unread), dtype=np.int64)
        good = np.delete(numbers, [each.line - line for each in unread]) if unread else numbers
        blank = np.isin(good, _blank_lines(body) + line)
        if blank.any():  # the reader makes a row of empty values of them
            good, table = good[~blank], table.filter(pa.array(~blank))
        columns = {name: _whole(table.column(str(number))) for name, number in self._numbers.items()}
        columns |= {section.name: section.column(good, unread) for section in self._sections}
        return RawRows(good, columns, [each for each in unread if not self._is_known(each.text)])

    def _is_known(self, text: str) -> bool:
        """Say whether a line that is no row is blank, a section's, or one that the mapping ignores."""
        if not text.strip() or any(section.value_in(text) is not None for section in self._sections):
            return True
        return any(pattern.fullmatch(text.strip()) is not None for pattern in self._ignored)


@dataclass
class Section:
    """A column whose text stands in a line above its rows.  value: of the last such line so far."""

    name: str
    pattern: re.Pattern[str]
    value: str = ""

    def value_in(self, line: str) -> str | None:
        """Return the text that a line gives the column, None if it is no line of the section."""
        found = self.pattern.search(line)
        return None if found is None else found["value"]

    def column(self, lines: Ints, unread: Sequence[UnreadLine]) -> Arrow:
        """Return the column for rows at these lines; the last line among `unread` counts for the rows after it."""
        given = [(each.line, value) for each in unread if (value := self.value_in(each.text)) is not None]
        values = [self.value, *(value for _, value in given)]
        self.value = values[-1]
        index: Any = np.searchsorted(np.array([line for line, _ in given], np.int64), lines)
        return pa.array(values, pa.string()).cast(pa.binary()).take(pa.array(index))


def _filled(body: bytes, delimiter: bytes, short: int, width: int) -> bytes:
    """Return the lines of a body, those of `short` values with empty ones up to the width."""
    lacking = delimiter * (width - short)
    return b"\n".join(
        line.removesuffix(b"\r") + lacking if line.count(delimiter) == short - 1 else line for line in body.split(b"\n")
    )


def _whole(column: Any) -> Any:
    return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)


def _blank_lines(body: bytes) -> Ints:
    """Return the numbers, from 0, of the lines of a body in which nothing stands."""
    if not body.startswith((b"\n", b"\r\n")) and b"\n\n" not in body and b"\n\r\n" not in body:
        return np.zeros(0, np.int64)
    return np.array([number for number, text in enumerate(body.split(b"\n")) if text in (b"", b"\r")], np.int64)

"""Bring foreign dates into the form YYYY-MM-DD, which `text` reads: one pass over the bytes, no exception.

A column is `offsets` and `data` as in `text`.  What does not fit comes out in quotation marks, as in `number_styles`.
Source: product 2, "Each custodian writes its own format".
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from services.taxlot.domain.style_texts import is_missing, joined_texts, trimmed, write_quoted
from services.taxlot.domain.text import Data, Offsets
from shared.columnar import read_only
from shared.fixed_point.compiled import entry_kernel, view_kernel

_YEAR, _MONTH, _MONTH_LOOSE, _DAY, _DAY_LOOSE, _TIME, _MONTH_NAME, _REST = range(-1, -9, -1)
_TOKENS: Final = (
    ("YYYY", _YEAR), ("MON", _MONTH_NAME), ("MM", _MONTH), ("DD", _DAY), ("M", _MONTH_LOOSE), ("D", _DAY_LOOSE),
    ("hh", _TIME), ("mm", _TIME), ("ss", _TIME),
)  # fmt: skip
# Of the token -n: how many digits it has, and what its number is worth in YYYYMMDD.
_LEAST: Final = np.array([0, 4, 2, 1, 2, 1, 2], np.int64)
_MOST: Final = np.array([0, 4, 2, 2, 2, 2, 2], np.int64)
_WORTH: Final = np.array([0, 10_000, 100, 100, 1, 1, 0], np.int64)
_MONTHS: Final = np.frombuffer(b"JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC", np.uint8)


def date_tokens(style: str) -> NDArray[np.int64]:
    """Return the style as numbers for the kernel.  Raises ValueError if year, month or day is not there once."""
    tokens: list[int] = []
    left = style
    while left:
        found = next(((name, token) for name, token in _TOKENS if left.startswith(name)), None)
        if found is not None:
            tokens.append(found[1])
            left = left[len(found[0]) :]
        elif left == "*":
            tokens.append(_REST)
            left = ""
        elif left[0].isascii():
            tokens.append(ord(left[0]))
            left = left[1:]
        else:
            raise ValueError(f"the date style {style!r} has a character that is not ASCII")
    months = sum(tokens.count(token) for token in (_MONTH, _MONTH_LOOSE, _MONTH_NAME))
    if tokens.count(_YEAR) != 1 or months != 1 or tokens.count(_DAY) + tokens.count(_DAY_LOOSE) != 1:
        raise ValueError(f"the date style {style!r} must have YYYY, MM (or M, MON) and DD (or D), each once")
    return np.array(tokens, np.int64)


def plain_dates(
    column: tuple[Offsets, Data], styles: tuple[str, ...], missing: tuple[str, ...]
) -> tuple[Offsets, Data]:
    """Return the column as YYYY-MM-DD; what is missing is empty.  The first style that fits counts."""
    offsets, data = column
    known, marks = joined_texts(missing)
    tokens = [date_tokens(style) for style in styles]
    starts = np.cumsum([0, *map(len, tokens)]).astype(np.int64)
    made = np.empty(int(offsets[-1] - offsets[0]) + (len(offsets) - 1) * 12 + 1, np.uint8)
    ends = np.zeros(len(offsets), np.int32)
    _plain_dates(offsets, read_only(data), np.concatenate(tokens), starts, known, marks, made, ends)
    return ends, made


def plain_date(value: str, style: str) -> str | None:
    """Return one date as YYYY-MM-DD, None if it does not fit the style."""
    raw = np.frombuffer(value.encode(errors="replace") or b"\0", np.uint8)
    ends, made = plain_dates((np.array([0, len(value.encode(errors="replace"))], np.int32), raw), (style,), ())
    found = bytes(made[: ends[1]]).decode(errors="replace")
    return found if found and not found.startswith('"') else None


@view_kernel
def _month_named(data: Data, begin: int, end: int) -> int:
    """Return the month whose first three letters stand there, 0 if none."""
    if begin + 3 > end:
        return 0
    for month in range(12):
        same = True
        for step in range(3):
            byte = int(data[begin + step])
            same = same and (byte - 32 if 97 <= byte <= 122 else byte) == _MONTHS[month * 3 + step]
        if same:
            return month + 1
    return 0


@view_kernel
def _number_at(data: Data, begin: int, end: int, least: int, most: int) -> tuple[int, int]:
    """Return the number of least to most digits that stands there, -1 if none does, and where it ends."""
    number, seen = 0, 0
    while seen < most and begin < end and 48 <= data[begin] <= 57:
        number = number * 10 + int(data[begin]) - 48
        begin += 1
        seen += 1
    return (number if seen >= least else -1), begin


@view_kernel
def _date(data: Data, begin: int, end: int, tokens: Any, first: int, last: int) -> int:
    """Return the date as the number YYYYMMDD, 0 if it does not fit."""
    made = 0
    for index in range(first, last):
        token = tokens[index]
        if token >= 0:
            if begin >= end or data[begin] != token:
                return 0
            begin += 1
        elif token == _REST:
            begin = end
        elif token == _MONTH_NAME:
            month = _month_named(data, begin, end)
            if month == 0:
                return 0
            made, begin = made + month * 100, begin + 3
        else:
            number, begin = _number_at(data, begin, end, _LEAST[-token], _MOST[-token])
            if number < 0:
                return 0
            made += number * _WORTH[-token]
    return made if begin == end and made >= 10_000 and made // 100 % 100 > 0 and made % 100 > 0 else 0


@entry_kernel
def _plain_dates(
    offsets: Offsets, data: Data, tokens: Any, starts: Any, known: Data, marks: Any, made: Data, ends: Offsets
) -> None:
    at = 0
    for row in range(len(ends) - 1):
        begin, end = trimmed(data, int(offsets[row]), int(offsets[row + 1]))
        if not is_missing(data, begin, end, known, marks):
            number = 0
            for style in range(len(starts) - 1):
                if number == 0:
                    number = _date(data, begin, end, tokens, starts[style], starts[style + 1])
            at = write_quoted(data, begin, end, made, at) if number == 0 else _write_date(number, made, at)
        ends[row + 1] = at


@view_kernel
def _write_date(number: int, made: Data, at: int) -> int:
    """Write YYYYMMDD as YYYY-MM-DD; return where it ends."""
    scale = 10_000_000
    for step in range(10):
        if step in (4, 7):
            made[at + step] = 45
        else:
            made[at + step] = 48 + number // scale % 10
            scale //= 10
    return at + 10

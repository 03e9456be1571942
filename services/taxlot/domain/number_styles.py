"""Bring foreign numbers into plain decimals, which `text` reads: one pass over the bytes, exact, no exception.

A column is `offsets` and `data` as in `text`.  What does not fit its style comes out in quotation marks: it is shown,
and never read by another style than its own.  Source: product 2, "Each custodian writes its own format".
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from services.taxlot.domain.style_texts import is_missing, joined_texts, stands_at, trimmed, write_quoted
from services.taxlot.domain.text import Data, Offsets
from shared.columnar import read_only
from shared.fixed_point.compiled import entry_kernel, view_kernel

AS_WRITTEN: Final = 0
NEGATE: Final = 1  # the sign stands in a column of its own
SHORT: Final = 2  # negative whatever the sign


@dataclass(frozen=True)
class Style:
    """How numbers are written; see `mapping.model.NumberStyle`.  implied: a point is not allowed."""

    currency: str = ""
    thousands: str = ""
    decimal: str = "."
    plus: bool = False
    parentheses: bool = False
    trailing_minus: bool = False
    implied: bool = False
    unsigned: bool = False

    def codes(self) -> NDArray[np.int64]:
        """Return the style as numbers for the kernel."""
        flags = (self.plus, self.parentheses, self.trailing_minus, self.implied, self.unsigned)
        signs = (ord(self.thousands) if self.thousands else 0, ord(self.decimal))
        return np.array([*signs, *(int(flag) for flag in flags)], np.int64)


def plain_numbers(
    column: tuple[Offsets, Data],
    style: Style,
    missing: tuple[str, ...],
    mode: NDArray[np.uint8],
    shift: NDArray[np.int8],
) -> tuple[Offsets, Data]:
    """Return the column as plain decimals; what is missing is empty.

    mode: AS_WRITTEN, NEGATE or SHORT of each row.  shift: by how many digits its point moves, to the right if positive.
    """
    offsets, data = column
    known, marks = joined_texts(missing)
    currency = np.frombuffer(style.currency.encode() or b"\0", np.uint8)[: len(style.currency)]
    farthest = int(np.abs(shift).max()) if len(shift) else 0
    made = np.empty(int(offsets[-1] - offsets[0]) + (len(offsets) - 1) * (4 + farthest) + 1, np.uint8)
    ends = np.zeros(len(offsets), np.int32)
    _plain_numbers((offsets, read_only(data)), (style.codes(), currency), (known, marks), (mode, shift), made, ends)
    return ends, made


@view_kernel
def _digits(data: Data, begin: int, end: int, style: Any) -> int:
    """Return how many digits stand before the point, -1 if the text is no number of this style without its sign."""
    thousands, decimal, implied = style[0], style[1], style[5]
    whole, fraction, run, groups, point = 0, 0, 0, 0, False
    for position in range(begin, end):
        byte = int(data[position])
        if 48 <= byte <= 57:
            run += 1
            if point:
                fraction += 1
            else:
                whole += 1
        elif byte == thousands and thousands != 0 and not point:
            if run == 0 or run > 3 or (groups > 0 and run != 3):
                return -1
            groups += 1
            run = 0
        elif byte == decimal and not point and implied == 0:
            if groups > 0 and run != 3:
                return -1
            point = True
            run = 0
        else:
            return -1
    if (groups > 0 and not point and run != 3) or (point and fraction == 0) or whole + fraction == 0:
        return -1
    return whole


@view_kernel
def _in_parentheses(data: Data, begin: int, end: int, style: Any) -> bool:
    return bool(style[3] != 0 and end - begin > 2 and data[begin] == 40 and data[end - 1] == 41)


@view_kernel
def _sign(data: Data, begin: int, end: int, style: Any, currency: Data) -> tuple[int, int, int]:
    """Return the sign (-1, 1; 0: as none may be read) and where the digits begin and end."""
    sign, seen, paid = 1, 0, 0
    if _in_parentheses(data, begin, end, style):
        sign, seen, begin, end = -1, 1, begin + 1, end - 1
    for _ in range(2):  # the sign may stand before the currency or after it
        if begin < end and seen == 0 and (data[begin] == 45 or (data[begin] == 43 and style[2] != 0)):
            sign, seen, begin = -1 if data[begin] == 45 else 1, 1, begin + 1
        width = len(currency)
        if width > 0 and paid == 0 and end - begin > width and stands_at(data, begin, currency, 0, width):
            begin, paid = begin + width, 1
    if seen == 0 and paid == 1 and _in_parentheses(data, begin, end, style):  # $(5.00)
        sign, seen, begin, end = -1, 1, begin + 1, end - 1
    if style[4] != 0 and seen == 0 and end - begin > 1 and data[end - 1] == 45:
        sign, seen, end = -1, 1, end - 1
    if style[6] != 0 and seen != 0:
        sign = 0
    return sign, begin, end


@entry_kernel
def _plain_numbers(column: Any, written: Any, missing: Any, moves: Any, made: Data, ends: Offsets) -> None:
    offsets, data = column
    style, currency = written
    known, marks = missing
    mode, shift = moves
    at = 0
    for row in range(len(mode)):
        begin, end = trimmed(data, int(offsets[row]), int(offsets[row + 1]))
        if not is_missing(data, begin, end, known, marks):
            sign, first, last = _sign(data, begin, end, style, currency)
            whole = _digits(data, first, last, style) if first < last else -1
            if sign == 0 or whole < 0:
                at = write_quoted(data, begin, end, made, at)
            else:
                negative = mode[row] == SHORT or (sign < 0) != (mode[row] == NEGATE)
                if negative:
                    made[at] = 45
                    at += 1
                at = _write_plain(data, first, last, whole + int(shift[row]), made, at)
        ends[row + 1] = at


@view_kernel
def _write_plain(data: Data, first: int, last: int, point: int, made: Data, at: int) -> int:
    """Write the digits of a text with a point after `point` of them (before them if negative); return the end."""
    while point > 1 and first < last - 1 and data[first] == 48:  # leading zeros
        first, point = first + 1, point - 1
    if point <= 0:
        made[at] = 48
        at += 1
    if point < 0:
        made[at] = 46
        at += 1
        for _ in range(-point):
            made[at] = 48
            at += 1
    count = 0
    for position in range(first, last):
        byte = data[position]
        if 48 <= byte <= 57:
            if count == point:
                made[at] = 46
                at += 1
            made[at] = byte
            at += 1
            count += 1
    for _ in range(point - count):
        made[at] = 48
        at += 1
    return at

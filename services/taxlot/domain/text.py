"""Convert text columns to exact integers: one pass over the bytes, a status for every value, never an exception.

A column of n texts is `offsets` (n + 1 of them, int32) and `data` (all bytes, one text after the other), as in Arrow.
Source: docs/custodial-files.md, "Form".
"""

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from shared.columnar import read_only
from shared.fixed_point.compiled import entry_kernel
from shared.rules.relief.lots import NO_DATE
from shared.rules.relief.term import date_from_days, days_from_date

GOOD: Final = 0
EMPTY: Final = 1
MALFORMED: Final = 2
TOO_LARGE: Final = 3

_SENTINEL_DAY = -25567  # 1900-01-01
_MOST_DIGITS = 18
_REST_DIGITS = 7
_HALF = 5 * 10 ** (_REST_DIGITS - 1)
_ALLOWED = np.zeros(256, np.bool_)
_ALLOWED[np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:@-", np.uint8)] = True
_LONGEST_ID = 64

Offsets = NDArray[Any]
Data = NDArray[np.uint8]
Ints = NDArray[np.int64]
Codes = NDArray[np.uint8]


class Numbers(NamedTuple):
    """Values in units of 10**-scale, 0 where the status is not GOOD, and how they are written.

    shown: decimals, trailing zeros too, 255 at most.  rounded: whether there are more significant ones than the scale
    holds; beyond: what rounding took away, in millionths of the unit, itself rounded.
    """

    values: Ints
    status: Codes
    shown: Codes
    rounded: Codes
    beyond: Ints


def numbers(offsets: Offsets, data: Data, scale: int, limit: int) -> Numbers:
    """Return the numbers that the texts are, rounded half away from zero to the scale.

    limit: largest magnitude that is not TOO_LARGE, after rounding.  Source: product 2, "More decimals than we keep".
    """
    count = len(offsets) - 1
    values, beyond = np.zeros((2, count), np.int64)
    marks = np.zeros((3, count), np.uint8)
    _numbers(offsets, read_only(data), scale, limit, values, marks, beyond)
    status, shown, rounded = marks
    return Numbers(values, status, shown, rounded, beyond)


def decimals(offsets: Offsets, data: Data, scale: int, limit: int) -> tuple[Ints, Codes]:
    """Return values and status of `numbers`."""
    found = numbers(offsets, data, scale, limit)
    return found.values, found.status


def dates(offsets: Offsets, data: Data) -> tuple[Ints, Codes]:
    """Return days since 1970-01-01 and a status each; empty, and on or before 1900-01-01, is NO_DATE and GOOD."""
    days = np.full(len(offsets) - 1, NO_DATE, np.int64)
    status = np.zeros(len(offsets) - 1, np.uint8)
    _dates(offsets, read_only(data), days, status)
    return days, status


def identifiers(offsets: Offsets, data: Data) -> Codes:
    """Return GOOD, EMPTY or MALFORMED (too long, or characters outside A-Z a-z 0-9 . _ : @ -) of each text."""
    status = np.zeros(len(offsets) - 1, np.uint8)
    _identifiers(offsets, read_only(data), _ALLOWED, status)
    return status


def is_identifier(value: str) -> bool:
    """Say whether one text is an identifier as `identifiers` judges it."""
    data = np.frombuffer(value.encode(errors="replace") or b"\0", np.uint8)
    return bool(identifiers(np.array([0, len(data) if value else 0], np.int32), data)[0] == GOOD)


@entry_kernel
def _numbers(
    offsets: Offsets,
    data: Data,
    scale: int,
    limit: int,
    values: Ints,
    marks: Codes,
    beyond: Ints,
) -> None:
    status, shown, rounded = marks[0], marks[1], marks[2]
    for row in range(len(values)):
        position, end = offsets[row], offsets[row + 1]
        if position == end:
            status[row] = EMPTY
            continue
        negative = data[position] == 45  # -
        if negative:
            position += 1
        value, digits, point, seen = 0, 0, -1, 0
        rest, rest_digits, is_finer = 0, 0, False  # the seven digits beyond the scale, and whether any digit is there
        good = True
        while position < end:
            byte = int(data[position])  # a scalar of 8 bits would overflow where no compiler widens it
            if byte == 46 and point < 0 and seen > 0:  # .
                point = 0
            elif 48 <= byte <= 57:
                seen += 1
                point += 1 if point >= 0 else 0
                if point > scale:
                    is_finer = is_finer or byte != 48
                    rest_digits += 1
                    rest = rest * 10 + (byte - 48) if rest_digits <= _REST_DIGITS else rest
                else:
                    digits += 1 if value > 0 or byte != 48 else 0
                    value = value * 10 + (byte - 48) if digits <= _MOST_DIGITS else value
            else:
                good = False
            position += 1
        if not good or seen == 0 or data[end - 1] == 46:
            status[row] = MALFORMED
            continue
        for _ in range(scale - max(point, 0)):
            digits += 1 if value > 0 else 0
            value = value * 10 if digits <= _MOST_DIGITS else value
        for _ in range(_REST_DIGITS - rest_digits):
            rest *= 10
        goes_up = rest >= _HALF
        value += 1 if goes_up else 0
        if digits > _MOST_DIGITS or value > limit:
            status[row] = TOO_LARGE
            continue
        values[row] = -value if negative else value
        shown[row] = min(max(point, 0), 255)
        rounded[row] = 1 if is_finer else 0
        taken = (rest + 5) // 10 - (1_000_000 if goes_up else 0)
        beyond[row] = -taken if negative else taken


@entry_kernel
def _dates(offsets: Offsets, data: Data, days: Ints, status: Codes) -> None:
    for row in range(len(days)):
        position = offsets[row]
        length = offsets[row + 1] - position
        if length == 0:
            continue
        good = length == 10 and data[position + 4] == 45 and data[position + 7] == 45
        number = 0
        if good:
            for step in range(10):
                if step in (4, 7):
                    continue
                byte = int(data[position + step])
                good = good and 48 <= byte <= 57
                number = number * 10 + (byte - 48)
        year, month, day = number // 10_000, number // 100 % 100, number % 100
        if not good or not 1 <= month <= 12 or not 1 <= day <= 31 or year < 1:
            status[row] = MALFORMED
            continue
        found = days_from_date(year, month, day)
        if date_from_days(found) != (year, month, day):
            status[row] = MALFORMED
        elif found > _SENTINEL_DAY:
            days[row] = found


@entry_kernel
def _identifiers(offsets: Offsets, data: Data, allowed: NDArray[np.bool_], status: Codes) -> None:
    for row in range(len(status)):
        position, end = offsets[row], offsets[row + 1]
        if position == end:
            status[row] = EMPTY
        elif end - position > _LONGEST_ID:
            status[row] = MALFORMED
        else:
            while position < end:
                if not allowed[data[position]]:
                    status[row] = MALFORMED
                position += 1

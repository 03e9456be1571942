"""Tables that leave the system as files: columns, cells, and what every writer of a format does.

A cell is text, a day, an instant, or a number: an integer or plain decimal text, which is written as it is.  None is
what is not known or absent: an empty cell.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import Enum
from typing import Protocol, TypeAlias

Cell: TypeAlias = str | int | date | datetime | None
Row: TypeAlias = Sequence[Cell]


class Kind(Enum):
    """What the cells of a column are; NUMBER also of decimal text, WEIGHT a share of the account's value, 1 is all."""

    TEXT = "text"
    NUMBER = "number"
    COUNT = "count"
    MONEY = "money"
    WEIGHT = "weight"
    DAY = "day"
    INSTANT = "instant"

    @property
    def is_number(self) -> bool:
        """Whether its cells are numbers, which no writer guards or rounds."""
        return self in (Kind.NUMBER, Kind.COUNT, Kind.MONEY, Kind.WEIGHT)


@dataclass(frozen=True)
class Column:
    """A column of a file under its header."""

    header: str
    kind: Kind = Kind.TEXT


class TableWriter(Protocol):
    """Writes one table piece by piece, so that memory does not grow with its rows."""

    media_type: str
    suffix: str

    def head(self) -> bytes:
        """Return what comes before the first row."""
        ...

    def rows(self, rows: Sequence[Row]) -> bytes:
        """Return the next rows, perhaps with nothing of them yet.  Raises ValueError if a cell fits no column."""
        ...

    def end(self) -> bytes:
        """Return what comes after the last row: without it the file is seen to be cut off."""
        ...


def text_of_cell(cell: Cell, kind: Kind) -> str:
    """Return a cell as plain text: days and instants as ISO 8601 in UTC, numbers with all their digits."""
    if cell is None:
        return ""
    if kind.is_number:
        text = str(cell)
        if isinstance(cell, bool | date) or not is_plain_number(text):
            raise ValueError(f"{cell!r} is no number, in a column of {kind.value}")
        return text
    if isinstance(cell, datetime):
        return f"{cell.astimezone(UTC):%Y-%m-%dT%H:%M:%S}Z"
    return cell.isoformat() if isinstance(cell, date) else str(cell)


def is_plain_number(text: str) -> bool:
    """Whether a text is a decimal number such as -1234.56: digits of ASCII, no exponent, no white space."""
    whole, point, fraction = text.removeprefix("-").partition(".")
    return _are_digits(whole) and (not point or _are_digits(fraction))


def _are_digits(text: str) -> bool:
    return text.isascii() and text.isdigit()

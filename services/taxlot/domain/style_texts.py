"""What the readers of foreign numbers and dates share: blanks, known that mean missing, values shown as they stand.

A column is `offsets` and `data` as in `text`.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from services.taxlot.domain.text import Data
from shared.fixed_point.compiled import view_kernel

_MARK: Final = 34  # "


def joined_texts(known: tuple[str, ...]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return the known, without blanks at their ends, as bytes one after another and where each begins."""
    raw = [word.strip().encode() for word in known]
    return np.frombuffer(b"".join(raw) or b"\0", np.uint8), np.cumsum([0, *map(len, raw)]).astype(np.int64)


@view_kernel
def trimmed(data: Data, begin: int, end: int) -> tuple[int, int]:
    """Return begin and end without blanks and control characters."""
    while begin < end and data[begin] <= 32:
        begin += 1
    while end > begin and data[end - 1] <= 32:
        end -= 1
    return begin, end


@view_kernel
def is_missing(data: Data, begin: int, end: int, known: Data, marks: Any) -> bool:
    """Say whether the text is empty or one of the known."""
    if begin == end:
        return True
    for word in range(len(marks) - 1):
        if marks[word + 1] - marks[word] == end - begin and stands_at(data, begin, known, marks[word], end - begin):
            return True
    return False


@view_kernel
def stands_at(data: Data, begin: int, other: Data, other_begin: int, length: int) -> bool:
    """Say whether the same bytes stand in both."""
    same = True
    for step in range(length):
        same = same and data[begin + step] == other[other_begin + step]
    return same


@view_kernel
def write_quoted(data: Data, begin: int, end: int, made: Data, at: int) -> int:
    """Write the text in quotation marks; return where it ends.  No reader takes it for a number or a date."""
    made[at] = _MARK
    for step in range(end - begin):
        made[at + 1 + step] = data[begin + step]
    made[at + 1 + end - begin] = _MARK
    return at + 2 + end - begin

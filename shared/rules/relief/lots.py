"""What the relief kernels read: lots as parallel integer arrays, and the marks for what is not known."""

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Bytes = NDArray[np.uint8]

NO_DATE: Final = -(1 << 40)  # a missing acquired date: older than every date, so the oldest in every order
NO_BASIS: Final = -(1 << 61)  # an unknown cost basis, which is not zero

PICKS_MISFIT: Final = -1  # in place of picked units: the picks of this security do not fit its lots

FIFO: Final = 0
LIFO: Final = 1
HIFO: Final = 2
LOFO: Final = 3
MIN_TAX: Final = 4
AVERAGE: Final = 5
SPECIFIC: Final = 6

SHORT: Final = 0
LONG: Final = 1
UNKNOWN: Final = 2


class Lots(NamedTuple):
    """Lots, one per index.

    acquired: days since 1970-01-01 or NO_DATE.  quantity: micro-units, above zero.  basis: cents or NO_BASIS.
    sleeve: rank of the sleeve id among all sleeve ids.  id_offsets, id_bytes: the lot ids as UTF-8, the id of lot i in
    id_bytes[id_offsets[i]:id_offsets[i + 1]]; they break ties.
    """

    acquired: Ints
    quantity: Ints
    basis: Ints
    sleeve: Ints
    id_offsets: Ints
    id_bytes: Bytes


def lots_of(rows: list[tuple[str, int | None, int, int | None]], sleeves: list[int] | None = None) -> Lots:
    """Return lots from (lot id, acquired day or None, quantity in micro-units, basis in cents or None) rows."""
    names = [row[0].encode() for row in rows]
    ends = np.cumsum([0] + [len(name) for name in names])
    return Lots(
        np.array([NO_DATE if row[1] is None else row[1] for row in rows], dtype=np.int64),
        np.array([row[2] for row in rows], dtype=np.int64),
        np.array([NO_BASIS if row[3] is None else row[3] for row in rows], dtype=np.int64),
        np.array(sleeves if sleeves is not None else [0] * len(rows), dtype=np.int64),
        ends.astype(np.int64),
        np.frombuffer(b"".join(names), dtype=np.uint8),
    )


def id_bytes(data: Any) -> Bytes:
    """Return an Arrow buffer (or None) as lot id bytes, never writable: else the kernels would be compiled twice.

    Some of Arrow's buffers may be written to and others not, and numba has a form of its own for each.
    """
    held = np.frombuffer(data if data is not None and data.size else b"\0", np.uint8)
    held.flags.writeable = False
    return held


def lots_from(acquired: Any, quantity: Any, basis: Any, sleeves: Ints, lot_id: Any) -> Lots:
    """Return lots from Arrow arrays (date32, int64, int64, utf8) and their sleeves' ranks.

    Copies: numba compiles anew for arrays that may not be written to, as Arrow's are.
    """
    _, offsets, data = lot_id.buffers()
    places = np.frombuffer(offsets, np.int32)[lot_id.offset : lot_id.offset + len(lot_id) + 1] if len(lot_id) else [0]
    return Lots(
        np.array(days_of(acquired)),
        np.array(quantity.cast("int64"), dtype=np.int64),
        np.array(basis.cast("int64").fill_null(NO_BASIS), dtype=np.int64),
        np.ascontiguousarray(sleeves),
        np.array(places, dtype=np.int64),
        id_bytes(data),
    )


def days_of(values: Any) -> Ints:
    """Return an Arrow date32 array as days since 1970-01-01, NO_DATE where it is null."""
    return np.asarray(values.cast("int32").cast("int64").fill_null(NO_DATE), dtype=np.int64)

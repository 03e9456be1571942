"""What the relief kernels read: lots as records, and the marks for what is not known."""

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from shared.columnar import Bytes, read_only
from shared.fixed_point.records import Records, record, records_of

Ints = NDArray[np.int64]

NO_DATE: Final = -(1 << 40)  # a missing acquired date: older than every date, so the oldest in every order
ALWAYS_LONG: Final = -(1 << 41)  # in place of the day from which term counts: long-term whatever the date (inherited)
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


LOT: Final = record(
    "security",  # index among the account's securities
    "sleeve",  # rank of the sleeve id among all sleeve ids
    "acquired",  # days since 1970-01-01, or NO_DATE: decides every order
    "term_from",  # the day from which its term counts, mostly `acquired`, or NO_DATE or ALWAYS_LONG
    "quantity",  # micro-units, above zero
    "basis",  # cents, or NO_BASIS
    "picked",  # micro-units that SPECIFIC picks of it, or PICKS_MISFIT
    "pick",  # place of its pick among the picks of the account
    "id_first",  # its lot id is ids[id_first:id_end]
    "id_end",
)


class Lots(NamedTuple):
    """Lots, one per row, those of an account by (security, sleeve id); ids: all lot ids as UTF-8, which break ties."""

    rows: Records  # LOT
    ids: Bytes


def lots_of(
    rows: list[tuple[str, int | None, int, int | None]],
    sleeves: list[int] | None = None,
    term_from: list[int] | None = None,
) -> Lots:
    """Return lots of one security from (lot id, acquired day or None, micro-units, cents or None) rows.

    term_from: the day from which the term of each counts; None: the acquired day.
    """
    names = [row[0].encode() for row in rows]
    ends = np.cumsum([0] + [len(name) for name in names])
    days = [NO_DATE if row[1] is None else row[1] for row in rows]
    table = records_of(
        LOT,
        acquired=days,
        term_from=days if term_from is None else term_from,
        quantity=[row[2] for row in rows],
        basis=[NO_BASIS if row[3] is None else row[3] for row in rows],
        sleeve=sleeves if sleeves is not None else [0] * len(rows),
        id_first=ends[:-1],
        id_end=ends[1:],
    )
    return Lots(table, read_only(np.frombuffer(b"".join(names) or b"\0", np.uint8)))


def id_bytes(data: Any) -> Bytes:
    """Return an Arrow buffer (or None) as lot id bytes."""
    return read_only(np.frombuffer(data if data is not None and data.size else b"\0", np.uint8))


def lots_from(owned: Any, security: Ints, sleeve: Ints, picked: Ints) -> Lots:
    """Return the lots of an Arrow struct array of LOT_FIELDS.

    security: index among its account's securities; sleeve: rank of the sleeve id; picked: micro-units or PICKS_MISFIT.
    """
    acquired, since = days_of(owned.field("acquired")), days_of(owned.field("holding_since"))
    term_from = np.where(since == NO_DATE, acquired, since)
    lot_id = owned.field("lot_id")
    _, offsets, data = lot_id.buffers()
    first = lot_id.offset
    ends = np.frombuffer(offsets, np.int32)[first : first + len(lot_id) + 1] if len(lot_id) else np.zeros(1, np.int32)
    table = records_of(
        LOT,
        security=security,
        sleeve=sleeve,
        acquired=acquired,
        term_from=np.where(np.asarray(owned.field("is_long").fill_null(False)), ALWAYS_LONG, term_from),
        quantity=np.asarray(owned.field("quantity_micro").cast("int64")),
        basis=np.asarray(owned.field("basis_cents").cast("int64").fill_null(NO_BASIS)),
        picked=picked,
        pick=np.asarray(owned.field("pick_rank").cast("int64").fill_null(0)),
        id_first=ends[:-1],
        id_end=ends[1:],
    )
    return Lots(table, id_bytes(data))


def days_of(values: Any) -> Ints:
    """Return an Arrow date32 array as days since 1970-01-01, NO_DATE where it is null."""
    return np.asarray(values.cast("int32").cast("int64").fill_null(NO_DATE), dtype=np.int64)

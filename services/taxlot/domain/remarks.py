"""What is said of records that are taken though a number of them is not taken as it stands: nobody is held for it.

Source: product 2, "More decimals than we keep", "One bad price puts aside that price".
"""

from typing import Final, NamedTuple

import numpy as np

from services.taxlot.domain import text
from services.taxlot.domain.accounts import text_at
from services.taxlot.domain.codes import printable
from services.taxlot.domain.records import LIMITS, Bools, JudgedRecords, columns_of
from shared.fixed_point.text import text_of

ROUNDED: Final = "ROUNDED"
PRICE_PUT_ASIDE: Final = "PRICE_PUT_ASIDE"
NO_UNITS: Final = "NO_UNITS"
_MOST_SHOWN: Final = 64  # characters of a value


class Remark(NamedTuple):
    """A remark on the record with this index."""

    row: int
    code: str
    text: str


def remarks(rows: JudgedRecords, mine: Bools, at_most: int) -> tuple[list[Remark], int]:
    """Return remarks on good records of `mine`, so many at most and field by field, and how many there are in all."""
    good = mine & (rows.code == 0)
    fields = [
        (name, np.flatnonzero(rows.rounded[name] & good)) for name, _ in columns_of(rows.table) if name != "price"
    ]
    fields.append(("price", np.flatnonzero(rows.rounded["price"] & good & ~rows.no_price)))
    put_aside = np.flatnonzero(rows.no_price & good)
    without = np.flatnonzero(good & rows.table.record.where("L") & ~rows.is_lot & ~rows.rounded["quantity"])
    found = [
        *(Remark(row, NO_UNITS, _no_units(rows, row)) for row in without[:at_most].tolist()),
        *(Remark(row, PRICE_PUT_ASIDE, _no_price(rows, row)) for row in put_aside[:at_most].tolist()),
        *(
            Remark(row, ROUNDED, _rounded(rows, row, name))
            for name, which in fields
            for row in which[:at_most].tolist()
        ),
    ]
    return found[:at_most], len(without) + len(put_aside) + sum(len(which) for _, which in fields)


def _rounded(rows: JudgedRecords, row: int, name: str) -> str:
    column = dict(columns_of(rows.table))[name]
    kept = {"quantity": rows.quantity, "cost basis": rows.basis, "price": rows.price, "cash": rows.cash}[name]
    taken = text_of(int(kept[row]), LIMITS[name][0], trim=name in ("quantity", "price"))
    sentence = f"{name} {_shown(text_at(column, row))} has more decimals than are kept: {taken} was taken"
    passed_over = name == "quantity" and not rows.is_lot[row]
    return sentence + (", so the lot was passed over" if passed_over else "")


def _no_units(rows: JudgedRecords, row: int) -> str:
    security = rows.table.security.names[int(rows.table.security.index[row])]
    quantity, lot = _shown(text_at(rows.table.quantity, row)), _shown(text_at(rows.table.lot_id, row))
    return f"{security}: the quantity of the lot {lot} is {quantity}, so the lot was passed over"


def _no_price(rows: JudgedRecords, row: int) -> str:
    column = rows.table.price
    _, status = text.decimals(column.offsets[row : row + 2], column.data, *LIMITS["price"])
    why = {text.MALFORMED: "is not a plain decimal number", text.TOO_LARGE: "is beyond the limits of the format"}
    security = rows.table.security.names[int(rows.table.security.index[row])]
    reason = why.get(int(status[0]), "is zero or less")
    return f"{security}: the price {_shown(text_at(column, row))} {reason} and was put aside; the lot was taken"


def _shown(value: str) -> str:
    return printable(value[:_MOST_SHOWN])

"""Judging the records of a file, a block of complete accounts at a time, column by column.

Source: docs/custodial-files.md, "What holds an account".
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.taxlot.domain import text
from services.taxlot.domain.codes import ROW_CODES
from services.taxlot.domain.envelope import ControlTotals
from shared.columnar import Bytes
from shared.fixed_point.limits import MAX_PRICE_MICRO, MAX_QUANTITY_MICRO, MAX_VALUE_CENTS
from shared.rules.relief.lots import NO_BASIS, Ints

CODE: Final = {name: code for code, name in enumerate(ROW_CODES)}
LIMITS: Final = {  # of the numbers of a record: decimals, and the largest magnitude in units of the last
    "quantity": (6, MAX_QUANTITY_MICRO),
    "cost basis": (2, MAX_VALUE_CENTS),
    "price": (6, MAX_PRICE_MICRO),
    "cash": (2, MAX_VALUE_CENTS),
}
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class TextColumn:
    """A column of texts: n + 1 offsets into `data`."""

    offsets: text.Offsets
    data: Bytes

    def lengths(self) -> Ints:
        """Return the number of bytes of each text."""
        return np.diff(self.offsets).astype(np.int64)


@dataclass(frozen=True)
class CodedColumn:
    """A dictionary-encoded column: `index` of each row's text in `names`; `texts` has the same names as bytes."""

    index: Ints
    names: list[str]
    texts: TextColumn

    def where(self, name: str) -> Bools:
        """Say for each row whether its text is `name`."""
        code = self.names.index(name) if name in self.names else -1
        return np.asarray(self.index == code)


@dataclass(frozen=True)
class RecordTable:
    """The records of some complete accounts as read from the file; `line` is the line number of each."""

    line: Ints
    record: CodedColumn
    account: CodedColumn
    security: CodedColumn
    sleeve: CodedColumn
    covered: CodedColumn
    lot_id: TextColumn
    acquired: TextColumn
    quantity: TextColumn
    cost_basis: TextColumn
    price: TextColumn
    cash: TextColumn


@dataclass
class JudgedRecords:
    """Records with their values and codes.  code: index into ROW_CODES, 0 for a good record.

    Quantities are in micro-units, prices in micro-dollars, basis and cash in cents, acquired dates in days since
    1970-01-01.  Values of bad records mean nothing.
    """

    table: RecordTable
    is_lot: Bools
    acquired: Ints
    quantity: Ints
    basis: Ints
    price: Ints  # 0: none given
    cash: Ints
    code: NDArray[np.uint8]
    shown: NDArray[np.uint8]  # decimals that the quantity is written with


def judge(
    table: RecordTable,
    security_known: Bools,
    data_day: int,
    totals: ControlTotals,
    excluded: Bools | None = None,
    divisor: Ints | None = None,
) -> JudgedRecords:
    """Return the records with their values and codes, and add them to `totals`.

    security_known: for each name of table.security.  data_day: days since 1970-01-01 of the file's data date.
    excluded: which records are of a security that is EXCLUDED in their account, None: none; these may be short or have
    no units at all.  divisor: what quantity x price of each record is divided by, None: 1.
    """
    is_lot, is_cash = table.record.where("L"), table.record.where("C")
    quantity, quantity_status, shown = text.numbers(table.quantity.offsets, table.quantity.data, *LIMITS["quantity"])
    basis, basis_status = _number(table.cost_basis, *LIMITS["cost basis"])
    price, price_status = _number(table.price, *LIMITS["price"])
    cash, cash_status = _number(table.cash, *LIMITS["cash"])
    acquired, acquired_status = text.dates(table.acquired.offsets, table.acquired.data)
    _add_up(
        totals,
        (("quantity", quantity, quantity_status), ("cost_basis", basis, basis_status), ("cash", cash, cash_status)),
    )
    code = np.zeros(len(table.line), np.uint8)

    def blame(name: str, rows: Bools) -> None:
        code[rows & (code == 0)] = CODE[name]

    blame(
        "BAD_RECORD",
        ~(is_lot | is_cash) | (is_lot & (cash_status != text.EMPTY)) | (is_cash & (_lot_fields(table) > 0)),
    )
    blame("BAD_TEXT", _bad_texts(table, is_lot))
    blame("NOT_A_NUMBER", is_lot & ((quantity_status == text.MALFORMED) | (quantity_status == text.EMPTY)))
    blame("NOT_A_NUMBER", is_lot & ((basis_status == text.MALFORMED) | (price_status == text.MALFORMED)))
    blame("NOT_A_NUMBER", is_cash & ((cash_status == text.MALFORMED) | (cash_status == text.EMPTY)))
    for status in (quantity_status, basis_status, price_status, cash_status):
        blame("OUT_OF_RANGE", status == text.TOO_LARGE)
    may_be_short = np.zeros(len(table.line), np.bool_) if excluded is None else excluded
    holds_none = may_be_short & (quantity <= 0)
    blame("SHORT_POSITION", is_lot & (quantity < 0) & ~holds_none)
    no_price = (price < 0) | ((price == 0) & ~may_be_short)
    bad_sign = ((quantity == 0) | (basis < 0)) & ~holds_none
    blame("BAD_SIGN", is_lot & (bad_sign | (no_price & (price_status == text.GOOD))))
    blame("BAD_DATE", is_lot & (acquired_status == text.MALFORMED))
    blame("FUTURE_ACQUIRED", is_lot & (acquired > data_day))
    blame("BAD_COVERED", is_lot & ~(table.covered.where("Y") | table.covered.where("N")))
    blame("UNKNOWN_SECURITY", is_lot & ~security_known[table.security.index])
    if divisor is not None:
        blame("FACE_TOO_FINE", is_lot & ~may_be_short & (quantity % divisor != 0))
    basis[basis_status == text.EMPTY] = NO_BASIS
    return JudgedRecords(table, is_lot, acquired, quantity, basis, price, cash, code, shown)


def _number(column: TextColumn, decimals: int, limit: int) -> tuple[Ints, NDArray[np.uint8]]:
    return text.decimals(column.offsets, column.data, decimals, limit)


def _lot_fields(table: RecordTable) -> Ints:
    """Return how many bytes each record has in the fields that only lots fill."""
    used = table.lot_id.lengths() + table.acquired.lengths() + table.quantity.lengths()
    used += table.cost_basis.lengths() + table.price.lengths()
    for coded in (table.security, table.sleeve, table.covered):
        used += coded.texts.lengths()[coded.index]
    return used


def _bad_texts(table: RecordTable, is_lot: Bools) -> Bools:
    account = _identifiers(table.account) != text.GOOD
    security = is_lot & (_identifiers(table.security) != text.GOOD)
    sleeve = _identifiers(table.sleeve) == text.MALFORMED
    lot = is_lot & (text.identifiers(table.lot_id.offsets, table.lot_id.data) != text.GOOD)
    return np.asarray(account | security | sleeve | lot)


def _identifiers(column: CodedColumn) -> NDArray[np.uint8]:
    return text.identifiers(column.texts.offsets, column.texts.data)[column.index]


def _add_up(totals: ControlTotals, columns: tuple[tuple[str, Ints, NDArray[np.uint8]], ...]) -> None:
    """Add the columns exactly: high and low halves are summed isolate, because a whole sum may exceed 64 bits."""
    sums = [(int((values >> 32).sum()) << 32) + int((values & 0xFFFFFFFF).sum()) for _, values, _ in columns]
    totals.quantity_micro += sums[0]
    totals.basis_cents += sums[1]
    totals.cash_cents += sums[2]
    for name, _, status in columns:
        totals.unreadable[name] += int((status >= text.MALFORMED).sum())

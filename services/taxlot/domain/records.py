"""Judging the records of a file, a block of complete accounts at a time, column by column.

Source: docs/custodial-files.md, "What holds an account".
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.taxlot.domain import text
from services.taxlot.domain.codes import ROW_CODES
from services.taxlot.domain.envelope import ControlTotals
from shared.columnar import Bytes
from shared.fixed_point.limits import MAX_PRICE_MICRO, MAX_QUANTITY_MICRO, MAX_VALUE_CENTS
from shared.rules.relief.lots import ALWAYS_LONG, NO_BASIS, NO_DATE, Ints

CODE: Final = {name: code for code, name in enumerate(ROW_CODES)}
TERM_LONG: Final = "LONG"
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
    """The records of some complete accounts as read from the file; `line` is the line number of each.

    headings: by field, how the file names it if it names it.
    """

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
    holding_since: TextColumn | None = None  # None: no record has it
    term: CodedColumn | None = None
    headings: Mapping[str, str] = field(default_factory=dict, kw_only=True)


@dataclass
class JudgedRecords:
    """Records with their values and codes.  code: index into ROW_CODES, 0 for a good record.

    is_lot: a lot with units; one without, or whose quantity rounds to nothing, is passed over.

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
    rounded: dict[str, Bools]  # by field: where the record has more decimals than are kept
    term_from: Ints  # days, NO_DATE or ALWAYS_LONG: from when its term counts
    no_price: Bools  # what stands for a price is none, and put aside
    data_day: int  # of the file, days since 1970-01-01


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
    no units at all.  divisor: what quantity x price of each record is divided by, None: 1; face of a price in percent
    is kept to as many decimals less as it has zeros.
    """
    is_lot, is_cash = table.record.where("L"), table.record.where("C")
    numbers = {name: text.numbers(column.offsets, column.data, *LIMITS[name]) for name, column in columns_of(table)}
    _add_up(totals, numbers)
    numbers["quantity"] = _as_kept(table.quantity, numbers["quantity"], divisor)
    quantity, quantity_status = numbers["quantity"].values, numbers["quantity"].status
    basis, basis_status = numbers["cost basis"].values, numbers["cost basis"].status
    price, price_status = numbers["price"].values, numbers["price"].status
    cash, cash_status = numbers["cash"].values, numbers["cash"].status
    acquired, acquired_status = text.dates(table.acquired.offsets, table.acquired.data)
    code = np.zeros(len(table.line), np.uint8)

    def blame(name: str, rows: Bools) -> None:
        code[rows & (code == 0)] = CODE[name]

    blame(
        "BAD_RECORD",
        ~(is_lot | is_cash) | (is_lot & (cash_status != text.EMPTY)) | (is_cash & (_lot_fields(table) > 0)),
    )
    blame("BAD_TEXT", _bad_texts(table, is_lot))
    blame("NOT_A_NUMBER", is_lot & ((quantity_status == text.MALFORMED) | (quantity_status == text.EMPTY)))
    blame("NOT_A_NUMBER", is_lot & (basis_status == text.MALFORMED))
    blame("NOT_A_NUMBER", is_cash & ((cash_status == text.MALFORMED) | (cash_status == text.EMPTY)))
    for status in (quantity_status, basis_status, cash_status):
        blame("OUT_OF_RANGE", status == text.TOO_LARGE)
    may_be_short = np.zeros(len(table.line), np.bool_) if excluded is None else excluded
    holds_none = may_be_short & (quantity <= 0)
    empty = (quantity == 0) & (quantity_status == text.GOOD) & ~may_be_short
    blame("SHORT_POSITION", is_lot & (quantity < 0) & ~holds_none)
    blame("BAD_SIGN", is_lot & (basis < 0) & ~holds_none)
    blame("BAD_DATE", is_lot & (acquired_status == text.MALFORMED))
    blame("FUTURE_ACQUIRED", is_lot & (acquired > data_day))
    term_from = _term_from(table, is_lot, acquired, data_day, blame)
    blame("BAD_COVERED", is_lot & ~(table.covered.where("Y") | table.covered.where("N")))
    blame("UNKNOWN_SECURITY", is_lot & ~security_known[table.security.index])
    basis[basis_status == text.EMPTY] = NO_BASIS
    # One bad price puts aside that price: lots are valued by the price sets of the platform.
    unpriced = ((price < 0) | ((price == 0) & ~may_be_short)) & (price_status == text.GOOD)
    no_price = is_lot & (unpriced | (price_status >= text.MALFORMED)) & ~empty
    price[no_price] = 0
    rounded = {name: found.rounded.astype(np.bool_) for name, found in numbers.items()}
    return JudgedRecords(
        table,
        is_lot & ~empty,
        acquired,
        quantity,
        basis,
        price,
        cash,
        code,
        numbers["quantity"].shown,
        rounded,
        term_from,
        no_price,
        data_day,
    )


def columns_of(table: RecordTable) -> tuple[tuple[str, TextColumn], ...]:
    """Return the columns of numbers, by the name that a user reads."""
    return (
        ("quantity", table.quantity),
        ("cost basis", table.cost_basis),
        ("price", table.price),
        ("cash", table.cash),
    )


def _as_kept(column: TextColumn, read: text.Numbers, divisor: Ints | None) -> text.Numbers:
    """Return quantities rounded to multiples of their divisors, from the texts: nothing is rounded twice.

    Source: product 1, "price factor", product 2, "More decimals than we keep".
    """
    decimals, limit = LIMITS["quantity"]
    for by in () if divisor is None else np.unique(divisor[divisor > 1]).tolist():
        fewer = decimals - (len(str(by)) - 1)
        face = text.numbers(column.offsets, column.data, fewer, limit // by)
        rows = divisor == by
        read = text.Numbers(
            np.where(rows, face.values * by, read.values),
            np.where(rows, face.status, read.status),
            np.where(rows, np.minimum(face.shown, fewer), read.shown),
            np.where(rows, face.rounded, read.rounded),
            read.beyond,
        )
    return read


def _term_from(
    table: RecordTable, is_lot: Bools, acquired: Ints, data_day: int, blame: Callable[[str, Bools], None]
) -> Ints:
    """Return from which day the term of each record counts, and blame what says it wrongly."""
    term_from = acquired
    if table.holding_since is not None:
        since, since_status = text.dates(table.holding_since.offsets, table.holding_since.data)
        blame("BAD_DATE", is_lot & (since_status == text.MALFORMED))
        blame("FUTURE_ACQUIRED", is_lot & (since > data_day))
        term_from = np.where(since == NO_DATE, acquired, since)
    if table.term is not None:
        blame("BAD_TERM", is_lot & ~(table.term.where("") | table.term.where(TERM_LONG)))
        term_from = np.where(table.term.where(TERM_LONG), ALWAYS_LONG, term_from)
    return term_from


def _lot_fields(table: RecordTable) -> Ints:
    """Return how many bytes each record has in the fields that only lots fill."""
    used = table.lot_id.lengths() + table.acquired.lengths() + table.quantity.lengths()
    used += table.cost_basis.lengths() + table.price.lengths()
    if table.holding_since is not None:
        used += table.holding_since.lengths()
    for coded in (table.security, table.sleeve, table.covered, *([] if table.term is None else [table.term])):
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


def _add_up(totals: ControlTotals, numbers: dict[str, text.Numbers]) -> None:
    """Add the columns exactly: high and low halves are summed isolate, because a whole sum may exceed 64 bits."""
    sums = {
        name: (int((found.values >> 32).sum()) << 32) + int((found.values & 0xFFFFFFFF).sum())
        for name, found in numbers.items()
    }
    totals.quantity_micro += sums["quantity"]
    totals.basis_cents += sums["cost basis"]
    totals.cash_cents += sums["cash"]
    for column, name in (("quantity", "quantity"), ("cost_basis", "cost basis"), ("cash", "cash")):
        totals.unreadable[column] += int((numbers[name].status >= text.MALFORMED).sum())
        totals.rounded[column] += int(numbers[name].rounded.sum())
        totals.beyond[column] += int(numbers[name].beyond.sum())

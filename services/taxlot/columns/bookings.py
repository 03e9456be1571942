"""Second stop of a request: the trades of every logic relieve lots; gains, transfers and tax sums join the result.

Source: product 5.
"""

from typing import Any, Final

import numpy as np
import pyarrow as pa

from services.taxlot.columns.refusals import not_booked
from shared.columnar import entries, lists
from shared.contracts.chunks import RESULT
from shared.fixed_point.records import Kind, Records, records_of
from shared.rules.relief.book import Book, Booked, book
from shared.rules.relief.lots import LONG, NO_BASIS, NO_DATE, PICKS_MISFIT, SHORT, UNKNOWN, Ints, Lots, lots_from
from shared.rules.relief.records import ACCOUNT, BOOKED, LOGICS, ORDER, POSITION, SECURITY, TRADE

_BEGINS: Final = {
    "lot": "lots",
    "position": "positions",
    "trade": "sleeve_trades",
    "order": "orders",
    "security": "securities",
}
WASH_COUNTS: Final = ("wash_accounts", "wash_unseen")


def book_trades(trades: pa.RecordBatch, trade_day: int) -> pa.RecordBatch:
    """Return TRADES rows as RESULT rows: slices, transfers and tax sums in place of lots.

    trade_day: days since 1970-01-01.  The crossed part of each sleeve's sell is what the transfers take from that
    sleeve; the rest is its slices.  A trade logic whose trades do not fit the lots of its account gets the failure
    LOTS_DO_NOT_FIT or PICKS_DO_NOT_FIT; other logics and accounts are booked.
    """
    columns = _TradeColumns(trades)
    lots = columns.lots()
    booked = _in_units(book(columns.book(trade_day), lots), columns.divisor("lots"))
    slices, slice_first = _slices(columns, lots, booked)
    transfers, transfer_first = _transfers(columns, booked)
    taxes, tax_first = _taxes(columns, booked)
    proposals = _with_failures(trades, columns.first("proposals"), booked.outcome)
    computed = {
        "proposals": proposals,
        "sleeve_trades": _crossed_as_moved(columns, trades.column("sleeve_trades"), booked),
        "slices": _listed("slices", slices, slice_first),
        "transfers": _listed("transfers", transfers, transfer_first),
        "taxes": _listed("taxes", taxes, tax_first),
        # Filled in later by `purchases`, for accounts that sell at a loss.
        **{name: pa.nulls(trades.num_rows, RESULT.field(name).type) for name in ("purchases", *WASH_COUNTS)},
    }
    arrays: list[Any] = [computed[name] if name in computed else trades.column(name) for name in RESULT.names]
    return pa.RecordBatch.from_arrays(arrays, schema=RESULT)


def _in_units(booked: Booked, divisor: Ints) -> Booked:
    """Return what the kernel booked with quantities in millionths of a unit.  divisor: of each lot."""
    slices, transfers = booked.slices, booked.transfers
    return booked._replace(
        slices=slices._replace(units=slices.units * divisor[slices.lot]),
        transfers=transfers._replace(units=transfers.units * divisor[transfers.lot]),
    )


class _TradeColumns:
    """The nested columns of a TRADES chunk, flat: the entries of all accounts, one account after the other."""

    def __init__(self, trades: pa.RecordBatch) -> None:
        self.rows = trades.num_rows
        self._trades = trades
        names = ("securities", "positions", "lots", "proposals", "sleeve_trades", "orders")
        self._flat = {name: entries(trades.column(name)) for name in names}
        self._rank_sleeves()

    def flat(self, column: str) -> Any:
        """Return the entries of a nested column."""
        return self._flat[column][0]

    def child(self, column: str, field: str) -> Any:
        """Return one field of a nested column, flat."""
        return self._flat[column][0].field(field)

    def ints(self, column: str, field: str) -> Ints:
        """Return one field as int64, 0 where null."""
        return np.asarray(self.child(column, field).cast(pa.int64()).fill_null(0), np.int64)

    def first(self, column: str) -> Ints:
        """Return n + 1 offsets: account k has the entries first[k]:first[k + 1]."""
        return np.asarray(self._flat[column][1])

    def _rank_sleeves(self) -> None:
        """Rank every sleeve id in the order of all sleeve ids of the chunk."""
        both = pa.concat_arrays(
            [self.child("lots", "sleeve_id"), self.child("positions", "sleeve_id")]
        ).dictionary_encode()
        names = both.dictionary.to_pylist()
        ranks = np.zeros(len(names), np.int64)
        ranks[sorted(range(len(names)), key=names.__getitem__)] = np.arange(len(names))
        ranked = ranks[both.indices.to_numpy()] if len(both) else np.zeros(0, np.int64)
        self.lot_sleeve, self.position_sleeve = np.split(ranked, [len(self.child("lots", "sleeve_id"))])

    def lots(self) -> Lots:
        """Return the chunk's lots as the kernel reads them."""
        security, picked = self.ints("lots", "security"), self.ints("lots", "picked_micro")
        lots = lots_from(self.flat("lots"), security, self.lot_sleeve, picked)
        by = self.divisor("lots")
        lots.rows.quantity //= by
        lots.rows.picked = np.where(picked % by, PICKS_MISFIT, picked // by)
        return lots

    def divisor(self, column: str) -> Ints:
        """Return the price divisor of the security of each entry of a nested column.

        The kernel counts in units of so many units, so that its units x price are the value.  Source: product 1, "price
        factor".
        """
        if column == "sleeve_trades":
            of_entry, at = self.divisor("positions"), self._owned(column, "positions") + self.ints(column, "position")
        else:
            of_entry = np.asarray(self.child("securities", "price_divisor").cast(pa.int64()).fill_null(1), np.int64)
            at = self._owned(column, "securities") + self.ints(column, "security")
        return np.asarray(of_entry[at], np.int64)

    def _owned(self, column: str, target: str) -> Ints:
        """Return where the entries of `target` begin that belong to the account of each entry of `column`."""
        return np.repeat(self.first(target)[:-1], np.diff(self.first(column)))

    def book(self, trade_day: int) -> Book:
        """Return the chunk's trades as the kernel reads them; fees are 0."""
        method = np.append(self._trades.column("lot_method").to_numpy(), 0)
        begins = {name: self.first(column) for name, column in _BEGINS.items()}
        return Book(
            trade_day,
            records_of(ACCOUNT, method=method, **begins),
            records_of(POSITION, security=self.ints("positions", "security"), sleeve=self.position_sleeve),
            self._records(TRADE, "sleeve_trades", ("logic", "position", "quantity_micro", "crossed_micro")),
            self._records(ORDER, "orders", ("logic", "security", "quantity_micro", "price_micro")),
            self._records(SECURITY, "securities", ("price_micro", "is_fund")),
        )

    def _records(self, kind: Kind, column: str, fields: tuple[str, ...]) -> Records:
        values = {name.removesuffix("_micro"): self.ints(column, name) for name in fields}
        for name in ("quantity", "crossed"):
            if name in values:
                values[name] = values[name] // self.divisor(column)
        return records_of(kind, **values)


def _slices(columns: _TradeColumns, lots: Lots, booked: Booked) -> tuple[list[Any], Ints]:
    sold = booked.slices
    no_basis = sold.basis == NO_BASIS
    lot = pa.array(sold.lot)
    values = [
        pa.array(sold.logic, pa.int8()),
        *(columns.child("lots", name).take(lot) for name in ("security", "sleeve_id", "lot_id")),
        _days(lots.rows.acquired[sold.lot]),
        pa.array(sold.units),
        pa.array(sold.proceeds),
        pa.array(sold.basis, mask=no_basis),
        pa.array(sold.proceeds - np.where(no_basis, 0, sold.basis), mask=no_basis),
        pa.array(sold.term, pa.int8()),
        _days(sold.long_day),
        columns.child("lots", "holding_since").take(lot),
    ]
    return values, _first_of(sold.account, columns.rows)


def _transfers(columns: _TradeColumns, booked: Booked) -> tuple[list[Any], Ints]:
    moved = booked.transfers
    lot = pa.array(moved.lot)
    values = [
        pa.array(moved.logic, pa.int8()),
        *(columns.child("lots", name).take(lot) for name in ("security", "sleeve_id")),
        columns.child("positions", "sleeve_id").take(pa.array(moved.position)),
        *(columns.child("lots", name).take(lot) for name in ("lot_id", "acquired")),
        pa.array(moved.units),
        pa.array(moved.basis, mask=moved.basis == NO_BASIS),
    ]
    return values, _first_of(moved.account, columns.rows)


def _crossed_as_moved(columns: _TradeColumns, listed: Any, booked: Booked) -> Any:
    """Return the sleeve trades with the crossed part of every booked sell set to what the transfers take.

    The lots decide which sleeve's units go to market and which move to another sleeve.  With the proposer's own split
    the allocations of the orders and the transfers of a sleeve could differ.  Source: product 4, "Netting".
    """
    transfers = booked.transfers
    if not len(transfers.lot):
        return listed
    first = columns.first("sleeve_trades")
    proposal = np.repeat(np.arange(columns.rows), np.diff(first)) * LOGICS + columns.ints("sleeve_trades", "logic")
    position = np.repeat(columns.first("positions")[:-1], np.diff(first)) + columns.ints("sleeve_trades", "position")
    sleeves = 1 + int(columns.position_sleeve.max())
    securities = 1 + int(columns.ints("positions", "security").max())

    def keys(proposals: Ints, security: Ints, sleeve: Ints) -> Ints:
        return np.asarray((proposals * securities + security) * sleeves + sleeve, np.int64)

    moved, move_of = np.unique(
        keys(
            transfers.account * LOGICS + transfers.logic,
            columns.ints("lots", "security")[transfers.lot],
            columns.lot_sleeve[transfers.lot],
        ),
        return_inverse=True,
    )
    units = np.zeros(len(moved), np.int64)
    np.add.at(units, move_of, transfers.units)
    sells = keys(proposal, columns.ints("positions", "security")[position], columns.position_sleeve[position])
    match = np.minimum(np.searchsorted(moved, sells), len(moved) - 1)
    out = np.where(moved[match] == sells, -units[match], 0)
    is_booked_sell = (columns.ints("sleeve_trades", "quantity_micro") < 0) & (booked.outcome[proposal] == BOOKED)
    crossed = np.where(is_booked_sell, out, columns.ints("sleeve_trades", "crossed_micro"))
    flat = columns.flat("sleeve_trades")
    values = [pa.array(crossed) if field.name == "crossed_micro" else flat.field(field.name) for field in flat.type]
    return _listed("sleeve_trades", values, first)


def _taxes(columns: _TradeColumns, booked: Booked) -> tuple[list[Any], Ints]:
    """Return one row of sums in cents for each proposal, in the order of the proposals."""
    sold = booked.slices
    proposal = sold.account * LOGICS + sold.logic
    known = sold.basis != NO_BASIS
    gain = np.where(known, sold.proceeds - sold.basis, 0)
    sums = np.zeros((4, columns.rows * LOGICS), np.int64)
    for row, term in enumerate((SHORT, LONG, UNKNOWN)):
        chosen = known & (sold.term == term)
        np.add.at(sums[row], proposal[chosen], gain[chosen])
    np.add.at(sums[3], proposal[~known], sold.proceeds[~known])
    first = columns.first("proposals")
    logic = columns.ints("proposals", "logic")
    wanted = np.repeat(np.arange(columns.rows), np.diff(first)) * LOGICS + logic
    short_term, long_term, unknown_term, without_basis = (totals[wanted] for totals in sums)
    total = short_term + long_term + unknown_term
    values = [
        pa.array(logic, pa.int8()),
        *(pa.array(cents) for cents in (short_term, long_term, unknown_term, total, without_basis)),
    ]
    return values, first


def _with_failures(trades: pa.RecordBatch, first: Ints, outcome: Ints) -> Any:
    """Return the proposals with failure code and text where they could not be booked; an earlier failure stays."""
    proposals: Any = trades.column("proposals")
    if not (outcome != BOOKED).any():
        return proposals
    flat = proposals.flatten()
    logic = flat.field("logic").to_numpy().astype(np.int64)
    owner = np.repeat(np.arange(len(proposals)), np.diff(first))
    outcomes = outcome[owner * LOGICS + logic]
    codes, texts = flat.field("failure_code").to_pylist(), flat.field("failure_text").to_pylist()
    for row in np.flatnonzero(outcomes != BOOKED).tolist():
        if codes[row] is None:
            codes[row], texts[row] = not_booked(trades, int(owner[row]), int(logic[row]), int(outcomes[row]))
    kind: Any = proposals.type
    failures = {"failure_code": pa.array(codes, pa.string()), "failure_text": pa.array(texts, pa.string())}
    return lists(first, [failures.get(field.name, flat.field(field.name)) for field in kind.value_type], kind)


def _listed(column: str, values: list[Any], first: Ints) -> Any:
    """Return a nested column of RESULT.  values: its fields; account k has the entries first[k]:first[k + 1]."""
    return lists(first, values, RESULT.field(column).type)


def _days(days: Ints) -> Any:
    """Return days since 1970-01-01 as dates, null for NO_DATE."""
    missing = days == NO_DATE
    return pa.array(np.where(missing, 0, days).astype(np.int32), mask=missing).cast(pa.date32())


def _first_of(account: Ints, rows: int) -> Ints:
    """Return the rows + 1 offsets of entries that are sorted by account."""
    return np.asarray(np.searchsorted(account, np.arange(rows + 1)), dtype=np.int64)

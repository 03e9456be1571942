"""Second stop of a request: the trades of every logic relieve lots; gains, transfers and tax sums join the result.

Source: product 5.
"""

from typing import Any, Final

import numpy as np
import pyarrow as pa

from services.taxlot.columns.refusals import not_booked
from shared.contracts.chunks import RESULT
from shared.rules.relief.book import book
from shared.rules.relief.columns import BOOKED, LOGICS, Book, Booked
from shared.rules.relief.lots import LONG, NO_BASIS, NO_DATE, SHORT, UNKNOWN, Ints, Lots, lots_from

WASH_COUNTS: Final = ("wash_accounts", "wash_unseen")


def book_trades(trades: pa.RecordBatch, trade_day: int) -> pa.RecordBatch:
    """Return TRADES rows as RESULT rows: slices, transfers and tax sums in place of lots.

    trade_day: days since 1970-01-01.  The crossed part of each sleeve's sell is what the transfers take from that
    sleeve; the rest is its slices.  A trade logic whose trades do not fit the lots of its account gets the failure
    LOTS_DO_NOT_FIT or PICKS_DO_NOT_FIT; other logics and accounts are booked.
    """
    columns = _TradeColumns(trades)
    lots = columns.lots()
    booked = book(columns.book(trade_day), lots)
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


class _TradeColumns:
    """The nested columns of a TRADES chunk, flat: the entries of all accounts, one account after the other."""

    def __init__(self, trades: pa.RecordBatch) -> None:
        self.rows = trades.num_rows
        self._trades = trades
        self._flat: dict[str, Any] = {}
        names = ("securities", "positions", "lots", "proposals", "sleeve_trades", "orders")
        for name in names:
            listed: Any = trades.column(name)
            lengths = listed.value_lengths().fill_null(0).to_numpy().astype(np.int64)
            self._flat[name] = (listed.flatten(), np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64))
        self._rank_sleeves()

    def flat(self, column: str) -> Any:
        """Return the entries of a nested column."""
        return self._flat[column][0]

    def child(self, column: str, field: str) -> Any:
        """Return one field of a nested column, flat."""
        return self._flat[column][0].field(field)

    def ints(self, column: str, field: str) -> Ints:
        """Return one field as int64, 0 where null."""
        # A copy: numba compiles a second form for read-only arrays such as Arrow's.
        return np.array(self.child(column, field).cast(pa.int64()).fill_null(0), dtype=np.int64)

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
        names = ("acquired", "quantity_micro", "basis_cents")
        acquired, quantity, basis = (self.child("lots", name) for name in names)
        return lots_from(acquired, quantity, basis, self.lot_sleeve, self.child("lots", "lot_id"))

    def book(self, trade_day: int) -> Book:
        """Return the chunk's trades as the kernel reads them; fees are 0."""
        orders = len(self.child("orders", "logic"))
        return Book(
            trade_day,
            np.array(self._trades.column("lot_method").to_numpy(), dtype=np.int64),
            self.first("lots"),
            self.first("positions"),
            self.first("sleeve_trades"),
            self.first("orders"),
            self.first("securities"),
            self.ints("lots", "security"),
            self.ints("lots", "picked_micro"),
            self.ints("positions", "security"),
            np.ascontiguousarray(self.position_sleeve),
            self.ints("sleeve_trades", "logic"),
            self.ints("sleeve_trades", "position"),
            self.ints("sleeve_trades", "quantity_micro"),
            self.ints("sleeve_trades", "crossed_micro"),
            self.ints("orders", "logic"),
            self.ints("orders", "security"),
            self.ints("orders", "quantity_micro"),
            self.ints("orders", "price_micro"),
            np.zeros(orders, np.int64),
            self.ints("securities", "price_micro"),
            self.ints("securities", "is_fund"),
        )


def _slices(columns: _TradeColumns, lots: Lots, booked: Booked) -> tuple[list[Any], Ints]:
    count = int(booked.counts[0])
    lot = booked.slice_lot[:count]
    basis, proceeds = booked.slice_basis[:count], booked.slice_proceeds[:count]
    no_basis = basis == NO_BASIS
    values = [
        pa.array(booked.slice_logic[:count], pa.int8()),
        columns.child("lots", "security").take(pa.array(lot)),
        columns.child("lots", "sleeve_id").take(pa.array(lot)),
        columns.child("lots", "lot_id").take(pa.array(lot)),
        _days(lots.acquired[lot]),
        pa.array(booked.slice_units[:count]),
        pa.array(proceeds),
        pa.array(basis, mask=no_basis),
        pa.array(proceeds - np.where(no_basis, 0, basis), mask=no_basis),
        pa.array(booked.slice_term[:count], pa.int8()),
        _days(booked.slice_long_day[:count]),
    ]
    return values, _first_of(booked.slice_account[:count], columns.rows)


def _transfers(columns: _TradeColumns, booked: Booked) -> tuple[list[Any], Ints]:
    count = int(booked.counts[1])
    lot = pa.array(booked.transfer_lot[:count])
    to = pa.array(booked.transfer_position[:count])
    basis = booked.transfer_basis[:count]
    values = [
        pa.array(booked.transfer_logic[:count], pa.int8()),
        columns.child("lots", "security").take(lot),
        columns.child("lots", "sleeve_id").take(lot),
        columns.child("positions", "sleeve_id").take(to),
        columns.child("lots", "lot_id").take(lot),
        columns.child("lots", "acquired").take(lot),
        pa.array(booked.transfer_units[:count]),
        pa.array(basis, mask=basis == NO_BASIS),
    ]
    return values, _first_of(booked.transfer_account[:count], columns.rows)


def _crossed_as_moved(columns: _TradeColumns, listed: Any, booked: Booked) -> Any:
    """Return the sleeve trades with the crossed part of every booked sell set to what the transfers take.

    The lots decide which sleeve's units go to market and which move to another sleeve.  With the proposer's own split
    the allocations of the orders and the transfers of a sleeve could differ.  Source: product 4, "Netting".
    """
    moves = int(booked.counts[1])
    if moves == 0:
        return listed
    first = columns.first("sleeve_trades")
    proposal = np.repeat(np.arange(columns.rows), np.diff(first)) * LOGICS + columns.ints("sleeve_trades", "logic")
    position = np.repeat(columns.first("positions")[:-1], np.diff(first)) + columns.ints("sleeve_trades", "position")
    sleeves = 1 + int(columns.position_sleeve.max())
    securities = 1 + int(columns.ints("positions", "security").max())

    def keys(proposals: Ints, security: Ints, sleeve: Ints) -> Ints:
        return np.asarray((proposals * securities + security) * sleeves + sleeve, np.int64)

    lot = booked.transfer_lot[:moves]
    moved, move_of = np.unique(
        keys(
            booked.transfer_account[:moves] * LOGICS + booked.transfer_logic[:moves],
            columns.ints("lots", "security")[lot],
            columns.lot_sleeve[lot],
        ),
        return_inverse=True,
    )
    units = np.zeros(len(moved), np.int64)
    np.add.at(units, move_of, booked.transfer_units[:moves])
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
    count = int(booked.counts[0])
    proposal = booked.slice_account[:count] * LOGICS + booked.slice_logic[:count]
    known = booked.slice_basis[:count] != NO_BASIS
    gain = np.where(known, booked.slice_proceeds[:count] - booked.slice_basis[:count], 0)
    sums = np.zeros((4, columns.rows * LOGICS), np.int64)
    for row, term in enumerate((SHORT, LONG, UNKNOWN)):
        chosen = known & (booked.slice_term[:count] == term)
        np.add.at(sums[row], proposal[chosen], gain[chosen])
    np.add.at(sums[3], proposal[~known], booked.slice_proceeds[:count][~known])
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
    fields = list(kind.value_type)
    children = pa.StructArray.from_arrays(
        [failures.get(field.name, flat.field(field.name)) for field in fields], fields=fields
    )
    listed: Any = pa.ListArray
    return listed.from_arrays(pa.array(first.astype(np.int32)), children, type=kind)


def _listed(column: str, values: list[Any], first: Ints) -> Any:
    """Return a nested column of RESULT.  values: its fields; account k has the entries first[k]:first[k + 1]."""
    kind: Any = RESULT.field(column).type
    children = pa.StructArray.from_arrays(values, fields=list(kind.value_type))
    listed: Any = pa.ListArray
    return listed.from_arrays(pa.array(first.astype(np.int32)), children, type=kind)


def _days(days: Ints) -> Any:
    """Return days since 1970-01-01 as dates, null for NO_DATE."""
    missing = days == NO_DATE
    return pa.array(np.where(missing, 0, days).astype(np.int32), mask=missing).cast(pa.date32())


def _first_of(account: Ints, rows: int) -> Ints:
    """Return the rows + 1 offsets of entries that are sorted by account."""
    return np.asarray(np.searchsorted(account, np.arange(rows + 1)), dtype=np.int64)

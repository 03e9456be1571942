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
    """Return the chunk with slices, transfers and taxes in place of lots.  trade_day: days since 1970-01-01.

    The crossed part of each sleeve's sell becomes what the transfers take from that sleeve, the rest is its slices.

    A logic of an account whose trades do not fit its lots gets the failure LOTS_DO_NOT_FIT; its neighbours are booked.
    """
    columns = _Columns(trades)
    lots, trades_in = columns.lots(), columns.book(trade_day)
    done = book(trades_in, lots)
    slices, slice_first = _slices(columns, lots, done)
    transfers, transfer_first = _transfers(columns, done)
    taxes, tax_first = _taxes(columns, done)
    proposals = _failed_marked(trades, columns.first("proposals"), done.outcome)
    made = {
        "proposals": proposals,
        "sleeve_trades": _crossed_as_moved(columns, trades.column("sleeve_trades"), done),
        "slices": _listed("slices", slices, slice_first),
        "transfers": _listed("transfers", transfers, transfer_first),
        "taxes": _listed("taxes", taxes, tax_first),
        # What the household bought is read afterwards, where something is sold at a loss.
        **{name: pa.nulls(trades.num_rows, RESULT.field(name).type) for name in ("purchases", *WASH_COUNTS)},
    }
    arrays: list[Any] = [made[name] if name in made else trades.column(name) for name in RESULT.names]
    return pa.RecordBatch.from_arrays(arrays, schema=RESULT)


class _Columns:
    """A chunk's nested columns as flat integer arrays."""

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
        """Return the entries of a nested column, all accounts' one after the other."""
        return self._flat[column][0]

    def child(self, column: str, field: str) -> Any:
        """Return one field of a nested column, flat."""
        return self._flat[column][0].field(field)

    def ints(self, column: str, field: str) -> Ints:
        """Return one field as int64, 0 where null."""
        # A copy: numba compiles anew for arrays that may not be written to, as Arrow's are.
        return np.array(self.child(column, field).cast(pa.int64()).fill_null(0), dtype=np.int64)

    def first(self, column: str) -> Ints:
        """Return where each account's entries begin, one more at the end."""
        return np.asarray(self._flat[column][1])

    def _rank_sleeves(self) -> None:
        """Give every sleeve id its place in the order of all sleeve ids of the chunk."""
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
        """Return the chunk's trades as the kernel reads them; no fee is estimated."""
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


def _slices(columns: _Columns, lots: Lots, done: Booked) -> tuple[list[Any], Ints]:
    count = int(done.counts[0])
    lot = done.slice_lot[:count]
    basis, proceeds = done.slice_basis[:count], done.slice_proceeds[:count]
    no_basis = basis == NO_BASIS
    values = [
        pa.array(done.slice_logic[:count], pa.int8()),
        columns.child("lots", "security").take(pa.array(lot)),
        columns.child("lots", "sleeve_id").take(pa.array(lot)),
        columns.child("lots", "lot_id").take(pa.array(lot)),
        _days(lots.acquired[lot]),
        pa.array(done.slice_units[:count]),
        pa.array(proceeds),
        pa.array(basis, mask=no_basis),
        pa.array(proceeds - np.where(no_basis, 0, basis), mask=no_basis),
        pa.array(done.slice_term[:count], pa.int8()),
        _days(done.slice_long_day[:count]),
    ]
    return values, _first_of(done.slice_account[:count], columns.rows)


def _transfers(columns: _Columns, done: Booked) -> tuple[list[Any], Ints]:
    count = int(done.counts[1])
    lot = pa.array(done.transfer_lot[:count])
    to = pa.array(done.transfer_position[:count])
    basis = done.transfer_basis[:count]
    values = [
        pa.array(done.transfer_logic[:count], pa.int8()),
        columns.child("lots", "security").take(lot),
        columns.child("lots", "sleeve_id").take(lot),
        columns.child("positions", "sleeve_id").take(to),
        columns.child("lots", "lot_id").take(lot),
        columns.child("lots", "acquired").take(lot),
        pa.array(done.transfer_units[:count]),
        pa.array(basis, mask=basis == NO_BASIS),
    ]
    return values, _first_of(done.transfer_account[:count], columns.rows)


def _crossed_as_moved(columns: _Columns, listed: Any, done: Booked) -> Any:
    """Return the sleeve trades, the crossed part of every booked sell being what its sleeve's lots move.

    Only the lots say which sleeve's units go to market and which to another sleeve; with the proposer's own division
    a sleeve would end with other units in the orders' allocations than in the transfers.  Source: product 4, Netting.
    """
    moves = int(done.counts[1])
    if moves == 0:
        return listed
    first = columns.first("sleeve_trades")
    place = np.repeat(np.arange(columns.rows), np.diff(first)) * LOGICS + columns.ints("sleeve_trades", "logic")
    position = np.repeat(columns.first("positions")[:-1], np.diff(first)) + columns.ints("sleeve_trades", "position")
    sleeves = 1 + int(columns.position_sleeve.max())
    securities = 1 + int(columns.ints("positions", "security").max())

    def keys(places: Ints, security: Ints, sleeve: Ints) -> Ints:
        return np.asarray((places * securities + security) * sleeves + sleeve, np.int64)

    lot = done.transfer_lot[:moves]
    moved, of = np.unique(
        keys(
            done.transfer_account[:moves] * LOGICS + done.transfer_logic[:moves],
            columns.ints("lots", "security")[lot],
            columns.lot_sleeve[lot],
        ),
        return_inverse=True,
    )
    units = np.zeros(len(moved), np.int64)
    np.add.at(units, of, done.transfer_units[:moves])
    sells = keys(place, columns.ints("positions", "security")[position], columns.position_sleeve[position])
    at = np.minimum(np.searchsorted(moved, sells), len(moved) - 1)
    out = np.where(moved[at] == sells, -units[at], 0)
    booked = (columns.ints("sleeve_trades", "quantity_micro") < 0) & (done.outcome[place] == BOOKED)
    crossed = np.where(booked, out, columns.ints("sleeve_trades", "crossed_micro"))
    flat = columns.flat("sleeve_trades")
    values = [pa.array(crossed) if one.name == "crossed_micro" else flat.field(one.name) for one in flat.type]
    return _listed("sleeve_trades", values, first)


def _taxes(columns: _Columns, done: Booked) -> tuple[list[Any], Ints]:
    """Return one row of sums for each proposal, in the order of the proposals."""
    count = int(done.counts[0])
    place = done.slice_account[:count] * LOGICS + done.slice_logic[:count]
    known = done.slice_basis[:count] != NO_BASIS
    gain = np.where(known, done.slice_proceeds[:count] - done.slice_basis[:count], 0)
    sums = np.zeros((4, columns.rows * LOGICS), np.int64)
    for row, term in enumerate((SHORT, LONG, UNKNOWN)):
        chosen = known & (done.slice_term[:count] == term)
        np.add.at(sums[row], place[chosen], gain[chosen])
    np.add.at(sums[3], place[~known], done.slice_proceeds[:count][~known])
    first = columns.first("proposals")
    logic = columns.ints("proposals", "logic")
    wanted = np.repeat(np.arange(columns.rows), np.diff(first)) * LOGICS + logic
    short, long, unknown, bare = (one[wanted] for one in sums)
    values = [
        pa.array(logic, pa.int8()),
        *(pa.array(one) for one in (short, long, unknown, short + long + unknown, bare)),
    ]
    return values, first


def _failed_marked(trades: pa.RecordBatch, first: Ints, outcome: Ints) -> Any:
    """Return the proposals, those that could not be booked marked as failed: account, what is wrong, where."""
    proposals: Any = trades.column("proposals")
    if not (outcome != BOOKED).any():
        return proposals
    flat = proposals.flatten()
    logic = flat.field("logic").to_numpy().astype(np.int64)
    owner = np.repeat(np.arange(len(proposals)), np.diff(first))
    why = outcome[owner * LOGICS + logic]
    codes, texts = flat.field("failure_code").to_pylist(), flat.field("failure_text").to_pylist()
    for row in np.flatnonzero(why != BOOKED).tolist():
        if codes[row] is None:
            codes[row], texts[row] = not_booked(trades, int(owner[row]), int(logic[row]), int(why[row]))
    kind: Any = proposals.type
    made = {"failure_code": pa.array(codes, pa.string()), "failure_text": pa.array(texts, pa.string())}
    fields = list(kind.value_type)
    children = pa.StructArray.from_arrays([made.get(one.name, flat.field(one.name)) for one in fields], fields=fields)
    listed: Any = pa.ListArray
    return listed.from_arrays(pa.array(first.astype(np.int32)), children, type=kind)


def _listed(column: str, values: list[Any], first: Ints) -> Any:
    kind: Any = RESULT.field(column).type
    children = pa.StructArray.from_arrays(values, fields=list(kind.value_type))
    listed: Any = pa.ListArray
    return listed.from_arrays(pa.array(first.astype(np.int32)), children, type=kind)


def _days(days: Ints) -> Any:
    missing = days == NO_DATE
    return pa.array(np.where(missing, 0, days).astype(np.int32), mask=missing).cast(pa.date32())


def _first_of(account: Ints, rows: int) -> Ints:
    return np.asarray(np.searchsorted(account, np.arange(rows + 1)), dtype=np.int64)

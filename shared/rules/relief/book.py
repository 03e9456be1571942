"""Booking whole chunks: every sell of every account and logic relieved, every crossed unit moved, with basis and term.

Per account, logic and security: each selling sleeve's first units by the lot method, up to its sell, form a pool; the
method takes the market sell from it; the rest moves, oldest first, to the buying sleeves in order of sleeve id, dates
and basis intact.  Source: product 4 (Netting, "Which lots"), 5.
"""

from typing import NamedTuple

import numpy as np

from shared.fixed_point.compiled import entry_kernel, external_kernel, view_kernel
from shared.fixed_point.records import Records, records, room_for
from shared.rules.relief.lots import AVERAGE, FIFO, PICKS_MISFIT, Ints, Lots
from shared.rules.relief.order import order_lots
from shared.rules.relief.records import (
    BOOKED,
    CROSS_DIFFERS,
    GIVE,
    LOGICS,
    LOTS_LACKING,
    ORDER_DIFFERS,
    PICKS_DIFFER,
    RELIEF,
    SALE,
    SLICE,
)
from shared.rules.relief.relieve import basis_of_moved, pooled_lots, relieve


class Book(NamedTuple):
    """A chunk's trades, in the records of `records`.  Positions of an account stand by (security, sleeve id)."""

    trade_day: int  # days since 1970-01-01
    accounts: Records  # ACCOUNT, and one more row in which everything ends
    positions: Records
    trades: Records
    orders: Records
    securities: Records


class Slices(NamedTuple):
    """Units sold to market, column by column; see `records.SLICE`."""

    account: Ints
    logic: Ints
    lot: Ints  # index in the chunk
    units: Ints
    proceeds: Ints
    basis: Ints
    term: Ints
    long_day: Ints


class Transfers(NamedTuple):
    """Units moved to another sleeve, column by column."""

    account: Ints  # index in the chunk
    logic: Ints
    lot: Ints  # index in the chunk
    position: Ints  # the buying position, an index of the chunk
    units: Ints  # micro-units
    basis: Ints  # cents, or NO_BASIS


class Booked(NamedTuple):
    """What was booked, of all accounts and logics."""

    outcome: Ints  # by account x LOGICS: BOOKED or why not
    slices: Slices
    transfers: Transfers


class _Done(NamedTuple):
    """What is booked so far: the first counts[0] slices and counts[1] transfers."""

    counts: Ints
    outcome: Ints
    slices: Slices
    transfers: Transfers


class _Work(NamedTuple):
    """Scratch of one run."""

    sale: Records  # SALE, one row
    relief: Records  # RELIEF, by lot of the chunk
    gives: Records  # GIVE, by position of the chunk
    slices: Records  # SLICE, of one sale
    crossed: Ints  # by position of the chunk: signed part of its trade that is crossed


def book(trades: Book, lots: Lots) -> Booked:
    """Book every sell and crossing of the chunk; an account and logic that cannot be booked leaves only its outcome."""
    accounts, held, positions = len(trades.accounts) - 1, len(lots.rows), len(trades.positions)
    moves = LOGICS * (held + positions)
    done = _Done(
        np.zeros(2, np.int64),
        np.zeros(accounts * LOGICS, np.int64),
        Slices._make(np.empty((len(Slices._fields), LOGICS * held), np.int64)),
        Transfers._make(np.empty((len(Transfers._fields), moves), np.int64)),
    )
    work = _Work(
        records(SALE, 1),
        records(RELIEF, held),
        records(GIVE, positions),
        room_for(SLICE, held),
        np.zeros(positions, np.int64),
    )
    _book_chunk(trades, lots, work, done)
    return Booked(
        done.outcome,
        Slices._make(column[: done.counts[0]] for column in done.slices),
        Transfers._make(column[: done.counts[1]] for column in done.transfers),
    )


@entry_kernel
def _book_chunk(trades: Book, lots: Lots, work: _Work, done: _Done) -> None:
    for account in range(len(trades.accounts) - 1):
        for logic in range(LOGICS):
            slices, transfers = done.counts[0], done.counts[1]
            outcome = BOOKED
            if _lay_out(account, logic, trades, work):
                outcome = _book_account(account, logic, trades, lots, work, done)
            done.outcome[account * LOGICS + logic] = outcome
            if outcome != BOOKED:
                done.counts[0], done.counts[1] = slices, transfers


@view_kernel
def _lay_out(account: int, logic: int, trades: Book, work: _Work) -> bool:
    """Spread the logic's trades over the account's positions; say whether there are any."""
    begins, ends = trades.accounts[account], trades.accounts[account + 1]
    for position in range(begins.position, ends.position):
        work.gives[position].sleeve = trades.positions[position].sleeve
        work.gives[position].units = 0
        work.crossed[position] = 0
    found = False
    for row in range(begins.trade, ends.trade):
        trade = trades.trades[row]
        if trade.logic == logic:
            position = begins.position + trade.position
            work.gives[position].units += max(0, -trade.quantity)
            work.crossed[position] += trade.crossed
            found = True
    return found


@view_kernel
def _book_account(account: int, logic: int, trades: Book, lots: Lots, work: _Work, done: _Done) -> int:
    """Book one logic of one account, security by security; return BOOKED or why not."""
    begins, ends, sale = trades.accounts[account], trades.accounts[account + 1], work.sale[0]
    sale.account, sale.logic, sale.method, sale.trade_day = account, logic, begins.method, trades.trade_day
    position, lot = begins.position, begins.lot
    while position < ends.position:
        sale.security, sale.first = trades.positions[position].security, position
        is_traded = False
        while position < ends.position and trades.positions[position].security == sale.security:
            is_traded |= work.gives[position].units > 0 or work.crossed[position] != 0
            position += 1
        if not is_traded:
            continue
        sale.last = position
        while lot < ends.lot and lots.rows[lot].security < sale.security:
            lot += 1
        sale.lot = lot
        while lot < ends.lot and lots.rows[lot].security == sale.security:
            lot += 1
        sale.lot_end = lot
        outcome = _book_security(trades, lots, work, done)
        if outcome != BOOKED:
            return outcome
    return BOOKED


@external_kernel
def _book_security(trades: Book, lots: Lots, work: _Work, done: _Done) -> int:
    """Book the sells of the security in work.sale; return BOOKED or why not."""
    sale = work.sale[0]
    sells, crossed_out, crossed_in = 0, 0, 0
    for position in range(sale.first, sale.last):
        sells += work.gives[position].units
        crossed_out += max(0, -work.crossed[position])
        crossed_in += max(0, work.crossed[position])
    if crossed_out != crossed_in:
        return CROSS_DIFFERS
    if sells == 0:
        return BOOKED
    for lot in range(sale.lot, sale.lot_end):
        if lots.rows[lot].picked == PICKS_MISFIT:
            return PICKS_DIFFER
    _read_order(trades, sale)
    if sale.units != sells - crossed_out:
        return ORDER_DIFFERS
    sold = relieve(sale, work.gives, lots, work.relief, work.slices, 0)
    if sold < 0:
        return LOTS_LACKING
    _write_slices(sale, work.slices, sold, done)
    _move(sale, lots, work, done)
    return BOOKED


@view_kernel
def _read_order(trades: Book, sale: Records) -> None:
    """Set units, price and fee of the sale to those of its market order, and whether an average holds."""
    begins, ends = trades.accounts[sale.account], trades.accounts[sale.account + 1]
    security = trades.securities[begins.security + sale.security]
    sale.units, sale.price, sale.fee = 0, security.price, 0
    sale.averages = 1 if sale.method == AVERAGE and security.is_fund == 1 else 0
    for row in range(begins.order, ends.order):
        order = trades.orders[row]
        if order.logic == sale.logic and order.security == sale.security:
            sale.units += max(0, -order.quantity)
            sale.price, sale.fee = order.price, order.fee


@view_kernel
def _write_slices(sale: Records, slices: Records, count: int, done: _Done) -> None:
    out, row = done.slices, done.counts[0]
    for slice_row in range(count):
        sold = slices[slice_row]
        out.account[row], out.logic[row], out.lot[row] = sale.account, sale.logic, sold.lot
        out.units[row], out.proceeds[row], out.basis[row] = sold.units, sold.proceeds, sold.basis
        out.term[row], out.long_day[row] = sold.term, sold.long_day
        row += 1
    done.counts[0] = row


@view_kernel
def _move(sale: Records, lots: Lots, work: _Work, done: _Done) -> None:
    """Move what is left of the pool, oldest first, to the buying sleeves in order of sleeve id."""
    relief = work.relief
    end = pooled_lots(sale, relief)
    order_lots(FIFO, sale.lot, end, sale, lots, relief)
    buyer = sale.first
    for index in range(sale.lot, end):
        lot = relief[index].lot
        gone = relief[lot].taken
        while gone < relief[lot].available:
            while work.crossed[buyer] <= 0:
                buyer += 1
            part = min(relief[lot].available - gone, work.crossed[buyer])
            basis = basis_of_moved(lot, gone, part, lots, relief)
            out, row = done.transfers, done.counts[1]
            out.account[row], out.logic[row], out.lot[row] = sale.account, sale.logic, lot
            out.position[row], out.units[row], out.basis[row] = buyer, part, basis
            done.counts[1] += 1
            gone += part
            work.crossed[buyer] -= part
            relief[lot].basis_gone += basis

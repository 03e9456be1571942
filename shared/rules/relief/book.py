"""Booking whole chunks: every sell of every account and logic relieved, every crossed unit moved, with basis and term.

Per account, logic and security: each selling sleeve's first units by the lot method, up to its sell, form a pool; the
method takes the market sell from it; the rest moves, oldest first, to the buying sleeves in order of sleeve id, dates
and basis intact.  Source: product 4 (Netting, "Which lots"), 5.
"""

from typing import NamedTuple

import numpy as np

from shared.fixed_point.compiled import entry_kernel, inner_kernel
from shared.rules.relief.columns import (
    BOOKED,
    CROSS_DIFFERS,
    LOGICS,
    LOTS_LACKING,
    ORDER_DIFFERS,
    PICKS_DIFFER,
    Book,
    Booked,
)
from shared.rules.relief.lots import AVERAGE, FIFO, PICKS_MISFIT, Ints, Lots
from shared.rules.relief.order import order_lots
from shared.rules.relief.relieve import (
    Relief,
    Slices,
    basis_of,
    fill_pool,
    open_average,
    pooled_lots,
    relief_of,
    sell_pooled,
)
from shared.rules.relief.term import first_long_term_day


class _Work(NamedTuple):
    """Scratch of one run: by lot of the chunk, and by position of the chunk."""

    relief: Relief
    sell: Ints  # by position: micro-units its sleeve gives up
    crossed: Ints  # by position: signed part that is crossed


def book(trades: Book, lots: Lots) -> Booked:
    """Book every sell and crossing of the chunk; an account and logic that cannot be booked leaves only its outcome."""
    accounts, held = len(trades.method), len(lots.quantity)
    moves = LOGICS * (held + len(trades.position_security))
    done = Booked(
        np.zeros(2, np.int64),
        np.zeros(accounts * LOGICS, np.int64),
        *(np.empty(LOGICS * held, np.int64) for _ in range(8)),
        *(np.empty(moves, np.int64) for _ in range(6)),
    )
    by_position = np.zeros((2, len(trades.position_security)), np.int64)
    work = _Work(relief_of(held), by_position[0], by_position[1])
    _book_chunk(trades, lots, work, done)
    return done


@entry_kernel
def _book_chunk(trades: Book, lots: Lots, work: _Work, done: Booked) -> None:
    for account in range(len(trades.method)):
        for logic in range(LOGICS):
            slices, transfers = done.counts[0], done.counts[1]
            outcome = _book_account(account, logic, trades, lots, work, done)
            done.outcome[account * LOGICS + logic] = outcome
            if outcome != BOOKED:
                done.counts[0], done.counts[1] = slices, transfers


@inner_kernel
def _book_account(account: int, logic: int, trades: Book, lots: Lots, work: _Work, done: Booked) -> int:
    """Book one logic of one account, security by security; return BOOKED or why not."""
    first, last = trades.position_from[account], trades.position_from[account + 1]
    if not _lay_out(account, logic, trades, work):
        return BOOKED
    lot, lots_end = trades.lot_from[account], trades.lot_from[account + 1]
    place = first
    while place < last:
        security = trades.position_security[place]
        end = place
        while end < last and trades.position_security[end] == security:
            end += 1
        while lot < lots_end and trades.lot_security[lot] < security:
            lot += 1
        lot_end = lot
        while lot_end < lots_end and trades.lot_security[lot_end] == security:
            lot_end += 1
        outcome = _book_security(account, logic, security, place, end, lot, lot_end, trades, lots, work, done)
        if outcome != BOOKED:
            return outcome
        place = end
        lot = lot_end
    return BOOKED


@inner_kernel
def _lay_out(account: int, logic: int, trades: Book, work: _Work) -> bool:
    """Spread the logic's trades over the account's positions; say whether there are any."""
    first, last = trades.position_from[account], trades.position_from[account + 1]
    for place in range(first, last):
        work.sell[place] = 0
        work.crossed[place] = 0
    found = False
    for trade in range(trades.trade_from[account], trades.trade_from[account + 1]):
        if trades.trade_logic[trade] == logic:
            place = first + trades.trade_position[trade]
            work.sell[place] += max(0, -trades.trade_quantity[trade])
            work.crossed[place] += trades.trade_crossed[trade]
            found = True
    return found


@inner_kernel
def _book_security(
    account: int,
    logic: int,
    security: int,
    first: int,
    last: int,
    lot: int,
    lot_end: int,
    trades: Book,
    lots: Lots,
    work: _Work,
    done: Booked,
) -> int:
    """Book the sells of one security: positions [first, last), lots [lot, lot_end)."""
    sells, crossed_out, crossed_in = 0, 0, 0
    for place in range(first, last):
        sells += work.sell[place]
        crossed_out += max(0, -work.crossed[place])
        crossed_in += max(0, work.crossed[place])
    if crossed_out != crossed_in:
        return CROSS_DIFFERS
    if sells == 0:
        return BOOKED
    for one in range(lot, lot_end):
        if trades.picked[one] == PICKS_MISFIT:
            return PICKS_DIFFER
    price = trades.security_price[trades.security_from[account] + security]
    ordered, fee = 0, 0
    for row in range(trades.order_from[account], trades.order_from[account + 1]):
        if trades.order_logic[row] == logic and trades.order_security[row] == security:
            ordered += max(0, -trades.order_quantity[row])
            price = trades.order_price[row]
            fee = trades.order_fee[row]
    if ordered != sells - crossed_out:
        return ORDER_DIFFERS
    method = trades.method[account]
    day, relief = trades.trade_day, work.relief
    sleeves, sell, picked = trades.position_sleeve, work.sell, trades.picked
    if not fill_pool(method, price, day, first, last, sleeves, sell, lot, lot_end, picked, lots, relief):
        return LOTS_LACKING
    is_fund = trades.security_fund[trades.security_from[account] + security] == 1
    open_average(method == AVERAGE and is_fund, lot, lot_end, lots, relief)
    _sell(account, logic, method, ordered, price, fee, lot, lot_end, trades, lots, work, done)
    _move(account, logic, first, last, lot, lot_end, trades, lots, work, done)
    return BOOKED


@inner_kernel
def _sell(
    account: int,
    logic: int,
    method: int,
    units: int,
    price: int,
    fee: int,
    lot: int,
    lot_end: int,
    trades: Book,
    lots: Lots,
    work: _Work,
    done: Booked,
) -> None:
    """Take the market sell from the pool by the lot method and write its slices."""
    row = done.counts[0]
    out = Slices(done.slice_lot, done.slice_units, done.slice_proceeds, done.slice_basis, done.slice_term)
    day, picked = trades.trade_day, trades.picked
    end = sell_pooled(method, units, price, fee, day, lot, lot_end, picked, lots, work.relief, out, row)
    for place in range(row, end):
        done.slice_account[place] = account
        done.slice_logic[place] = logic
        done.slice_long_day[place] = first_long_term_day(lots.acquired[done.slice_lot[place]])
    done.counts[0] = end


@inner_kernel
def _move(
    account: int,
    logic: int,
    first: int,
    last: int,
    lot: int,
    lot_end: int,
    trades: Book,
    lots: Lots,
    work: _Work,
    done: Booked,
) -> None:
    """Move what is left of the pool, oldest first, to the buying sleeves in order of sleeve id."""
    relief = work.relief
    end = pooled_lots(lot, lot_end, relief)
    order_lots(FIFO, relief.order, lot, end, lots, 0, trades.trade_day, relief.ranks, relief.spare)
    buyer = first
    for place in range(lot, end):
        one = relief.order[place]
        gone = relief.sold[one]
        while gone < relief.pooled[one]:
            while work.crossed[buyer] <= 0:
                buyer += 1
            part = min(relief.pooled[one] - gone, work.crossed[buyer])
            basis = basis_of(one, gone, part, lots, relief)
            row = done.counts[1]
            done.transfer_account[row] = account
            done.transfer_logic[row] = logic
            done.transfer_lot[row] = one
            done.transfer_position[row] = buyer
            done.transfer_units[row] = part
            done.transfer_basis[row] = basis
            done.counts[1] += 1
            gone += part
            work.crossed[buyer] -= part
            relief.basis_gone[one] += basis

"""Booking whole chunks: every sell of every account and logic relieved, every crossed unit moved, with basis and term.

Per account, logic and security: each selling sleeve's first units by the lot method, up to its sell, form a pool; the
method takes the market sell from it; the rest moves, oldest first, to the buying sleeves in order of sleeve id, dates
and basis intact.  Source: product 4 (Netting, "Which lots"), 5.
"""

from typing import NamedTuple

import numpy as np

from shared.exact.compiled import inner_kernel, view_kernel
from shared.exact.kernel import value_cents
from shared.relief.columns import (
    BOOKED,
    CROSS_DIFFERS,
    LOGICS,
    LOTS_LACKING,
    ORDER_DIFFERS,
    PICKS_DIFFER,
    Book,
    Booked,
)
from shared.relief.lots import AVERAGE, FIFO, NO_BASIS, PICKS_MISFIT, Ints, Lots
from shared.relief.order import order_lots
from shared.relief.term import first_long_term_day, term_of
from shared.relief.units import slice_proceeds, split_basis, take


class _Work(NamedTuple):
    """Scratch of one run, by lot of the chunk or by position of the chunk."""

    order: Ints
    spare: Ints
    ranks: Ints
    pooled: Ints
    sold: Ints
    basis_gone: Ints  # basis that has left the lot
    sell: Ints  # by position: micro-units its sleeve gives up
    crossed: Ints  # by position: signed part that is crossed
    state: Ints  # units and basis left in the AVERAGE pool, -1 units when there is none


def book(trades: Book, lots: Lots) -> Booked:
    """Book every sell and crossing of the chunk; an account and logic that cannot be booked leaves only its outcome."""
    accounts, held = len(trades.method), len(lots.quantity)
    moves = LOGICS * (held + len(trades.position_security))
    done = Booked(
        np.zeros(2, np.int64),
        np.zeros(accounts * LOGICS, np.int64),
        *(np.zeros(LOGICS * held, np.int64) for _ in range(8)),
        *(np.zeros(moves, np.int64) for _ in range(6)),
    )
    by_lot = np.zeros((6, held), np.int64)
    by_position = np.zeros((2, len(trades.position_security)), np.int64)
    work = _Work._make([*by_lot, *by_position, np.zeros(2, np.int64)])
    _book_chunk(trades, lots, work, done)
    return done


@view_kernel
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
    if not _fill_pool(method, price, first, last, lot, lot_end, trades, lots, work):
        return LOTS_LACKING
    is_fund = trades.security_fund[trades.security_from[account] + security] == 1
    _open_average(method == AVERAGE and is_fund, lot, lot_end, lots, work)
    _sell(account, logic, method, ordered, price, fee, lot, lot_end, trades, lots, work, done)
    _move(account, logic, first, last, lot, lot_end, trades, lots, work, done)
    return BOOKED


@inner_kernel
def _fill_pool(
    method: int, price: int, first: int, last: int, lot: int, lot_end: int, trades: Book, lots: Lots, work: _Work
) -> bool:
    """Put each selling sleeve's first units by the lot method into work.pooled; say whether its lots sufficed."""
    for one in range(lot, lot_end):
        work.order[one] = one
        work.pooled[one] = 0
        work.sold[one] = 0
        work.basis_gone[one] = 0
    start = lot
    for place in range(first, last):
        while start < lot_end and lots.sleeve[start] < trades.position_sleeve[place]:
            start += 1
        end = start
        while end < lot_end and lots.sleeve[end] == trades.position_sleeve[place]:
            end += 1
        if work.sell[place] > 0:
            order_lots(method, work.order, start, end, lots, price, trades.trade_day, work.ranks, work.spare)
            if take(work.sell[place], work.order, start, end, lots.quantity, trades.picked, work.pooled) > 0:
                return False
        start = end
    return True


@inner_kernel
def _open_average(pools: bool, lot: int, lot_end: int, lots: Lots, work: _Work) -> None:
    """Start the account's average of a fund: all its lots of known basis, in every sleeve."""
    work.state[0] = -1
    if not pools:
        return
    work.state[0] = 0
    work.state[1] = 0
    for one in range(lot, lot_end):
        if lots.basis[one] != NO_BASIS:
            work.state[0] += lots.quantity[one]
            work.state[1] += lots.basis[one]


@inner_kernel
def _basis_of(one: int, gone: int, units: int, lots: Lots, work: _Work) -> int:
    """Return the basis of the next `units` of a lot of which `gone` units have left already."""
    if lots.basis[one] == NO_BASIS:
        return NO_BASIS
    if work.state[0] < 0:
        return split_basis(lots.basis[one] - work.basis_gone[one], lots.quantity[one] - gone, units)
    part = split_basis(work.state[1], work.state[0], units)
    work.state[0] -= units
    work.state[1] -= part
    return part


@inner_kernel
def _pooled_lots(lot: int, lot_end: int, work: _Work) -> int:
    """Write the lots with pooled units that have not been sold to work.order[lot:end] and return end."""
    end = lot
    for one in range(lot, lot_end):
        if work.pooled[one] > work.sold[one]:
            work.order[end] = one
            end += 1
    return end


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
    end = _pooled_lots(lot, lot_end, work)
    order_lots(method, work.order, lot, end, lots, price, trades.trade_day, work.ranks, work.spare)
    take(units, work.order, lot, end, work.pooled, trades.picked, work.sold)
    proceeds_left = value_cents(units, price) - fee
    units_left = units
    for place in range(lot, end):
        one = work.order[place]
        part = work.sold[one]
        if part == 0:
            continue
        units_left -= part
        proceeds = proceeds_left if units_left == 0 else slice_proceeds(part, price, fee, units)
        proceeds_left -= proceeds
        row = done.counts[0]
        done.slice_account[row] = account
        done.slice_logic[row] = logic
        done.slice_lot[row] = one
        done.slice_units[row] = part
        done.slice_proceeds[row] = proceeds
        done.slice_basis[row] = _basis_of(one, 0, part, lots, work)
        done.slice_term[row] = term_of(lots.acquired[one], trades.trade_day)
        done.slice_long_day[row] = first_long_term_day(lots.acquired[one])
        work.basis_gone[one] = done.slice_basis[row]
        done.counts[0] += 1


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
    end = _pooled_lots(lot, lot_end, work)
    order_lots(FIFO, work.order, lot, end, lots, 0, trades.trade_day, work.ranks, work.spare)
    buyer = first
    for place in range(lot, end):
        one = work.order[place]
        gone = work.sold[one]
        while gone < work.pooled[one]:
            while work.crossed[buyer] <= 0:
                buyer += 1
            part = min(work.pooled[one] - gone, work.crossed[buyer])
            basis = _basis_of(one, gone, part, lots, work)
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
            work.basis_gone[one] += basis

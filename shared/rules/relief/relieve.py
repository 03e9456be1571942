"""The sell of one security: its sleeves' first units form a pool, the lot method takes the market sell from it.

One text for both who ask: the proposer (what would this sell realise) and taxlot (what does it book).
Source: product 4 (Netting, "Which lots"; "Cents"), 5.
"""

from typing import NamedTuple

import numpy as np

from shared.fixed_point.arithmetic import value_cents
from shared.fixed_point.compiled import inner_kernel
from shared.rules.relief.lots import NO_BASIS, Ints, Lots
from shared.rules.relief.order import order_lots
from shared.rules.relief.term import term_of
from shared.rules.relief.units import slice_proceeds, split_basis, take


class Relief(NamedTuple):
    """Scratch by lot, and by lot what the present security's sell takes."""

    order: Ints
    spare: Ints
    ranks: Ints
    pooled: Ints  # micro-units its sleeve gives up, to market or to another sleeve
    sold: Ints  # part of them that is sold to market
    basis_gone: Ints  # basis that has left the lot
    state: Ints  # units and basis left in the AVERAGE pool, -1 units when there is none


class Slices(NamedTuple):
    """Slices sold: lot, micro-units, cents, cents or NO_BASIS, term (SHORT, LONG or UNKNOWN)."""

    lot: Ints
    units: Ints
    proceeds: Ints
    basis: Ints
    term: Ints


def relief_of(lots: int) -> Relief:
    """Return the scratch for so many lots."""
    by_lot = np.zeros((6, lots), np.int64)
    return Relief._make([*by_lot, np.zeros(2, np.int64)])


@inner_kernel
def fill_pool(
    method: int,
    price: int,
    trade_day: int,
    first: int,
    last: int,
    sleeves: Ints,
    sells: Ints,
    lot: int,
    lot_end: int,
    picked: Ints,
    lots: Lots,
    work: Relief,
) -> bool:
    """Put each selling sleeve's first units by the lot method into work.pooled; say whether its lots sufficed.

    Positions [first, last) with their sleeves and the units each sells, lots [lot, lot_end) of one security, both in
    order of sleeve.  picked: micro-units of each lot that SPECIFIC picks.
    """
    for one in range(lot, lot_end):
        work.order[one] = one
        work.pooled[one] = 0
        work.sold[one] = 0
        work.basis_gone[one] = 0
    start = lot
    for place in range(first, last):
        while start < lot_end and lots.sleeve[start] < sleeves[place]:
            start += 1
        end = start
        while end < lot_end and lots.sleeve[end] == sleeves[place]:
            end += 1
        if sells[place] > 0:
            order_lots(method, work.order, start, end, lots, price, trade_day, work.ranks, work.spare)
            if take(sells[place], work.order, start, end, lots.quantity, picked, work.pooled) > 0:
                return False
        start = end
    return True


@inner_kernel
def open_average(pools: bool, lot: int, lot_end: int, lots: Lots, work: Relief) -> None:
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
def basis_of(one: int, gone: int, units: int, lots: Lots, work: Relief) -> int:
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
def pooled_lots(lot: int, lot_end: int, work: Relief) -> int:
    """Write the lots with pooled units that have not been sold to work.order[lot:end] and return end."""
    end = lot
    for one in range(lot, lot_end):
        if work.pooled[one] > work.sold[one]:
            work.order[end] = one
            end += 1
    return end


@inner_kernel
def sell_pooled(
    method: int,
    units: int,
    price: int,
    fee: int,
    trade_day: int,
    lot: int,
    lot_end: int,
    picked: Ints,
    lots: Lots,
    work: Relief,
    out: Slices,
    row: int,
) -> int:
    """Take the market sell from the pool by the lot method, write its slices from `row` on and return the next row."""
    end = pooled_lots(lot, lot_end, work)
    order_lots(method, work.order, lot, end, lots, price, trade_day, work.ranks, work.spare)
    take(units, work.order, lot, end, work.pooled, picked, work.sold)
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
        out.lot[row] = one
        out.units[row] = part
        out.proceeds[row] = proceeds
        out.basis[row] = basis_of(one, 0, part, lots, work)
        out.term[row] = term_of(lots.acquired[one], trade_day)
        work.basis_gone[one] = out.basis[row]
        row += 1
    return row

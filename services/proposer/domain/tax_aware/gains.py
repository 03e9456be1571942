"""Gains that the market sells in the tables would realise, relieved by the rule that taxlot books with.

Unknowns count at their worst against limits: a slice of unknown basis as gain = proceeds, a gain of unknown term as
short-term, a loss of unknown term in the total only.  Figures that are shown stay unknown.  Source: product 4, 5.
"""

from typing import NamedTuple

import numpy as np

from services.proposer.domain import layout as at
from services.proposer.domain.layout import Ints
from shared.fixed_point.compiled import view_kernel
from shared.fixed_point.records import Records, records, room_for
from shared.rules.relief.lots import AVERAGE, LONG, NO_BASIS, SHORT, Lots
from shared.rules.relief.records import GIVE, RELIEF, SALE, SLICE
from shared.rules.relief.relieve import relieve as relieve_lots

LOTS_LACKING = -1  # instead of a row: a sleeve sells more units than its lots hold


class Search(NamedTuple):
    """The chunk's lots, by (account, security, sleeve), and scratch in which one account's sells are relieved."""

    trade_day: int  # days since 1970-01-01
    lots: Lots  # their `security` is an index in the order of the tables
    sale: Records  # SALE, one row
    gives: Records  # GIVE, by position of one account: the units its sleeve sells
    relief: Records  # RELIEF, by lot of the chunk
    slices: Records  # SLICE
    breakpoints: Ints  # by row of layout.BREAKPOINT_ROWS: see breakpoints.py


def search_of(trade_day: int, lots: Lots, positions: int) -> Search:
    """Return the lots of a chunk with scratch for as many positions as it has."""
    count = len(lots.rows)
    sale, gives, relief = records(SALE, 1), records(GIVE, positions), records(RELIEF, count)
    breakpoints = np.zeros((at.BREAKPOINT_ROWS, count), np.int64)
    return Search(trade_day, lots, sale, gives, relief, room_for(SLICE, count), breakpoints)


@view_kernel
def assign_lots(sec: Ints, pos: Ints, search: Search, lot: int, end: int) -> None:
    """Set each security's range in the account's lots [lot, end), S_LOT to S_LOT_END, and the sleeves of `gives`."""
    for security in range(len(sec)):
        while lot < end and search.lots.rows[lot].security < security:
            lot += 1
        sec[security, at.S_LOT] = lot
        while lot < end and search.lots.rows[lot].security == security:
            lot += 1
        sec[security, at.S_LOT_END] = lot
    for position in range(len(pos)):
        search.gives[position].sleeve = pos[position, at.P_SLEEVE]


@view_kernel
def relieve(acc: Ints, sec: Ints, pos: Ints, search: Search) -> int:
    """Relieve every market sell into search.slices; return how many slices, or LOTS_LACKING."""
    row = 0
    for security in range(len(sec)):
        sec[security, at.S_ROW] = row
        if sec[security, at.S_SELL] > 0:
            for position in range(sec[security, at.S_FIRST], sec[security, at.S_END]):
                search.gives[position].units = max(0, -pos[position, at.P_TRADE])
            row = relieve_sell(acc, sec, search, security, sec[security, at.S_SELL], row)
            if row < 0:
                return int(row)
        sec[security, at.S_ROW_END] = row
    return row


@view_kernel
def relieve_sell(acc: Ints, sec: Ints, search: Search, security: int, units: int, row: int) -> int:
    """Relieve a market sell of `units`, shared by the sleeves as in search.gives, into search.slices from `row` on.

    Return the next row, or LOTS_LACKING.
    """
    sale = search.sale[0]
    sale.method, sale.trade_day = acc[at.A_METHOD], search.trade_day
    sale.units, sale.price = units, sec[security, at.S_PRICE]
    sale.first, sale.last = sec[security, at.S_FIRST], sec[security, at.S_END]
    sale.lot, sale.lot_end = sec[security, at.S_LOT], sec[security, at.S_LOT_END]
    sale.averages = 1 if acc[at.A_METHOD] == AVERAGE and sec[security, at.S_FUND] == 1 else 0
    return int(relieve_lots(sale, search.gives, search.lots, search.relief, search.slices, row))


@view_kernel
def counted(search: Search, rows: int) -> tuple[int, int, int]:
    """Return the cents that the slices count against the short-term budget, the total budget, and the bar on gains.

    The bar on short-term gains counts every gain that is or may be short-term; losses do not reduce it.
    """
    short, total, barred = 0, 0, 0
    for row in range(rows):
        basis, term = search.slices[row].basis, search.slices[row].term
        gain = search.slices[row].proceeds - (0 if basis == NO_BASIS else basis)
        total += gain
        if term == SHORT or (term != LONG and gain > 0):
            short += gain
        if term != LONG:
            barred += max(1, gain) if basis == NO_BASIS else max(0, gain)
    return short, total, barred


@view_kernel
def estimated(search: Search, rows: int) -> int:
    """Return the estimated realised gain of the slices in cents as product 5 shows it: the known part."""
    gain = 0
    for row in range(rows):
        if search.slices[row].basis != NO_BASIS:
            gain += search.slices[row].proceeds - search.slices[row].basis
    return gain


@view_kernel
def limited(acc: Ints) -> bool:
    """Return whether the account has gain limits; a non-taxable account has none."""
    budgets = acc[at.A_BUDGET_SHORT] != at.NO_LIMIT or acc[at.A_BUDGET_TOTAL] != at.NO_LIMIT
    return bool(acc[at.A_TAXABLE] and (budgets or acc[at.A_NO_SHORT_GAINS]))


@view_kernel
def within(acc: Ints, search: Search, rows: int) -> bool:
    """Return whether the relieved sells keep the account's limits."""
    if not limited(acc):
        return True
    short, total, barred = counted(search, rows)
    if acc[at.A_NO_SHORT_GAINS] and barred > 0:
        return False
    return bool(past(short, acc[at.A_BUDGET_SHORT]) <= 0 and past(total, acc[at.A_BUDGET_TOTAL]) <= 0)


@view_kernel
def past(cents: int, budget: int) -> int:
    """Return cents - budget: above 0 the excess, below 0 the remainder; FAR_WITHIN without a budget."""
    return int(at.FAR_WITHIN if budget == at.NO_LIMIT else cents - budget)

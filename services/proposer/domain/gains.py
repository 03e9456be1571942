"""What the market sells in the tables would realise, relieved by the one rule that taxlot books them by.

Against limits an unknown counts at its worst: a slice of unknown basis as gain = proceeds, a gain of unknown term as
short-term, a loss of unknown term in the total only.  Figures that are shown stay unknown.  Source: product 4, 5.
"""

from typing import NamedTuple

from services.proposer.domain import layout as at
from services.proposer.domain.layout import Ints
from shared.exact.compiled import view_kernel
from shared.relief.lots import AVERAGE, LONG, NO_BASIS, SHORT, Lots
from shared.relief.relieve import Relief, Slices, fill_pool, open_average, sell_pooled

LOTS_LACKING = -1


class Desk(NamedTuple):
    """The chunk's lots, by (account, security, sleeve), and scratch in which one account's sells are relieved."""

    trade_day: int
    lots: Lots
    lot_security: Ints  # index among the account's securities, in the order of the tables
    picked: Ints
    relief: Relief
    sleeves: Ints  # by position of one account
    sells: Ints
    slices: Slices
    short: Ints  # by slice: cents that count against the short-term budget
    total: Ints  # cents that count against the budget in all


@view_kernel
def place_lots(sec: Ints, pos: Ints, desk: Desk, lot: int, end: int) -> None:
    """Note where the lots [lot, end) of the account belong: S_LOT, S_LOT_END, and the sleeves of its positions."""
    for security in range(len(sec)):
        while lot < end and desk.lot_security[lot] < security:
            lot += 1
        sec[security, at.S_LOT] = lot
        while lot < end and desk.lot_security[lot] == security:
            lot += 1
        sec[security, at.S_LOT_END] = lot
    for place in range(len(pos)):
        desk.sleeves[place] = pos[place, at.P_SLEEVE]


@view_kernel
def relieve(acc: Ints, sec: Ints, pos: Ints, desk: Desk) -> int:
    """Relieve every market sell into desk.slices, in leaving order; return how many slices, or LOTS_LACKING."""
    method, day, row = acc[at.A_METHOD], desk.trade_day, 0
    for security in range(len(sec)):
        sec[security, at.S_SLICE] = row
        if sec[security, at.S_SELL] > 0:
            first, end, price = sec[security, at.S_FIRST], sec[security, at.S_END], sec[security, at.S_PRICE]
            lot, lot_end = sec[security, at.S_LOT], sec[security, at.S_LOT_END]
            for place in range(first, end):
                desk.sells[place] = max(0, -pos[place, at.P_TRADE])
            if not fill_pool(
                method, price, day, first, end, desk.sleeves, desk.sells, lot, lot_end, desk.picked, desk.lots,
                desk.relief,
            ):  # fmt: skip
                return LOTS_LACKING
            open_average(method == AVERAGE and sec[security, at.S_FUND] == 1, lot, lot_end, desk.lots, desk.relief)
            row = sell_pooled(
                method, sec[security, at.S_SELL], price, 0, day, lot, lot_end, desk.picked, desk.lots, desk.relief,
                desk.slices, row,
            )  # fmt: skip
        sec[security, at.S_SLICE_END] = row
    for one in range(row):
        _count(desk, one)
    return row


@view_kernel
def _count(desk: Desk, one: int) -> None:
    proceeds, basis, term = desk.slices.proceeds[one], desk.slices.basis[one], desk.slices.term[one]
    desk.total[one] = counts_in_all(proceeds, basis)
    desk.short[one] = counts_short(desk.total[one], term)


@view_kernel
def counts_in_all(proceeds: int, basis: int) -> int:
    """Return the cents a slice counts against the budget in all."""
    return proceeds if basis == NO_BASIS else proceeds - basis


@view_kernel
def counts_short(gain: int, term: int) -> int:
    """Return the cents a slice that counts `gain` in all counts against the short-term budget."""
    if term == SHORT:
        return gain
    return 0 if term == LONG else max(0, gain)


@view_kernel
def estimated(desk: Desk, rows: int) -> int:
    """Return the estimated realised gain of the slices in cents as product 5 shows it: the known part."""
    gain = 0
    for one in range(rows):
        if desk.slices.basis[one] != NO_BASIS:
            gain += desk.slices.proceeds[one] - desk.slices.basis[one]
    return gain


@view_kernel
def counted(by_slice: Ints, rows: int) -> int:
    """Return the sum of desk.short or desk.total over the slices."""
    cents = 0
    for one in range(rows):
        cents += by_slice[one]
    return cents


@view_kernel
def limited(acc: Ints) -> bool:
    """Say whether the account has gain limits; one that is not taxable has none."""
    budgets = acc[at.A_BUDGET_SHORT] != at.NO_LIMIT or acc[at.A_BUDGET_TOTAL] != at.NO_LIMIT
    return bool(acc[at.A_TAXABLE] and (budgets or acc[at.A_NO_SHORT_GAINS]))


@view_kernel
def within(acc: Ints, desk: Desk, rows: int) -> bool:
    """Say whether the relieved sells keep the account's limits."""
    if not limited(acc):
        return True
    if first_barred(acc, desk, 0, rows) < rows:
        return False
    short = excess(counted(desk.short, rows), acc[at.A_BUDGET_SHORT])
    return bool(short == 0 and excess(counted(desk.total, rows), acc[at.A_BUDGET_TOTAL]) == 0)


@view_kernel
def excess(cents: int, budget: int) -> int:
    """Return by how much cents pass a budget, 0 where they do not or there is none."""
    return 0 if budget == at.NO_LIMIT else max(0, cents - budget)


@view_kernel
def first_barred(acc: Ints, desk: Desk, start: int, end: int) -> int:
    """Return the first of the slices with a short-term gain, or an unknown one, where none is allowed; else `end`."""
    if acc[at.A_NO_SHORT_GAINS]:
        for one in range(start, end):
            unknown = desk.slices.basis[one] == NO_BASIS
            if desk.slices.term[one] != LONG and (unknown or desk.total[one] > 0):
                return one
    return end

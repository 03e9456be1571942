"""Gains that the market sells of an account would realise, relieved by the rule that taxlot books with.

Unknowns count at their worst against limits: a slice of unknown basis as gain = proceeds, a gain of unknown term as
short-term, a loss of unknown term in the total only.  Figures that are shown stay unknown.  Source: product 4, 5.
"""

from typing import Final

from services.proposer.domain.records import NO_LIMIT
from services.proposer.domain.tax_aware.records import FAR_WITHIN, Search
from shared.fixed_point.compiled import view_kernel
from shared.fixed_point.records import Records
from shared.rules.relief.lots import AVERAGE, LONG, NO_BASIS, SHORT
from shared.rules.relief.relieve import relieve as relieve_lots

LOTS_LACKING: Final = -1  # instead of a row: a sleeve sells more units than its lots hold


@view_kernel
def assign_lots(securities: Records, positions: Records, search: Search, lot: int, end: int) -> None:
    """Set each security's range in the account's lots [lot, end), and the sleeves of `gives`."""
    for index in range(len(securities)):
        sell = search.sells[index]
        while lot < end and search.lots.rows[lot].security < index:
            lot += 1
        sell.lot = lot
        while lot < end and search.lots.rows[lot].security == index:
            lot += 1
        sell.lot_end = lot
    for index in range(len(positions)):
        search.gives[index].sleeve = positions[index].sleeve


@view_kernel
def relieve(account: Records, securities: Records, positions: Records, search: Search) -> int:
    """Relieve every market sell into search.slices; return how many slices, or LOTS_LACKING."""
    row = 0
    for index in range(len(securities)):
        security = securities[index]
        search.sells[index].row = row
        if security.sell > 0:
            for position in range(security.first, security.end):
                search.gives[position].units = max(0, -positions[position].trade)
            row = relieve_sell(account, security, search, search.sells[index], security.sell, row)
            if row < 0:
                return int(row)
        search.sells[index].row_end = row
    return row


@view_kernel
def relieve_sell(account: Records, security: Records, search: Search, sell: Records, units: int, row: int) -> int:
    """Relieve a market sell of `units`, shared by the sleeves as in search.gives, into search.slices from `row` on.

    Return the next row, or LOTS_LACKING.
    """
    sale = search.sale[0]
    sale.method, sale.trade_day = account.lot_method, search.trade_day
    sale.units, sale.price = units, security.price
    sale.first, sale.last = security.first, security.end
    sale.lot, sale.lot_end = sell.lot, sell.lot_end
    sale.averages = 1 if account.lot_method == AVERAGE and security.is_fund == 1 else 0
    return int(relieve_lots(sale, search.gives, search.lots, search.relief, search.slices, row))


@view_kernel
def counted(search: Search, rows: int) -> tuple[int, int, int]:
    """Return the cents that the slices count against the short-term budget, the total budget, and the bar on gains.

    The bar on short-term gains counts every gain that is or may be short-term; losses do not reduce it.
    """
    short, total, barred = 0, 0, 0
    for piece in search.slices[:rows]:
        gain = piece.proceeds - (0 if piece.basis == NO_BASIS else piece.basis)
        total += gain
        if piece.term == SHORT or (piece.term != LONG and gain > 0):
            short += gain
        if piece.term != LONG:
            barred += max(1, gain) if piece.basis == NO_BASIS else max(0, gain)
    return short, total, barred


@view_kernel
def estimated(search: Search, rows: int) -> int:
    """Return the estimated realised gain of the slices in cents as product 5 shows it: the known part."""
    gain = 0
    for piece in search.slices[:rows]:
        if piece.basis != NO_BASIS:
            gain += piece.proceeds - piece.basis
    return gain


@view_kernel
def has_limits(account: Records) -> bool:
    """Return whether the account has gain limits; a non-taxable account has none."""
    budgets = account.budget_short != NO_LIMIT or account.budget_total != NO_LIMIT
    return bool(account.taxable and (budgets or account.no_short_gains))


@view_kernel
def within(account: Records, search: Search, rows: int) -> bool:
    """Return whether the relieved sells keep the account's limits."""
    if not has_limits(account):
        return True
    short, total, barred = counted(search, rows)
    if account.no_short_gains and barred > 0:
        return False
    return bool(past(short, account.budget_short) <= 0 and past(total, account.budget_total) <= 0)


@view_kernel
def past(cents: int, budget: int) -> int:
    """Return cents - budget: above 0 the excess, below 0 the remainder; FAR_WITHIN without a budget."""
    return int(FAR_WITHIN if budget == NO_LIMIT else cents - budget)

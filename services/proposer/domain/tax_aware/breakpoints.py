"""Breakpoints of a sell, and the gains that a cut sell counts against the limits: exactly what taxlot would book.

At a breakpoint another lot begins to leave a sleeve; between two of them the gain is nearly linear in units.  A cut is
shared by the sleeves, so a cut sell may relieve other lots than the same units of the whole sell; each cut that is
tried is therefore split over the sleeves and relieved.  Source: product 4 (Netting; "Tax-aware").
"""

from services.proposer.domain.netting import SELLS, divide
from services.proposer.domain.tax_aware.gains import counted, relieve_sell
from services.proposer.domain.tax_aware.records import Search
from shared.fixed_point.arithmetic import muldiv_floor, value_cents
from shared.fixed_point.compiled import view_kernel
from shared.fixed_point.records import Records


@view_kernel
def trace(account: Records, securities: Records, positions: Records, search: Search) -> None:
    """Turn the slices of every relieved sell into its breakpoints, smallest cut first, whole sell last; keep all."""
    for index in range(len(securities)):
        search.sells[index].row_end = _find(account, securities[index], search, search.sells[index])
    for index in range(len(securities)):
        keep_exactly(account, securities, positions, search, index, 0)
        for point in range(search.sells[index].row, search.sells[index].row_end):
            keep_exactly(account, securities, positions, search, index, search.breakpoints[point].units)
            search.breakpoints[point] = search.kept[index]


@view_kernel
def _find(account: Records, security: Records, search: Search, sell: Records) -> int:
    """Write the units of the sell's breakpoints in ascending order, without undersized ones; return the end row."""
    end = sell.row
    for row in range(sell.row, sell.row_end):
        units = _units_at(security, search, sell, row)
        point = end
        while point > sell.row and search.breakpoints[point - 1].units > units:
            point -= 1
        is_known = point > sell.row and search.breakpoints[point - 1].units == units
        if is_known or is_undersized(account, security, units):
            continue
        for later in range(end, point, -1):
            search.breakpoints[later].units = search.breakpoints[later - 1].units
        search.breakpoints[point].units = units
        end += 1
    return int(end)


@view_kernel
def _units_at(security: Records, search: Search, sell: Records, row: int) -> int:
    """Return the units of the market sell, in whole steps, up to which slice `row` has left its sleeve."""
    lots, slices = search.lots.rows, search.slices
    by_then, in_all = 0, 0
    for other in range(sell.row, sell.row_end):
        if lots[slices[other].lot].sleeve == lots[slices[row].lot].sleeve:
            in_all += slices[other].units
            if other <= row:
                by_then += slices[other].units
    if by_then == in_all:
        return int(security.sell)
    return int(muldiv_floor(by_then, security.sell, in_all) // security.step * security.step)


@view_kernel
def is_undersized(account: Records, security: Records, units: int) -> bool:
    """Return whether a sell cut to `units` is below the minimum size; a part of a full exit is exempt."""
    if units == 0 or units == security.sell or security.has_exit:
        return bool(units == 0)
    return bool(value_cents(units, security.price) < account.minimum)


@view_kernel
def keep_exactly(
    account: Records, securities: Records, positions: Records, search: Search, index: int, units: int
) -> None:
    """Keep exactly `units` of the sell of the security at `index`: set search.kept."""
    security, kept = securities[index], search.kept[index]
    kept.short, kept.total, kept.barred = 0, 0, 0
    if units > 0:
        _lay_out(security, positions, search, units)
        rows = relieve_sell(account, security, search, search.sells[index], units, 0)
        kept.short, kept.total, kept.barred = counted(search, rows)
    kept.units = units
    kept.proceeds = value_cents(units, security.price)


@view_kernel
def _lay_out(security: Records, positions: Records, search: Search, units: int) -> None:
    """Set search.gives to the units each sleeve sells when the market sell is cut to `units`, as Best Fit shares it.

    Units sold beyond the plan to raise cash are kept by the first sleeves longest.
    """
    sleeves, gives = positions[security.first : security.end], search.gives[security.first : security.end]
    if len(sleeves) == 1:
        gives[0].units = units
        return
    planned = min(units, security.planned_sell)
    divide(sleeves, SELLS, security.crossed + planned, security.step)
    raised = units - planned
    for index in range(len(sleeves)):
        give = gives[index]
        give.units = sleeves[index].share
        if raised > 0:
            more = min(raised, max(0, -sleeves[index].trade - give.units))
            give.units += more
            raised -= more

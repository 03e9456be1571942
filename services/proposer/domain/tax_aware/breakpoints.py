"""Breakpoints of a sell, and the gains that a cut sell counts against the limits: exactly what taxlot would book.

At a breakpoint another lot begins to leave a sleeve; between two of them the gain is nearly linear in units.  A cut is
shared by the sleeves, so a cut sell may relieve other lots than the same units of the whole sell; each cut that is
tried is therefore split over the sleeves and relieved.  Source: product 4 (Netting; "Tax-aware").
"""

from services.proposer.domain import layout as at
from services.proposer.domain.layout import Ints
from services.proposer.domain.sizing import apportion
from services.proposer.domain.tax_aware.gains import Search, counted, relieve_sell
from shared.fixed_point.arithmetic import muldiv_floor, value_cents
from shared.fixed_point.compiled import view_kernel


@view_kernel
def trace(acc: Ints, sec: Ints, pos: Ints, search: Search) -> None:
    """Turn the slices of every relieved sell into its breakpoints, smallest cut first, whole sell last; keep all."""
    for security in range(len(sec)):
        sec[security, at.S_ROW_END] = _find(acc, sec, search, security)
    for security in range(len(sec)):
        count(acc, sec, pos, search, security, 0)
        for point in range(sec[security, at.S_ROW], sec[security, at.S_ROW_END]):
            count(acc, sec, pos, search, security, search.breakpoints[0, point])
            for row in range(at.BREAKPOINT_ROWS):
                search.breakpoints[row, point] = sec[security, at.S_KEPT + row]


@view_kernel
def _find(acc: Ints, sec: Ints, search: Search, security: int) -> int:
    """Write the units of the security's breakpoints in ascending order, without undersized ones; return the end row."""
    start, stop, step = sec[security, at.S_ROW], sec[security, at.S_ROW_END], sec[security, at.S_STEP]
    end = start
    for row in range(start, stop):
        by_then, in_all = 0, 0
        for other in range(start, stop):
            if search.lots.rows[search.slices[other].lot].sleeve == search.lots.rows[search.slices[row].lot].sleeve:
                in_all += search.slices[other].units
                if not _leaves_before(search, row, other):
                    by_then += search.slices[other].units
        units = sec[security, at.S_SELL]
        if by_then < in_all:
            units = muldiv_floor(by_then, units, in_all) // step * step
        point = end
        while point > start and search.breakpoints[0, point - 1] > units:
            point -= 1
        if undersized(acc, sec, security, units) or (point > start and search.breakpoints[0, point - 1] == units):
            continue
        for later in range(end, point, -1):
            search.breakpoints[0, later] = search.breakpoints[0, later - 1]
        search.breakpoints[0, point] = units
        end += 1
    return int(end)


@view_kernel
def undersized(acc: Ints, sec: Ints, security: int, units: int) -> bool:
    """Return whether a sell cut to `units` is below the minimum size; a part of a full exit is exempt."""
    if units == 0 or units == sec[security, at.S_SELL] or sec[security, at.S_EXIT]:
        return bool(units == 0)
    return bool(value_cents(units, sec[security, at.S_PRICE]) < acc[at.A_MIN])


@view_kernel
def _leaves_before(search: Search, row: int, other: int) -> bool:
    """Return whether slice `row` leaves its sleeve before slice `other`: picked lots first, then in slice order."""
    lots = search.lots.rows
    picked, other_picked = lots[search.slices[row].lot].picked > 0, lots[search.slices[other].lot].picked > 0
    return bool(row < other if picked == other_picked else picked)


@view_kernel
def count(acc: Ints, sec: Ints, pos: Ints, search: Search, security: int, units: int) -> None:
    """Keep exactly `units` of the security's sell: S_KEPT to S_KEPT_BARRED."""
    short, total, barred = 0, 0, 0
    if units > 0:
        _lay_out(sec, pos, search, security, units)
        rows = relieve_sell(acc, sec, search, security, units, 0)
        short, total, barred = counted(search, rows)
    sec[security, at.S_KEPT] = units
    sec[security, at.S_KEPT_PROCEEDS] = value_cents(units, sec[security, at.S_PRICE])
    sec[security, at.S_KEPT_SHORT] = short
    sec[security, at.S_KEPT_TOTAL] = total
    sec[security, at.S_KEPT_BARRED] = barred


@view_kernel
def _lay_out(sec: Ints, pos: Ints, search: Search, security: int, units: int) -> None:
    """Set search.gives to the units each sleeve sells when the market sell is cut to `units`, as Best Fit shares it.

    Units sold beyond the plan to raise cash are kept by the first sleeves longest.
    """
    first, end = sec[security, at.S_FIRST], sec[security, at.S_END]
    if end - first == 1:
        search.gives[first].units = units
        return
    planned = min(units, sec[security, at.S_PLAN])
    pos[first:end, at.P_ROOM] = 0
    apportion(
        pos, first, end, at.P_WANT, -1, sec[security, at.S_CROSSED] + planned, sec[security, at.S_STEP], at.P_ROOM
    )
    raised = units - planned
    for position in range(first, end):
        search.gives[position].units = -pos[position, at.P_ROOM]
        if raised > 0:
            more = min(raised, max(0, -pos[position, at.P_TRADE] - search.gives[position].units))
            search.gives[position].units += more
            raised -= more

"""How much of each relieved sell is kept while others are given up, and what that part counts against the limits.

The part's cents are those it is booked at: rounded slice by slice, the last slice taking what remains of the proceeds.
Where an average or several sleeves mix lots they may be off; whoever uses them relieves again and looks.
"""

from services.proposer.domain import layout as at
from services.proposer.domain.gains import Desk, counts_in_all, counts_short, excess
from services.proposer.domain.layout import Ints
from shared.exact.compiled import view_kernel
from shared.exact.kernel import value_cents
from shared.relief.lots import AVERAGE, NO_BASIS
from shared.relief.units import split_basis


@view_kernel
def keep(acc: Ints, sec: Ints, desk: Desk, security: int, units: int) -> None:
    """Keep the first `units` of the security's sell, cut to whole steps; none where that is undersized."""
    if units < sec[security, at.S_SELL]:
        units = units // sec[security, at.S_STEP] * sec[security, at.S_STEP]
        if not sec[security, at.S_EXIT] and value_cents(units, sec[security, at.S_PRICE]) < acc[at.A_MIN]:
            units = 0
    sec[security, at.S_KEPT] = units
    sec[security, at.S_KEPT_SHORT] = 0
    sec[security, at.S_KEPT_TOTAL] = 0
    last, left = sec[security, at.S_SLICE] - 1, units
    proceeds_left = value_cents(units, sec[security, at.S_PRICE])
    while left > 0:
        last += 1
        if left <= desk.slices.units[last]:
            break
        left -= desk.slices.units[last]
        proceeds_left -= desk.slices.proceeds[last]
        sec[security, at.S_KEPT_SHORT] += desk.short[last]
        sec[security, at.S_KEPT_TOTAL] += desk.total[last]
    sec[security, at.S_LAST] = last
    if units > 0:
        _keep_last(acc, sec, desk, security, left, proceeds_left)


@view_kernel
def _keep_last(acc: Ints, sec: Ints, desk: Desk, security: int, units: int, proceeds: int) -> None:
    last = sec[security, at.S_LAST]
    basis = desk.slices.basis[last]
    if units < desk.slices.units[last] and basis != NO_BASIS:
        if acc[at.A_METHOD] == AVERAGE and sec[security, at.S_FUND] == 1:
            basis = split_basis(basis, desk.slices.units[last], units)
        else:
            lot = desk.slices.lot[last]
            basis = split_basis(desk.lots.basis[lot], desk.lots.quantity[lot], units)
    total = counts_in_all(proceeds, basis)
    short = counts_short(total, desk.slices.term[last])
    sec[security, at.S_LAST_UNITS] = units
    sec[security, at.S_LAST_PROCEEDS] = proceeds
    sec[security, at.S_LAST_SHORT] = short
    sec[security, at.S_LAST_TOTAL] = total
    sec[security, at.S_KEPT_SHORT] += short
    sec[security, at.S_KEPT_TOTAL] += total


@view_kernel
def of_slice(sec: Ints, security: int, one: int, by_slice: Ints, of_last: int) -> int:
    """Return a kept slice's figure: by_slice[one], or column `of_last` of the security for its last slice."""
    return int(sec[security, of_last] if one == sec[security, at.S_LAST] else by_slice[one])


@view_kernel
def kept_excess(acc: Ints, sec: Ints, column: int, budget: int) -> int:
    """Return by how many cents what is kept (S_KEPT_SHORT or S_KEPT_TOTAL) passes the budget in that account column."""
    cents = 0
    for security in range(len(sec)):
        cents += sec[security, column]
    return excess(cents, acc[budget])

"""Which sells are given up so that gains keep their limits: the tails that cost most gain per dollar sold.

A dollar sold on the way to target is a dollar of drift removed, so gain per dollar of proceeds is what is compared.  A
sell is given up from its end, in the order its lots leave.  Source: product 4, "Tax-aware".
"""

from services.proposer.domain import layout as at
from services.proposer.domain.gains import Desk, excess, first_barred
from services.proposer.domain.layout import Ints
from shared.exact.compiled import view_kernel
from shared.exact.kernel import compare_products, muldiv_ceil, muldiv_half_away, value_cents


@view_kernel
def give_up(acc: Ints, sec: Ints, desk: Desk, whole_tails: bool) -> None:
    """Lower caps until what is left of the relieved slices keeps the limits, just as far as needed in whole steps.

    What a part of a slice realises is taken pro rata here; whoever calls relieves again and looks.  whole_tails: give
    up every chosen tail whole, which ends sooner.
    """
    for security in range(len(sec)):
        barred = first_barred(acc, sec, desk, security)
        if barred < sec[security, at.S_SLICE_END]:
            _keep(acc, sec, desk, security, _units(desk, sec[security, at.S_SLICE], barred))
    while True:
        cents = excess(acc, sec, desk.short, at.A_BUDGET_SHORT)
        if cents > 0:
            _give_up_tail(acc, sec, desk, desk.short, cents, whole_tails)
            continue
        cents = excess(acc, sec, desk.total, at.A_BUDGET_TOTAL)
        if cents == 0:
            return
        _give_up_tail(acc, sec, desk, desk.total, cents, whole_tails)


@view_kernel
def _give_up_tail(acc: Ints, sec: Ints, desk: Desk, by_slice: Ints, cents: int, whole_tails: bool) -> None:
    """Give up the tail with the most gain per dollar, or as much of its end as saves `cents`.

    Ties go by security id, then to the shorter tail.
    """
    best, start, best_gain, best_dollars = -1, 0, 0, 1
    for security in range(len(sec)):
        gain, dollars = 0, 0
        for one in range(sec[security, at.S_SLICE_END] - 1, sec[security, at.S_SLICE] - 1, -1):
            gain += by_slice[one]
            dollars += desk.slices.proceeds[one]
            if gain > 0 and compare_products(gain, best_dollars, best_gain, max(1, dollars)) > 0:
                best, start, best_gain, best_dollars = security, one, gain, max(1, dollars)
    first, end = sec[best, at.S_SLICE], sec[best, at.S_SLICE_END]
    units = _units(desk, start, end) if whole_tails else _saving(desk, by_slice, start, end, cents)
    _keep(acc, sec, desk, best, _units(desk, first, end) - units)


@view_kernel
def _saving(desk: Desk, by_slice: Ints, start: int, end: int, cents: int) -> int:
    """Return the fewest last units of the slices [start, end) that save `cents`; all of them where they do not."""
    units, saved = 0, 0
    for one in range(end - 1, start - 1, -1):
        if saved + by_slice[one] >= cents:
            return units + muldiv_ceil(cents - saved, desk.slices.units[one], by_slice[one])
        saved += by_slice[one]
        units += desk.slices.units[one]
    return units


@view_kernel
def _units(desk: Desk, start: int, end: int) -> int:
    units = 0
    for one in range(start, end):
        units += desk.slices.units[one]
    return units


@view_kernel
def _keep(acc: Ints, sec: Ints, desk: Desk, security: int, units: int) -> None:
    """Cap the security's market sell at `units`, in whole steps, none where that is undersized; cut its slices so."""
    units = units // sec[security, at.S_STEP] * sec[security, at.S_STEP]
    if not sec[security, at.S_EXIT] and value_cents(units, sec[security, at.S_PRICE]) < acc[at.A_MIN]:
        units = 0
    sec[security, at.S_CAP] = units
    end = sec[security, at.S_SLICE]
    while units > 0:
        held = desk.slices.units[end]
        if units < held:
            desk.slices.units[end] = units
            desk.slices.proceeds[end] = muldiv_half_away(desk.slices.proceeds[end], units, held)
            desk.short[end] = muldiv_half_away(desk.short[end], units, held)
            desk.total[end] = muldiv_half_away(desk.total[end], units, held)
            units = held
        units -= held
        end += 1
    sec[security, at.S_SLICE_END] = end

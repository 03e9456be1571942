"""Cap search: how many units of each relieved sell fit the gain limits."""

from typing import Final

from services.proposer.domain import layout as at
from services.proposer.domain.layout import Ints
from services.proposer.domain.tax_aware.breakpoints import count, undersized
from services.proposer.domain.tax_aware.gains import Search, past
from shared.fixed_point.arithmetic import muldiv_floor
from shared.fixed_point.compiled import view_kernel

# Limits; several of them are added up.
BARRED: Final = 1  # against short-term gains, of the one security
SHORT: Final = 2  # the short-term budget
TOTAL: Final = 4  # the budget in all

_TURNS: Final = 32  # trials in a stretch of a sell at most; at least every second one halves the stretch
_FEW: Final = 8  # steps: a shorter stretch is tried step by step
_DOLLAR: Final = 10**12  # micro-units x micro-dollars: a stretch worth less is left alone, but for single steps


@view_kernel
def broken(acc: Ints, sec: Ints, security: int, limits: int) -> int:
    """Return the first of the limits that the kept units pass, 0 if they keep all."""
    for limit in (BARRED, SHORT, TOTAL):
        if limits & limit and over(acc, sec, security, limit) > 0:
            return limit
    return 0


@view_kernel
def over(acc: Ints, sec: Ints, security: int, limit: int) -> int:
    """Return by how many cents the kept units pass the limit; 0 or less if they keep it."""
    if limit == BARRED:
        return int(sec[security, at.S_KEPT_BARRED] if acc[at.A_NO_SHORT_GAINS] else 0)
    if limit == SHORT:
        return past(kept(sec, at.S_KEPT_SHORT) - acc[at.A_SLACK_SHORT], acc[at.A_BUDGET_SHORT])
    return past(kept(sec, at.S_KEPT_TOTAL) - acc[at.A_SLACK_TOTAL], acc[at.A_BUDGET_TOTAL])


@view_kernel
def kept(sec: Ints, column: int) -> int:
    """Return the sum of S_KEPT_SHORT or S_KEPT_TOTAL over the securities."""
    cents = 0
    for security in range(len(sec)):
        cents += sec[security, column]
    return cents


@view_kernel
def keep(acc: Ints, sec: Ints, pos: Ints, search: Search, security: int, units: int) -> None:
    """Keep `units` of the security's sell; none where that is undersized."""
    if undersized(acc, sec, security, units):
        units = 0
    if units != sec[security, at.S_KEPT]:
        count(acc, sec, pos, search, security, units)


@view_kernel
def keep_more(acc: Ints, sec: Ints, pos: Ints, search: Search, security: int, most: int, limits: int) -> None:
    """Keep as many more units of the sell as the limits allow, at most `most`; the present units must keep them."""
    least = sec[security, at.S_KEPT]
    keep(acc, sec, pos, search, security, most)
    while sec[security, at.S_KEPT] > least:
        limit = broken(acc, sec, security, limits)
        if limit == 0:
            return
        keep(acc, sec, pos, search, security, _cut(acc, sec, pos, search, security, least, limit))


@view_kernel
def _cut(acc: Ints, sec: Ints, pos: Ints, search: Search, security: int, least: int, limit: int) -> int:
    """Return the most units, at least `least` and in whole steps, that keep one limit.

    Finds the largest breakpoint that keeps it, then searches the stretch up to the next breakpoint.
    """
    low, high, above = least, sec[security, at.S_KEPT], over(acc, sec, security, limit)
    point = sec[security, at.S_ROW_END] - 1
    while point >= sec[security, at.S_ROW] and search.breakpoints[0, point] > least:
        if search.breakpoints[0, point] < high:
            for row in range(at.BREAKPOINT_ROWS):
                sec[security, at.S_KEPT + row] = search.breakpoints[row, point]
            cents = over(acc, sec, security, limit)
            if cents <= 0:
                low = search.breakpoints[0, point]
                break
            high, above = search.breakpoints[0, point], cents
        point -= 1
    if low == least:
        count(acc, sec, pos, search, security, low)
    under = over(acc, sec, security, limit)
    step = sec[security, at.S_STEP]
    little = max(step, _DOLLAR // sec[security, at.S_PRICE])
    for turn in range(_TURNS):
        if high - low <= little or (little > step and limit != BARRED and under == 0 and above > 1):
            break
        units = _between(low, under, high, above, sec[security, at.S_PRICE], step, turn)
        count(acc, sec, pos, search, security, units)
        cents = over(acc, sec, security, limit)
        if cents <= 0:
            low, under = units, cents
        else:
            high, above = units, cents
    return int(low)


@view_kernel
def _between(low: int, under: int, high: int, above: int, price: int, step: int, turn: int) -> int:
    """Return the next units to try between `low`, which is `under` the limit, and `high`, which is `above` it.

    The gain is nearly linear there, so the trial interpolates.  Over few steps, or one cent above, rounding decides and
    is as good as random from one third of a cent to the next.
    """
    if high - low <= _FEW * step or (above == 1 and turn < _FEW):
        units = high - max(step, _DOLLAR // 300 // price)
    elif above == 1 or turn % 2 == 1:
        units = low + (high - low) // 2
    else:
        units = low + muldiv_floor(high - low, -under, above - under)
    return int(min(max(low + step, units // step * step), (high - 1) // step * step))

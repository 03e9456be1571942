"""What whole steps left of the budgets is used: given-up units are taken back, least gain per dollar first.

Source: product 4, "Tax-aware": as near to target as the gain budget allows.
"""

from services.proposer.domain import layout as at
from services.proposer.domain.gains import Desk
from services.proposer.domain.keeping import keep, kept_excess
from services.proposer.domain.layout import Ints
from services.proposer.domain.sizing import needed
from shared.exact.compiled import view_kernel
from shared.exact.kernel import compare_products, muldiv_floor


@view_kernel
def take_back(acc: Ints, sec: Ints, desk: Desk) -> None:
    """Keep more units, up to S_MOST, as the limits allow; a security is done where a slice of it does not fit whole."""
    while True:
        best, best_slice = -1, 0
        for security in range(len(sec)):
            if sec[security, at.S_KEPT] >= sec[security, at.S_MOST]:
                continue
            one = _next_slice(sec, desk, security)
            if best < 0 or _cheaper(desk, one, best_slice):
                best, best_slice = security, one
        if best < 0:
            return
        kept = sec[best, at.S_KEPT]
        _take_back_of(acc, sec, desk, best, best_slice)
        if sec[best, at.S_KEPT] == kept or _next_slice(sec, desk, best) == best_slice:
            sec[best, at.S_MOST] = sec[best, at.S_KEPT]


@view_kernel
def _next_slice(sec: Ints, desk: Desk, security: int) -> int:
    """Return the slice that the next unit after what is kept comes from."""
    one = sec[security, at.S_LAST] if sec[security, at.S_KEPT] > 0 else sec[security, at.S_SLICE]
    if sec[security, at.S_KEPT] > 0 and sec[security, at.S_LAST_UNITS] == desk.slices.units[one]:
        one += 1
    return int(one)


@view_kernel
def _cheaper(desk: Desk, one: int, other: int) -> bool:
    proceeds = desk.slices.proceeds
    return bool(
        compare_products(desk.total[one], max(1, proceeds[other]), desk.total[other], max(1, proceeds[one])) < 0
    )


@view_kernel
def _take_back_of(acc: Ints, sec: Ints, desk: Desk, security: int, one: int) -> None:
    """Take back what the budgets allow of the slice, in whole steps, to the minimum size at least."""
    kept, most, step = sec[security, at.S_KEPT], sec[security, at.S_MOST], sec[security, at.S_STEP]
    left = desk.slices.units[one]
    if kept > 0 and one == sec[security, at.S_LAST]:
        left -= sec[security, at.S_LAST_UNITS]
    units = _affordable(acc, sec, desk.short[one], desk.slices.units[one], left, at.S_KEPT_SHORT, at.A_BUDGET_SHORT)
    units = min(
        units,
        _affordable(acc, sec, desk.total[one], desk.slices.units[one], left, at.S_KEPT_TOTAL, at.A_BUDGET_TOTAL),
    )
    least = kept + step
    if not sec[security, at.S_EXIT]:
        least = max(least, needed(acc[at.A_MIN], acc[at.A_MIN_PART], sec[security, at.S_PRICE], step))
    goal = most if kept + units >= most else (kept + units) // step * step
    if goal == kept and units < left:
        return
    goal = min(most, max(goal, least))
    while goal > kept:
        keep(acc, sec, desk, security, goal)
        short = kept_excess(acc, sec, at.S_KEPT_SHORT, at.A_BUDGET_SHORT)
        if short == 0 and kept_excess(acc, sec, at.S_KEPT_TOTAL, at.A_BUDGET_TOTAL) == 0:
            return
        goal = least if goal > least else kept
    keep(acc, sec, desk, security, kept)


@view_kernel
def _affordable(acc: Ints, sec: Ints, gain: int, units: int, left: int, column: int, budget: int) -> int:
    """Return how many of the `left` units of a slice of `units` with `gain` cents the rest of a budget allows."""
    if gain <= 0 or acc[budget] == at.NO_LIMIT:
        return left
    rest = acc[budget]
    for security in range(len(sec)):
        rest -= sec[security, column]
    return min(left, muldiv_floor(max(0, rest), units, gain))

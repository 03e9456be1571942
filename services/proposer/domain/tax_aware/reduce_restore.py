"""Reduce and restore: sells are cut until gains keep their limits, then whole steps use what the cuts left over.

Reduce: the tail that costs most gain per dollar goes first.  A dollar sold on the way to target is a dollar of drift
removed, so gain per dollar of proceeds is what is compared.  Restore: the stretch that costs least gain per dollar
comes back first.  Source: product 4, "Tax-aware".
"""

from services.proposer.domain import layout as at
from services.proposer.domain.layout import Ints
from services.proposer.domain.tax_aware.breakpoints import trace
from services.proposer.domain.tax_aware.cap_search import BARRED, SHORT, TOTAL, broken, keep, keep_more, over
from services.proposer.domain.tax_aware.gains import Search
from shared.fixed_point.arithmetic import compare_products, muldiv_ceil
from shared.fixed_point.compiled import view_kernel


@view_kernel
def reduce(acc: Ints, sec: Ints, pos: Ints, search: Search, whole: bool) -> None:
    """Lower caps until the kept parts of the relieved sells keep the limits, only as far as needed in whole steps.

    whole: cut whole sells, so that the search ends whatever other sells Best Fit makes instead.
    """
    trace(acc, sec, pos, search)
    _bar_short_gains(acc, sec, pos, search, whole)
    while True:
        limit = broken(acc, sec, 0, SHORT + TOTAL)
        if limit == 0:
            break
        _reduce_tail(acc, sec, pos, search, limit, whole)
    if not whole:
        restore(acc, sec, pos, search)
    for security in range(len(sec)):
        if sec[security, at.S_KEPT] < sec[security, at.S_SELL]:
            sec[security, at.S_CAP] = sec[security, at.S_KEPT]


@view_kernel
def _bar_short_gains(acc: Ints, sec: Ints, pos: Ints, search: Search, whole: bool) -> None:
    """Cut every sell to its part without short-term gains, if the account allows none."""
    for security in range(len(sec)):
        if broken(acc, sec, security, BARRED) > 0:
            keep(acc, sec, pos, search, security, 0)
            if not whole:
                keep_more(acc, sec, pos, search, security, sec[security, at.S_SELL], BARRED)
        sec[security, at.S_MOST] = sec[security, at.S_KEPT]


@view_kernel
def _reduce_tail(acc: Ints, sec: Ints, pos: Ints, search: Search, limit: int, whole: bool) -> None:
    """Cut the tail that saves most gain per dollar, or as much of its end as the limit, SHORT or TOTAL, requires.

    A tail always exists: the kept gain passes a budget of 0 or more.  Ties go by security id, then to the shorter tail.
    """
    column = at.S_KEPT_SHORT if limit == SHORT else at.S_KEPT_TOTAL
    cents = over(acc, sec, 0, limit)
    best, start, best_gain, best_proceeds = -1, 0, 0, 1
    for security in range(len(sec)):
        saved, given, point = 0, 0, sec[security, at.S_ROW_END] - 1
        while saved < cents and point >= sec[security, at.S_ROW] - 1:
            units, gain, proceeds = 0, sec[security, column], sec[security, at.S_KEPT_PROCEEDS]
            if point >= sec[security, at.S_ROW]:
                units = search.breakpoints[0, point]
                gain -= search.breakpoints[column - at.S_KEPT, point]
                proceeds -= search.breakpoints[at.S_KEPT_PROCEEDS - at.S_KEPT, point]
            point -= 1
            if units >= sec[security, at.S_KEPT]:
                continue
            if gain > cents:  # only the required share of the stretch before that breakpoint is cut
                proceeds = given + muldiv_ceil(proceeds - given, cents - saved, gain - saved)
                gain = cents
            saved, given = gain, proceeds
            if gain > 0 and compare_products(gain, best_proceeds, best_gain, max(1, proceeds)) > 0:
                best, start, best_gain, best_proceeds = security, units, gain, max(1, proceeds)
    most = sec[best, at.S_KEPT]
    keep(acc, sec, pos, search, best, 0 if whole else start)
    limits = SHORT if limit == SHORT else SHORT + TOTAL
    if not whole and broken(acc, sec, best, limits) == 0:
        keep_more(acc, sec, pos, search, best, most, limits)


@view_kernel
def restore(acc: Ints, sec: Ints, pos: Ints, search: Search) -> None:
    """Keep more units, up to S_MOST, as the limits allow; a security is done where a stretch of it does not fit whole.

    Ties go by security id, then to the shorter stretch.
    """
    while True:
        best, end, best_gain, best_proceeds = -1, 0, 0, 1
        for security in range(len(sec)):
            if sec[security, at.S_KEPT] == sec[security, at.S_MOST]:
                continue
            for point in range(sec[security, at.S_ROW], sec[security, at.S_ROW_END]):
                if search.breakpoints[0, point] <= sec[security, at.S_KEPT]:
                    continue
                gain = search.breakpoints[at.S_KEPT_TOTAL - at.S_KEPT, point] - sec[security, at.S_KEPT_TOTAL]
                proceeds = search.breakpoints[at.S_KEPT_PROCEEDS - at.S_KEPT, point] - sec[security, at.S_KEPT_PROCEEDS]
                if best < 0 or compare_products(gain, best_proceeds, best_gain, max(1, proceeds)) < 0:
                    best, end, best_gain, best_proceeds = security, search.breakpoints[0, point], gain, max(1, proceeds)
        if best < 0:
            return
        goal = min(end, sec[best, at.S_MOST])
        keep_more(acc, sec, pos, search, best, goal, BARRED + SHORT + TOTAL)
        if sec[best, at.S_KEPT] < goal:
            sec[best, at.S_MOST] = sec[best, at.S_KEPT]

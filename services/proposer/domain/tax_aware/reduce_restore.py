"""Reduce and restore: sells are cut until gains keep their limits, then whole steps use what the cuts left over.

Reduce: the tail that costs most gain per dollar goes first.  A dollar sold on the way to target is a dollar of drift
removed, so gain per dollar of proceeds is what is compared.  Restore: the stretch that costs least gain per dollar
comes back first.  Source: product 4, "Tax-aware".
"""

from services.proposer.domain.tax_aware.breakpoints import trace
from services.proposer.domain.tax_aware.cap_search import BARRED, SHORT, TOTAL, broken, gain_of, keep, keep_more, over
from services.proposer.domain.tax_aware.records import Search
from shared.fixed_point.arithmetic import compare_products, muldiv_ceil
from shared.fixed_point.compiled import view_kernel
from shared.fixed_point.records import Records


@view_kernel
def reduce(account: Records, securities: Records, positions: Records, search: Search, whole: bool) -> None:
    """Lower caps until the kept parts of the relieved sells keep the limits, only as far as needed in whole steps.

    whole: cut whole sells, so that the search ends whatever other sells Best Fit makes instead.
    """
    trace(account, securities, positions, search)
    _bar_short_gains(account, securities, positions, search, whole)
    while True:
        limit = broken(account, securities, search, 0, SHORT + TOTAL)
        if limit == 0:
            break
        _reduce_tail(account, securities, positions, search, limit, whole)
    if not whole:
        restore(account, securities, positions, search)
    for index in range(len(securities)):
        if search.kept[index].units < securities[index].sell:
            securities[index].cap = search.kept[index].units


@view_kernel
def _bar_short_gains(account: Records, securities: Records, positions: Records, search: Search, whole: bool) -> None:
    """Cut every sell to its part without short-term gains, if the account allows none."""
    for index in range(len(securities)):
        if broken(account, securities, search, index, BARRED) > 0:
            keep(account, securities, positions, search, index, 0)
            if not whole:
                keep_more(account, securities, positions, search, index, securities[index].sell, BARRED)
        search.sells[index].most = search.kept[index].units


@view_kernel
def _reduce_tail(
    account: Records, securities: Records, positions: Records, search: Search, limit: int, whole: bool
) -> None:
    """Cut the tail that saves most gain per dollar, or as much of its end as the limit, SHORT or TOTAL, requires.

    A tail always exists: the kept gain passes a budget of 0 or more.  Ties go by security id, then to the shorter tail.
    """
    cents = over(account, securities, search, 0, limit)
    best, start, best_gain, best_proceeds = -1, 0, 0, 1
    for index in range(len(securities)):
        kept, sell = search.kept[index], search.sells[index]
        saved, given, point = 0, 0, sell.row_end - 1
        while saved < cents and point >= sell.row - 1:
            units, gain, proceeds = 0, gain_of(kept, limit), kept.proceeds
            if point >= sell.row:
                tail_start = search.breakpoints[point]
                units = tail_start.units
                gain -= gain_of(tail_start, limit)
                proceeds -= tail_start.proceeds
            point -= 1
            if units >= kept.units:
                continue
            if gain > cents:  # only the required share of the stretch before that breakpoint is cut
                proceeds = given + muldiv_ceil(proceeds - given, cents - saved, gain - saved)
                gain = cents
            saved, given = gain, proceeds
            if gain > 0 and compare_products(gain, best_proceeds, best_gain, max(1, proceeds)) > 0:
                best, start, best_gain, best_proceeds = index, units, gain, max(1, proceeds)
    most = search.kept[best].units
    keep(account, securities, positions, search, best, 0 if whole else start)
    limits = SHORT if limit == SHORT else SHORT + TOTAL
    if not whole and broken(account, securities, search, best, limits) == 0:
        keep_more(account, securities, positions, search, best, most, limits)


@view_kernel
def restore(account: Records, securities: Records, positions: Records, search: Search) -> None:
    """Keep more units, up to `most`, as the limits allow; a security is done where a stretch of it does not fit whole.

    Ties go by security id, then to the shorter stretch.
    """
    while True:
        best, end, best_gain, best_proceeds = -1, 0, 0, 1
        for index in range(len(securities)):
            kept, sell = search.kept[index], search.sells[index]
            if kept.units == sell.most:
                continue
            for point in search.breakpoints[sell.row : sell.row_end]:
                if point.units <= kept.units:
                    continue
                gain, proceeds = point.total - kept.total, point.proceeds - kept.proceeds
                if best < 0 or compare_products(gain, best_proceeds, best_gain, max(1, proceeds)) < 0:
                    best, end, best_gain, best_proceeds = index, point.units, gain, max(1, proceeds)
        if best < 0:
            return
        goal = min(end, search.sells[best].most)
        keep_more(account, securities, positions, search, best, goal, BARRED + SHORT + TOTAL)
        if search.kept[best].units < goal:
            search.sells[best].most = search.kept[best].units

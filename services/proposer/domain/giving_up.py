"""Which sells are given up so that gains keep their limits: the tails that cost most gain per dollar sold.

A dollar sold on the way to target is a dollar of drift removed, so gain per dollar of proceeds is what is compared.
Source: product 4, "Tax-aware".
"""

from services.proposer.domain import layout as at
from services.proposer.domain.corners import trace
from services.proposer.domain.gains import Desk
from services.proposer.domain.keeping import GUARD, SHORT, TOTAL, broken, keep, keep_more, over
from services.proposer.domain.layout import Ints
from services.proposer.domain.taking_back import take_back
from shared.fixed_point.arithmetic import compare_products, muldiv_ceil
from shared.fixed_point.compiled import view_kernel


@view_kernel
def give_up(acc: Ints, sec: Ints, pos: Ints, desk: Desk, whole: bool) -> None:
    """Lower caps until what is kept of the relieved sells keeps the limits, just as far as needed in whole steps.

    whole: give up whole sells, so that it comes to an end whatever other sells Best Fit makes instead.
    """
    trace(acc, sec, pos, desk)
    _guard(acc, sec, pos, desk, whole)
    while True:
        limit = broken(acc, sec, 0, SHORT + TOTAL)
        if limit == 0:
            break
        _give_up_tail(acc, sec, pos, desk, limit, whole)
    if not whole:
        take_back(acc, sec, pos, desk)
    for security in range(len(sec)):
        if sec[security, at.S_KEPT] < sec[security, at.S_SELL]:
            sec[security, at.S_CAP] = sec[security, at.S_KEPT]


@view_kernel
def _guard(acc: Ints, sec: Ints, pos: Ints, desk: Desk, whole: bool) -> None:
    """Keep of every sell what realises no short-term gain, where the account allows none."""
    for security in range(len(sec)):
        if broken(acc, sec, security, GUARD) > 0:
            keep(acc, sec, pos, desk, security, 0)
            if not whole:
                keep_more(acc, sec, pos, desk, security, sec[security, at.S_SELL], GUARD)
        sec[security, at.S_MOST] = sec[security, at.S_KEPT]


@view_kernel
def _give_up_tail(acc: Ints, sec: Ints, pos: Ints, desk: Desk, limit: int, whole: bool) -> None:
    """Give up the tail that saves most gain per dollar, or as much of its end as the limit, SHORT or TOTAL, asks.

    There is one: more is kept than a budget of 0 or more allows.  Ties go by security id, then to the shorter tail.
    """
    column = at.S_KEPT_SHORT if limit == SHORT else at.S_KEPT_TOTAL
    cents = over(acc, sec, 0, limit)
    best, start, best_gain, best_proceeds = -1, 0, 0, 1
    for security in range(len(sec)):
        saved, given, corner = 0, 0, sec[security, at.S_ROW_END] - 1
        while saved < cents and corner >= sec[security, at.S_ROW] - 1:
            units, gain, proceeds = 0, sec[security, column], sec[security, at.S_KEPT_PROCEEDS]
            if corner >= sec[security, at.S_ROW]:
                units = desk.corners[0, corner]
                gain -= desk.corners[column - at.S_KEPT, corner]
                proceeds -= desk.corners[at.S_KEPT_PROCEEDS - at.S_KEPT, corner]
            corner -= 1
            if units >= sec[security, at.S_KEPT]:
                continue
            if gain > cents:  # of the part before that corner only so much is given up as is asked for
                proceeds = given + muldiv_ceil(proceeds - given, cents - saved, gain - saved)
                gain = cents
            saved, given = gain, proceeds
            if gain > 0 and compare_products(gain, best_proceeds, best_gain, max(1, proceeds)) > 0:
                best, start, best_gain, best_proceeds = security, units, gain, max(1, proceeds)
    most = sec[best, at.S_KEPT]
    keep(acc, sec, pos, desk, best, 0 if whole else start)
    limits = SHORT if limit == SHORT else SHORT + TOTAL
    if not whole and broken(acc, sec, best, limits) == 0:
        keep_more(acc, sec, pos, desk, best, most, limits)

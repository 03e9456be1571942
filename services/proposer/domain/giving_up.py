"""Which sells are given up so that gains keep their limits: the tails that cost most gain per dollar sold.

A dollar sold on the way to target is a dollar of drift removed, so gain per dollar of proceeds is what is compared.  A
sell is given up from its end, in the order its lots leave.  Source: product 4, "Tax-aware".
"""

from services.proposer.domain import layout as at
from services.proposer.domain.gains import Desk, first_barred
from services.proposer.domain.keeping import keep, kept_excess, of_slice
from services.proposer.domain.layout import Ints
from services.proposer.domain.taking_back import take_back
from shared.exact.compiled import view_kernel
from shared.exact.kernel import compare_products, muldiv_ceil


@view_kernel
def give_up(acc: Ints, sec: Ints, desk: Desk) -> None:
    """Lower caps until what is kept of the relieved sells keeps the limits, just as far as needed in whole steps."""
    _bar(acc, sec, desk, False)
    _until_within(acc, sec, desk, False)
    take_back(acc, sec, desk)
    _cap(sec)


@view_kernel
def give_up_tails(acc: Ints, sec: Ints, desk: Desk) -> None:
    """Lower caps by whole tails, and by the whole sell where a short-term gain is barred.

    What sleeves sell together is cut among them, so what is kept may be other lots than foreseen; this comes to an end.
    """
    _bar(acc, sec, desk, True)
    _until_within(acc, sec, desk, True)
    _cap(sec)


@view_kernel
def _bar(acc: Ints, sec: Ints, desk: Desk, whole: bool) -> None:
    """Keep every sell up to the first slice that the guard against short-term gains bars.

    Nothing of one that several sleeves share and that was cut before: each cut of it is shared, the barred lots stay.
    """
    for security in range(len(sec)):
        start, end = sec[security, at.S_SLICE], sec[security, at.S_SLICE_END]
        barred = first_barred(acc, desk, start, end)
        most = sec[security, at.S_SELL]
        if barred < end:
            most = 0
            shared = sec[security, at.S_END] - sec[security, at.S_FIRST] > 1
            if not whole and not (shared and sec[security, at.S_CAP] != at.NO_CAP):
                for one in range(start, barred):
                    most += desk.slices.units[one]
        keep(acc, sec, desk, security, most)
        sec[security, at.S_MOST] = sec[security, at.S_KEPT]


@view_kernel
def _until_within(acc: Ints, sec: Ints, desk: Desk, whole: bool) -> None:
    while True:
        cents = kept_excess(acc, sec, at.S_KEPT_SHORT, at.A_BUDGET_SHORT)
        if cents > 0:
            _give_up_tail(acc, sec, desk, desk.short, at.S_LAST_SHORT, cents, whole)
            continue
        cents = kept_excess(acc, sec, at.S_KEPT_TOTAL, at.A_BUDGET_TOTAL)
        if cents == 0:
            return
        _give_up_tail(acc, sec, desk, desk.total, at.S_LAST_TOTAL, cents, whole)


@view_kernel
def _give_up_tail(acc: Ints, sec: Ints, desk: Desk, by_slice: Ints, of_last: int, cents: int, whole: bool) -> None:
    """Give up the tail with the most gain per dollar, or as much of its end as saves `cents`.

    There is one: what is kept counts more than a budget, which is 0 or more.  Ties go by security id, then to the
    shorter tail.
    """
    best, start, best_gain, best_proceeds = -1, 0, 0, 1
    for security in range(len(sec)):
        if sec[security, at.S_KEPT] == 0:
            continue
        gain, proceeds = 0, 0
        for one in range(sec[security, at.S_LAST], sec[security, at.S_SLICE] - 1, -1):
            gain += of_slice(sec, security, one, by_slice, of_last)
            proceeds += of_slice(sec, security, one, desk.slices.proceeds, at.S_LAST_PROCEEDS)
            if gain > 0 and compare_products(gain, best_proceeds, best_gain, max(1, proceeds)) > 0:
                best, start, best_gain, best_proceeds = security, one, gain, max(1, proceeds)
    units, saved = 0, 0
    for one in range(sec[best, at.S_LAST], start - 1, -1):
        gain, held = (
            of_slice(sec, best, one, by_slice, of_last),
            of_slice(sec, best, one, desk.slices.units, at.S_LAST_UNITS),
        )
        if not whole and saved + gain >= cents:
            units += muldiv_ceil(cents - saved, held, gain)
            break
        saved += gain
        units += held
    keep(acc, sec, desk, best, sec[best, at.S_KEPT] - units)


@view_kernel
def _cap(sec: Ints) -> None:
    for security in range(len(sec)):
        if sec[security, at.S_KEPT] < sec[security, at.S_SELL]:
            sec[security, at.S_CAP] = sec[security, at.S_KEPT]

"""Tax-aware: as near to target as the gain limits of the account allow.  Source: product 4, "Tax-aware".

Best Fit first.  Where its sells realise more than the limits allow, the dearest tails are given up and Best Fit is
computed again without them, so that its buys share the cash that is there; caps only shrink, so it ends.
"""

from services.proposer.domain import codes
from services.proposer.domain import layout as at
from services.proposer.domain.best_fit import best_fit
from services.proposer.domain.gains import LOTS_LACKING, Desk, counted, estimated, limited, relieve, within
from services.proposer.domain.giving_up import give_up, give_up_tails
from services.proposer.domain.layout import Ints
from services.proposer.domain.min_transaction import min_transaction
from services.proposer.domain.netting import shortfall
from services.proposer.domain.summary import outcome
from shared.exact.compiled import view_kernel

_PATIENCE = 12  # rounds in which sells are given up only as far as needed; afterwards in whole tails


@view_kernel
def tax_aware(acc: Ints, sec: Ints, pos: Ints, desk: Desk) -> int:
    """Compute the trades of a prepared account into the tables; return OK or why it fails."""
    if acc[at.A_OTHER_DRIFT] == at.OTHER_UNKNOWN:
        min_transaction(acc, sec, pos)
        note_other(acc, sec, pos, outcome(acc, sec, pos))
    best_fit(acc, sec, pos)
    if limited(acc) and not _cut_to_limits(acc, sec, pos, desk):
        acc[at.A_WHERE] = -1
        return codes.LOTS_DO_NOT_FIT
    failure = outcome(acc, sec, pos)
    if failure not in (codes.OK, codes.CASH_SHORTFALL) or acc[at.A_OTHER_DRIFT] == at.OTHER_FAILED:
        return failure
    if failure == codes.OK and acc[at.A_OTHER_DRIFT] >= drift(acc, sec, pos):
        return failure
    return _better_of_both(acc, sec, pos, desk, failure)


@view_kernel
def note_other(acc: Ints, sec: Ints, pos: Ints, failure: int) -> None:
    """Note what drift Min Transaction, which stands in the tables, leaves."""
    acc[at.A_OTHER_DRIFT] = drift(acc, sec, pos) if failure == codes.OK else at.OTHER_FAILED


@view_kernel
def drift(acc: Ints, sec: Ints, pos: Ints) -> int:
    """Return the sum of |weight - target| x V over the positions after the trades, in money."""
    money = 0
    for place in range(len(pos)):
        money += abs(shortfall(acc, sec, pos, place, pos[place, at.P_AIM]))
    return money


@view_kernel
def _cut_to_limits(acc: Ints, sec: Ints, pos: Ints, desk: Desk) -> bool:
    """Bring Best Fit, which stands in the tables, inside the limits; say whether the lots suffice for its sells."""
    rows = relieve(acc, sec, pos, desk)
    if rows == LOTS_LACKING:
        return False
    acc[at.A_FREE_SHORT] = counted(desk.short, rows)
    acc[at.A_FREE_TOTAL] = counted(desk.total, rows)
    _copy(sec, at.S_SELL, at.S_FREE_SELL)
    _copy(sec, at.S_BUY, at.S_FREE_BUY)
    rounds = 0
    while not within(acc, desk, rows):
        acc[at.A_LIMITED] = 1
        if rounds < _PATIENCE:
            give_up(acc, sec, desk)
        else:
            give_up_tails(acc, sec, desk)
        best_fit(acc, sec, pos)
        rows = relieve(acc, sec, pos, desk)
        if rows == LOTS_LACKING:
            return False
        rounds += 1
    if acc[at.A_LIMITED]:
        acc[at.A_BLOCKED] |= codes.B_GAINS
    return True


@view_kernel
def _better_of_both(acc: Ints, sec: Ints, pos: Ints, desk: Desk, failure: int) -> int:
    """Take Min Transaction's trades, which end nearer to target, where the limits allow them.

    Without a binding limit only where they also realise less: neither other logic may be better in both.
    """
    rows = relieve(acc, sec, pos, desk)
    if rows == LOTS_LACKING:
        return failure
    gain = estimated(desk, rows)
    _copy(sec, at.S_CAP, at.S_CAP_KEPT)
    sec[:, at.S_CAP] = at.NO_CAP
    min_transaction(acc, sec, pos)
    rows = relieve(acc, sec, pos, desk)
    if rows != LOTS_LACKING and within(acc, desk, rows):
        if acc[at.A_LIMITED]:
            acc[at.A_BLOCKED] |= codes.B_GAINS
            return outcome(acc, sec, pos)
        if failure == codes.OK and estimated(desk, rows) < gain:
            return outcome(acc, sec, pos)
    _copy(sec, at.S_CAP_KEPT, at.S_CAP)
    best_fit(acc, sec, pos)
    if acc[at.A_LIMITED]:
        acc[at.A_BLOCKED] |= codes.B_GAINS
    return outcome(acc, sec, pos)


@view_kernel
def _copy(sec: Ints, source: int, to: int) -> None:
    for security in range(len(sec)):
        sec[security, to] = sec[security, source]

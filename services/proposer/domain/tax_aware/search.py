"""State machine of the tax-aware search: after each run, set the caps and name the next run.  Overview: __init__.py.

The search is a state machine, called after each run, so that the two other logics are compiled into the loop once.
"""

from typing import Final

from services.proposer.domain import codes
from services.proposer.domain import layout as at
from services.proposer.domain.layout import Ints
from services.proposer.domain.netting import shortfall_to
from services.proposer.domain.tax_aware.cap_search import kept
from services.proposer.domain.tax_aware.gains import LOTS_LACKING, Search, counted, estimated, limited, relieve, within
from services.proposer.domain.tax_aware.reduce_restore import reduce
from shared.fixed_point.compiled import view_kernel

# What is to be run next.
DONE: Final = 0
RUN_BEST_FIT: Final = 1
RUN_MIN_TRANSACTION: Final = 2
# What a run was for.
_MEASURE: Final = 0  # Min Transaction, for the drift it leaves
_CUT: Final = 1  # Best Fit under the present caps
_COMPARE: Final = 2  # Min Transaction, which ends nearer to target
_RESTORE: Final = 3  # Best Fit as it was before
_LOOKS: Final = 4  # restarts at most
_PATIENCE: Final = 24  # rounds that cut sells only as far as needed; later rounds cut them whole


@view_kernel
def begin(acc: Ints) -> int:
    """Reset the search's columns and return the first run."""
    acc[at.A_ROUNDS] = 0
    acc[at.A_LOOK] = 0
    for column in (at.A_SLACK_SHORT, at.A_SLACK_TOTAL, at.A_MORE_SHORT, at.A_MORE_TOTAL):
        acc[column] = 0
    acc[at.A_STAGE] = _MEASURE if acc[at.A_OTHER_DRIFT] == at.OTHER_UNKNOWN else _CUT
    return RUN_MIN_TRANSACTION if acc[at.A_STAGE] == _MEASURE else RUN_BEST_FIT


@view_kernel
def after_run(acc: Ints, sec: Ints, pos: Ints, search: Search, failure: int) -> int:
    """Evaluate the run in the tables (`failure` or OK) and return the next run.

    When DONE, the tables hold the trades and A_FAILED the failure or OK.
    """
    stage = acc[at.A_STAGE]
    acc[at.A_FAILED] = failure
    if stage == _MEASURE:
        note_other(acc, sec, pos, failure)
        acc[at.A_STAGE] = _CUT
        return RUN_BEST_FIT
    following = DONE
    if stage == _CUT:
        following = _after_cut(acc, sec, pos, search)
    elif stage == _COMPARE:
        following = _after_comparison(acc, sec, pos, search)
    if following == DONE and acc[at.A_LIMITED]:
        acc[at.A_BLOCKED] |= codes.B_GAINS
    return following


@view_kernel
def note_other(acc: Ints, sec: Ints, pos: Ints, failure: int) -> None:
    """Store the drift that the Min Transaction run in the tables leaves."""
    acc[at.A_OTHER_DRIFT] = drift(acc, sec, pos) if failure == codes.OK else at.OTHER_FAILED


@view_kernel
def drift(acc: Ints, sec: Ints, pos: Ints) -> int:
    """Return the sum of |weight - target| x V over the positions after the trades, in money."""
    money = 0
    for position in range(len(pos)):
        money += abs(shortfall_to(acc, sec, pos, position, at.P_AIM))
    return money


@view_kernel
def _after_cut(acc: Ints, sec: Ints, pos: Ints, search: Search) -> int:
    """Cut sells that pass the limits, else restart with slack or compare with Min Transaction; return the next run."""
    if limited(acc):
        rows = relieve(acc, sec, pos, search)
        if rows == LOTS_LACKING:
            acc[at.A_FAILED] = codes.LOTS_DO_NOT_FIT
            return DONE
        if acc[at.A_ROUNDS] == 0:
            _note_free(acc, sec, search, rows)
        if not within(acc, search, rows):
            acc[at.A_LIMITED] = 1
            acc[at.A_ROUNDS] += 1
            reduce(acc, sec, pos, search, acc[at.A_ROUNDS] > _PATIENCE)
            acc[at.A_SLACK_SHORT] = 0
            acc[at.A_SLACK_TOTAL] = 0
            return RUN_BEST_FIT
        if acc[at.A_LIMITED] and _look_again(acc, sec, pos, search, rows):
            return RUN_BEST_FIT
    if acc[at.A_OTHER_DRIFT] == at.OTHER_FAILED or acc[at.A_FAILED] not in (codes.OK, codes.CASH_SHORTFALL):
        return DONE
    if acc[at.A_FAILED] == codes.OK and acc[at.A_OTHER_DRIFT] >= drift(acc, sec, pos):
        return DONE
    rows = relieve(acc, sec, pos, search)
    if rows == LOTS_LACKING:
        return DONE
    acc[at.A_GAIN] = estimated(search, rows)
    acc[at.A_CUT_FAILED] = acc[at.A_FAILED]
    _lift_caps(sec)
    acc[at.A_STAGE] = _COMPARE
    return RUN_MIN_TRANSACTION


@view_kernel
def _look_again(acc: Ints, sec: Ints, pos: Ints, search: Search, rows: int) -> bool:
    """Set the caps for a restart of Best Fit with slack; return False when there is none.

    Sells that raise cash instead may realise losses, which free budget.  The first restart adds half of the freed
    budget as slack, later ones half of the rest: the more is kept, the less is sold instead.  A restart that brings
    neither cash nearer to the reserve nor the account nearer to target is undone; the next one adds half as much.
    """
    lack, found = max(0, acc[at.A_RESERVE] - acc[at.A_NOW]), drift(acc, sec, pos)
    if acc[at.A_LOOK] > _LOOKS:
        return False
    if acc[at.A_LOOK] > 0 and (lack > acc[at.A_LACK] or (lack == acc[at.A_LACK] and found >= acc[at.A_DRIFT])):
        acc[at.A_LOOK] += 1
        short, total = acc[at.A_STEP_SHORT] // 2, acc[at.A_STEP_TOTAL] // 2
        if acc[at.A_LOOK] > _LOOKS or (short == 0 and total == 0):
            acc[at.A_LOOK] = _LOOKS + 1
            _restore_caps(sec)
            return True
        _spend_more(acc, short - acc[at.A_STEP_SHORT], total - acc[at.A_STEP_TOTAL])
        acc[at.A_STEP_SHORT], acc[at.A_STEP_TOTAL] = short, total
        sec[:, at.S_CAP] = at.NO_CAP
        return True
    short, total, _ = counted(search, rows)
    short = max(0, kept(sec, at.S_KEPT_SHORT) - short - acc[at.A_MORE_SHORT])
    total = max(0, kept(sec, at.S_KEPT_TOTAL) - total - acc[at.A_MORE_TOTAL])
    acc[at.A_LOOK] += 1
    if acc[at.A_LOOK] > _LOOKS or (short == 0 and total == 0):
        return False
    acc[at.A_STEP_SHORT], acc[at.A_STEP_TOTAL] = (short + 1) // 2, (total + 1) // 2
    _spend_more(acc, acc[at.A_STEP_SHORT], acc[at.A_STEP_TOTAL])
    acc[at.A_LACK] = lack
    acc[at.A_DRIFT] = found
    _lift_caps(sec)
    return True


@view_kernel
def _spend_more(acc: Ints, short: int, total: int) -> None:
    """Add cents to the slack beyond the budgets."""
    acc[at.A_MORE_SHORT] += short
    acc[at.A_MORE_TOTAL] += total
    acc[at.A_SLACK_SHORT], acc[at.A_SLACK_TOTAL] = acc[at.A_MORE_SHORT], acc[at.A_MORE_TOTAL]


@view_kernel
def _lift_caps(sec: Ints) -> None:
    for security in range(len(sec)):
        sec[security, at.S_CAP_KEPT] = sec[security, at.S_CAP]
        sec[security, at.S_CAP] = at.NO_CAP


@view_kernel
def _restore_caps(sec: Ints) -> None:
    for security in range(len(sec)):
        sec[security, at.S_CAP] = sec[security, at.S_CAP_KEPT]


@view_kernel
def _note_free(acc: Ints, sec: Ints, search: Search, rows: int) -> None:
    """Store what Best Fit trades, and the gains it counts, without limits."""
    acc[at.A_FREE_SHORT], acc[at.A_FREE_TOTAL], _ = counted(search, rows)
    for security in range(len(sec)):
        sec[security, at.S_FREE_SELL] = sec[security, at.S_SELL]
        sec[security, at.S_FREE_BUY] = sec[security, at.S_BUY]


@view_kernel
def _after_comparison(acc: Ints, sec: Ints, pos: Ints, search: Search) -> int:
    """Keep Min Transaction's trades, which end nearer to target, where the limits allow them.

    Without a binding limit only where they also realise less, for neither other logic may be better in both; or where
    Best Fit does not reach the reserve.
    """
    rows = relieve(acc, sec, pos, search)
    wanted = acc[at.A_LIMITED] or acc[at.A_CUT_FAILED] != codes.OK or estimated(search, rows) < acc[at.A_GAIN]
    if rows != LOTS_LACKING and wanted and within(acc, search, rows):
        return DONE
    _restore_caps(sec)
    acc[at.A_STAGE] = _RESTORE
    return RUN_BEST_FIT

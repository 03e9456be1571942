"""State machine of the tax-aware search: after each run, set the caps and name the next run.  Overview: __init__.py.

The search is a state machine, called after each run, so that the two other logics are compiled into the loop once.
"""

from typing import Final

from services.proposer.domain import codes
from services.proposer.domain.netting import AIM, shortfall_to
from services.proposer.domain.records import NO_CAP
from services.proposer.domain.tax_aware.cap_search import SHORT, TOTAL, kept_gain
from services.proposer.domain.tax_aware.gains import (
    LOTS_LACKING,
    assign_lots,
    counted,
    estimated,
    has_limits,
    relieve,
    within,
)
from services.proposer.domain.tax_aware.records import DRIFT_FAILED, DRIFT_UNKNOWN, Search
from services.proposer.domain.tax_aware.reduce_restore import reduce
from shared.fixed_point.amounts import add_amounts, is_more, subtract_amounts
from shared.fixed_point.compiled import view_kernel
from shared.fixed_point.records import Records

# What is to be run next.
DONE: Final = 0
RUN_BEST_FIT: Final = 1
RUN_MIN_TRANSACTION: Final = 2
# What a run is for.
_MEASURE: Final = 0  # Min Transaction, for the drift it leaves
_CUT: Final = 1  # Best Fit under the present caps
_COMPARE: Final = 2  # Min Transaction, which ends nearer to target
_RESTORE: Final = 3  # Best Fit as it was before
_RESTARTS: Final = 4  # at most
_PATIENCE: Final = 24  # rounds that cut sells only as far as needed; later rounds cut them whole


@view_kernel
def start_account(securities: Records, positions: Records, search: Search, lot: int, lot_end: int) -> None:
    """Make the search ready for the next account, whose lots are [lot, lot_end)."""
    assign_lots(securities, positions, search, lot, lot_end)
    search.progress[0].min_transaction_drift = DRIFT_UNKNOWN


@view_kernel
def start_logic(securities: Records, search: Search) -> None:
    """Forget the limits that the previous logic has met."""
    search.progress[0].is_limited = 0
    for security in securities:
        security.cap = NO_CAP


@view_kernel
def first_run(search: Search) -> int:
    """Begin the search; return the first run."""
    progress = search.progress[0]
    progress.rounds = 0
    progress.restarts = 0
    progress.slack_short = 0
    progress.slack_total = 0
    progress.more_short = 0
    progress.more_total = 0
    if progress.min_transaction_drift == DRIFT_UNKNOWN:
        progress.purpose = _MEASURE
        return RUN_MIN_TRANSACTION
    progress.purpose = _CUT
    return RUN_BEST_FIT


@view_kernel
def after_run(account: Records, securities: Records, positions: Records, search: Search, failure: int) -> int:
    """Evaluate the run whose trades are in the tables (`failure` or OK) and return the next run.

    When DONE, they are the proposal, and `failure` of the progress is the failure or OK.
    """
    progress = search.progress[0]
    progress.failure = failure
    if progress.purpose == _MEASURE:
        note_min_transaction(account, securities, positions, search, failure)
        progress.purpose = _CUT
        return RUN_BEST_FIT
    following = DONE
    if progress.purpose == _CUT:
        following = _after_cut(account, securities, positions, search)
    elif progress.purpose == _COMPARE:
        following = _after_comparison(account, securities, positions, search)
    if following == DONE and progress.is_limited:
        account.blocked |= codes.B_GAINS
    return following


@view_kernel
def note_min_transaction(
    account: Records, securities: Records, positions: Records, search: Search, failure: int
) -> None:
    """Store the drift that the Min Transaction run in the tables leaves."""
    left, part = drift(securities, positions) if failure == codes.OK else (DRIFT_FAILED, 0)
    search.progress[0].min_transaction_drift, search.progress[0].min_transaction_drift_part = left, part


@view_kernel
def drift(securities: Records, positions: Records) -> tuple[int, int]:
    """Return the sum of |weight - target| x V over the positions after the trades, an exact amount."""
    total, total_part = 0, 0
    for position in positions:
        cents, part = shortfall_to(securities[position.security], position, AIM)
        if cents < 0:
            cents, part = subtract_amounts(0, 0, cents, part)
        total, total_part = add_amounts(total, total_part, cents, part)
    return total, total_part


@view_kernel
def _after_cut(account: Records, securities: Records, positions: Records, search: Search) -> int:
    """Cut sells that pass the limits, else restart with slack or compare with Min Transaction; return the next run."""
    progress = search.progress[0]
    if has_limits(account):
        rows = relieve(account, securities, positions, search)
        if rows == LOTS_LACKING:
            progress.failure = codes.LOTS_DO_NOT_FIT
            return DONE
        if progress.rounds == 0:
            _note_free(securities, search, rows)
        if not within(account, search, rows):
            progress.is_limited = 1
            progress.rounds += 1
            reduce(account, securities, positions, search, progress.rounds > _PATIENCE)
            progress.slack_short = 0
            progress.slack_total = 0
            return RUN_BEST_FIT
        if progress.is_limited and _restart(account, securities, positions, search, rows):
            return RUN_BEST_FIT
    if progress.min_transaction_drift == DRIFT_FAILED or progress.failure not in (codes.OK, codes.CASH_SHORTFALL):
        return DONE
    if progress.failure == codes.OK:
        left, part = drift(securities, positions)
        if not is_more(left, part, progress.min_transaction_drift, progress.min_transaction_drift_part):
            return DONE
    rows = relieve(account, securities, positions, search)
    if rows == LOTS_LACKING:
        return DONE
    progress.cut_gain = estimated(search, rows)
    progress.cut_failure = progress.failure
    _lift_caps(securities, search)
    progress.purpose = _COMPARE
    return RUN_MIN_TRANSACTION


@view_kernel
def _restart(account: Records, securities: Records, positions: Records, search: Search, rows: int) -> bool:
    """Set the caps for a restart of Best Fit with slack; return False when there is none.

    Sells that raise cash instead may realise losses, which free budget.  The first restart adds half of the freed
    budget as slack, later ones half of the rest: the more is kept, the less is sold instead.  A restart that brings
    neither cash nearer to the reserve nor the account nearer to target is undone; the next one adds half as much.
    """
    progress = search.progress[0]
    lack = max(0, account.reserve - account.cash_now)
    left, part = drift(securities, positions)
    if progress.restarts > _RESTARTS:
        return False
    is_nearer = is_more(progress.drift, progress.drift_part, left, part)
    is_worse = lack > progress.lack or (lack == progress.lack and not is_nearer)
    if progress.restarts > 0 and is_worse:
        _halve_slack(securities, search)
        return True
    short, total, _ = counted(search, rows)
    short = max(0, kept_gain(search, len(securities), SHORT) - short - progress.more_short)
    total = max(0, kept_gain(search, len(securities), TOTAL) - total - progress.more_total)
    progress.restarts += 1
    if progress.restarts > _RESTARTS or (short == 0 and total == 0):
        return False
    progress.added_short, progress.added_total = (short + 1) // 2, (total + 1) // 2
    _add_slack(search, progress.added_short, progress.added_total)
    progress.lack = lack
    progress.drift, progress.drift_part = left, part
    _lift_caps(securities, search)
    return True


@view_kernel
def _halve_slack(securities: Records, search: Search) -> None:
    """Undo the last restart; set the caps for one with half of its slack, or, after the last, those before it."""
    progress = search.progress[0]
    progress.restarts += 1
    short, total = progress.added_short // 2, progress.added_total // 2
    if progress.restarts > _RESTARTS or (short == 0 and total == 0):
        progress.restarts = _RESTARTS + 1
        _restore_caps(securities, search)
        return
    _add_slack(search, short - progress.added_short, total - progress.added_total)
    progress.added_short, progress.added_total = short, total
    for security in securities:
        security.cap = NO_CAP


@view_kernel
def _add_slack(search: Search, short: int, total: int) -> None:
    """Add cents to the slack beyond the budgets."""
    progress = search.progress[0]
    progress.more_short += short
    progress.more_total += total
    progress.slack_short, progress.slack_total = progress.more_short, progress.more_total


@view_kernel
def _lift_caps(securities: Records, search: Search) -> None:
    for index in range(len(securities)):
        search.sells[index].cap_before = securities[index].cap
        securities[index].cap = NO_CAP


@view_kernel
def _restore_caps(securities: Records, search: Search) -> None:
    for index in range(len(securities)):
        securities[index].cap = search.sells[index].cap_before


@view_kernel
def _note_free(securities: Records, search: Search, rows: int) -> None:
    """Store what Best Fit trades, and the gains it counts, without limits."""
    search.progress[0].free_short, search.progress[0].free_total, _ = counted(search, rows)
    for index in range(len(securities)):
        search.sells[index].free_sell = securities[index].sell
        search.sells[index].free_buy = securities[index].buy


@view_kernel
def _after_comparison(account: Records, securities: Records, positions: Records, search: Search) -> int:
    """Keep Min Transaction's trades, which end nearer to target, where the limits allow them.

    Without a binding limit only where they also realise less, for neither other logic may be better in both; or where
    Best Fit does not reach the reserve.
    """
    progress = search.progress[0]
    rows = relieve(account, securities, positions, search)
    is_wanted = progress.is_limited or progress.cut_failure != codes.OK or estimated(search, rows) < progress.cut_gain
    if rows != LOTS_LACKING and is_wanted and within(account, search, rows):
        return DONE
    _restore_caps(securities, search)
    progress.purpose = _RESTORE
    return RUN_BEST_FIT

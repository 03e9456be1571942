"""The compiled loop over a chunk's accounts: prepare each account once, then compute every requested logic."""

from services.proposer.domain import codes
from services.proposer.domain import layout as at
from services.proposer.domain.account import prepare
from services.proposer.domain.best_fit import best_fit
from services.proposer.domain.layout import Ints
from services.proposer.domain.min_transaction import min_transaction
from services.proposer.domain.summary import outcome, write_failure, write_proposal
from services.proposer.domain.tax_aware.gains import Search, assign_lots
from services.proposer.domain.tax_aware.search import (
    DONE,
    RUN_BEST_FIT,
    RUN_MIN_TRANSACTION,
    after_run,
    begin,
    note_other,
)
from shared.contracts.codes import Logic
from shared.fixed_point.compiled import entry_kernel, view_kernel

_BEST_FIT = int(Logic.BEST_FIT)
_MIN_TRANSACTION = int(Logic.MIN_TRANSACTION)
_TAX_AWARE = int(Logic.TAX_AWARE)
LOGICS = (Logic.BEST_FIT, Logic.MIN_TRANSACTION, Logic.TAX_AWARE)  # that trade() computes


@entry_kernel
def run(
    accounts: Ints,
    securities: Ints,
    security_starts: Ints,
    positions: Ints,
    position_starts: Ints,
    search: Search,
    lot_starts: Ints,
    logics: Ints,
    proposals: Ints,
    trades: Ints,
    trade_starts: Ints,
    orders: Ints,
    order_starts: Ints,
) -> None:
    """Propose for n accounts; row i of `proposals` is account i // len(logics) and logic i % len(logics).

    *_starts[n + 1]: where the rows of each account begin.  Sleeve trades and orders stand by account, then logic.
    A failing account does not affect the others.
    """
    traded, ordered = 0, 0
    for account in range(len(accounts)):
        acc = accounts[account]
        sec = securities[security_starts[account] : security_starts[account + 1]]
        pos = positions[position_starts[account] : position_starts[account + 1]]
        trade_starts[account] = traded
        order_starts[account] = ordered
        prepare(acc, sec, pos)
        assign_lots(sec, pos, search, lot_starts[account], lot_starts[account + 1])
        for index in range(len(logics)):
            row = proposals[account * len(logics) + index]
            failure = acc[at.A_FAILURE]
            if failure == codes.OK:
                failure = trade(acc, sec, pos, search, logics[index])
            if failure != codes.OK:
                write_failure(acc, sec, logics[index], failure, row)
                continue
            more, most = write_proposal(acc, sec, pos, logics[index], row, trades[traded:], orders[ordered:])
            traded += more
            ordered += most
    trade_starts[len(accounts)] = traded
    order_starts[len(accounts)] = ordered


@view_kernel
def trade(acc: Ints, sec: Ints, pos: Ints, search: Search, logic: int) -> int:
    """Compute one logic of a prepared account; return OK or why it fails."""
    acc[at.A_LIMITED] = 0
    sec[:, at.S_CAP] = at.NO_CAP
    following = RUN_BEST_FIT if logic == _BEST_FIT else RUN_MIN_TRANSACTION
    if logic == _TAX_AWARE:
        following = begin(acc)
    while True:
        if following == RUN_BEST_FIT:
            best_fit(acc, sec, pos)
        else:
            min_transaction(acc, sec, pos)
        failure = outcome(acc, sec, pos)
        if logic == _MIN_TRANSACTION:
            note_other(acc, sec, pos, failure)
        if logic != _TAX_AWARE:
            return failure
        following = after_run(acc, sec, pos, search, failure)
        if following == DONE:
            return int(acc[at.A_FAILED])

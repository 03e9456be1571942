"""The compiled loop over a chunk's accounts: prepare each account once, then compute every requested logic."""

from typing import Final

from services.proposer.domain import codes
from services.proposer.domain.best_fit import best_fit
from services.proposer.domain.edits import apply_edits
from services.proposer.domain.min_transaction import min_transaction
from services.proposer.domain.prepare import prepare
from services.proposer.domain.records import Accounts, Ints, Proposals
from services.proposer.domain.summary import outcome, write_failure, write_proposal
from services.proposer.domain.tax_aware.records import Search
from services.proposer.domain.tax_aware.search import (
    DONE,
    RUN_BEST_FIT,
    RUN_MIN_TRANSACTION,
    after_run,
    first_run,
    note_min_transaction,
    start_account,
    start_logic,
)
from shared.contracts.codes import Logic
from shared.fixed_point.compiled import entry_kernel, view_kernel
from shared.fixed_point.records import Records

_BEST_FIT: Final = int(Logic.BEST_FIT)
_MIN_TRANSACTION: Final = int(Logic.MIN_TRANSACTION)
_TAX_AWARE: Final = int(Logic.TAX_AWARE)
LOGICS: Final[tuple[Logic, ...]] = (Logic.BEST_FIT, Logic.MIN_TRANSACTION, Logic.TAX_AWARE)  # that trade() computes


@entry_kernel
def run(accounts: Accounts, search: Search, logics: Ints, proposals: Proposals) -> None:
    """Propose for every account and logic (values of `Logic`).  A failing account does not affect the others."""
    traded, ordered = 0, 0
    for index in range(len(accounts.rows)):
        account = accounts.rows[index]
        securities = accounts.securities[accounts.security_starts[index] : accounts.security_starts[index + 1]]
        positions = accounts.positions[accounts.position_starts[index] : accounts.position_starts[index + 1]]
        proposals.trade_starts[index] = traded
        proposals.order_starts[index] = ordered
        prepare(account, securities, positions)
        start_account(securities, positions, search, accounts.lot_starts[index], accounts.lot_starts[index + 1])
        for number in range(len(logics)):
            row = proposals.rows[index * len(logics) + number]
            row.logic = logics[number]
            row.failure = account.failure
            if row.failure == codes.OK:
                row.failure = trade(account, securities, positions, search, logics[number])
            if row.failure == codes.OK:
                row.failure = apply_edits(account, securities, positions, logics[number])
            if row.failure != codes.OK:
                write_failure(account, securities, search, row)
                continue
            trades, orders = proposals.trades[traded:], proposals.orders[ordered:]
            more, most = write_proposal(account, securities, positions, search, row, trades, orders)
            traded += more
            ordered += most
    proposals.trade_starts[len(accounts.rows)] = traded
    proposals.order_starts[len(accounts.rows)] = ordered


@view_kernel
def trade(account: Records, securities: Records, positions: Records, search: Search, logic: int) -> int:
    """Compute one logic of a prepared account; return OK or why it fails."""
    start_logic(securities, search)
    following = RUN_BEST_FIT if logic == _BEST_FIT else RUN_MIN_TRANSACTION
    if logic == _TAX_AWARE:
        following = first_run(search)
    while True:
        if following == RUN_BEST_FIT:
            best_fit(account, securities, positions)
        else:
            min_transaction(account, securities, positions)
        failure = outcome(account, securities, positions)
        if logic == _MIN_TRANSACTION:
            note_min_transaction(account, securities, positions, search, failure)
        if logic != _TAX_AWARE:
            return failure
        following = after_run(account, securities, positions, search, failure)
        if following == DONE:
            return int(search.progress[0].failure)

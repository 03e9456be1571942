"""Attaches facts, targets and prices to requests, or the reason why an account cannot be proposed.

A failure concerns its own account and never stops the chunk.  Source: product 3, 4; architecture "Request path".
"""

from collections.abc import Sequence
from itertools import accumulate
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from services.analyzer.columns import evaluation, facts_rows
from services.analyzer.columns.facts_rows import Failure, NestedColumns, RequestedAccounts
from services.analyzer.columns.holds import holds, named
from services.analyzer.domain import messages
from services.analyzer.domain import request as joining
from services.analyzer.domain.layout import Setting
from services.analyzer.operations.context import Contexts
from services.analyzer.settings import SERVICE
from services.analyzer.store import facts, security_master
from services.analyzer.store.database import Database, Session
from services.analyzer.store.names import PORTFOLIO, SECURITY, SLEEVE, Names
from shared.columnar import joined
from shared.contracts.codes import FlagState
from shared.contracts.topics import Topic
from shared.kafka import messages as kafka_messages
from shared.kafka.isolation import isolate_rows, too_large
from shared.kafka.messages import Chunk, Outgoing
from shared.runtime import trace

_STATE_FAILURES: Final = {
    FlagState.OFF: Failure("OFF", "The rebalancer is off for this account."),
    FlagState.SETTLING: Failure("SETTLING", "Orders were sent and are not yet seen in a custodian file."),
    FlagState.NO_TARGET: Failure("NO_TARGET", "The account has no target; liquidating it must be confirmed."),
}
_OWN_FAILURES: Final = (messages.MISSING_PRICE, messages.STALE_PRICE, messages.VALUE_NOT_POSITIVE, messages.VALUE_LIMIT)


class Attacher:
    """Attaches facts to chunks of requests."""

    def __init__(self, database: Database, names: Names, contexts: Contexts) -> None:
        self._database = database
        self._names = names
        self._contexts = contexts

    def messages(self, group: Sequence[Chunk], results: Topic) -> list[Outgoing]:
        """Return the FACTS chunks of these REQUEST chunks for the topic `results`, metadata handed on.

        An account at which our own code raises fails alone with OUR_FAULT.  Raises TooMany.
        """
        requests = joined([chunk.rows for chunk in group])
        with self._database.session() as session:

            def attach_part(part: pa.RecordBatch) -> pa.RecordBatch:
                return attach(session, self._names, self._contexts, part)

            attached = isolate_rows("attach facts", requests, attach_part, facts_rows.unattached)
        sizes = [chunk.rows.num_rows for chunk in group]
        batches = [attached.slice(end - size, size) for size, end in zip(sizes, accumulate(sizes), strict=True)]
        found = [self._chunks(results, rows, chunk) for rows, chunk in zip(batches, group, strict=True)]
        return [message for chunks in found for message in chunks]

    def _chunks(self, results: Topic, rows: pa.RecordBatch, request: Chunk) -> list[Outgoing]:
        fail = too_large(facts_rows.unattached)
        at = self._contexts.now()
        with trace.within(request.span):
            return kafka_messages.result_chunks(results, rows, request.meta, source=SERVICE, at=at, too_large=fail)


def attach(session: Session, names: Names, contexts: Contexts, request: pa.RecordBatch) -> pa.RecordBatch:
    """Return the FACTS rows of a REQUEST chunk, in its order."""
    rows = facts.read_rows(session, facts.BY_IDS, request.column("account_id").to_pylist())
    context = contexts.of(session, rows, "proposal")
    measured = evaluation.measure(rows, context)
    row_of = {account_id: row for row, account_id in enumerate(rows.account_id.to_pylist())}
    row_index = np.array([row_of.get(name, -1) for name in request.column("account_id").to_pylist()], np.int64)
    accounts = RequestedAccounts(rows, context, measured, row_index)
    failures = _failures(session, names, accounts, request)
    nested, missing = _nested(session, names, accounts, np.array([failure is None for failure in failures], bool))
    for index, security_id in missing.items():
        failures[index] = Failure("UNKNOWN_SECURITY", f"{security_id} is not in the security master.")
    return facts_rows.facts_rows(request, accounts, failures, nested)


def _failures(
    session: Session, names: Names, accounts: RequestedAccounts, request: pa.RecordBatch
) -> list[Failure | None]:
    rows, out = accounts.rows, accounts.measured.out
    portfolios, securities = named(rows, accounts.measured)
    portfolio_ids = names.ids(session, PORTFOLIO, sorted(portfolios))
    security_ids = names.ids(session, SECURITY, sorted(securities))
    codes, texts = holds(rows, accounts.context, accounts.measured, portfolio_ids, security_ids)
    epochs, requested_epochs = rows.ints("a.epoch"), request.column("epoch").to_numpy()
    liquidate = [bool(confirmed) for confirmed in request.column("liquidate").to_pylist()]
    found: list[Failure | None] = []
    for index, row in enumerate(accounts.row_index.tolist()):
        if row < 0:
            found.append(Failure("UNKNOWN_ACCOUNT", "The analyzer knows nothing of this account yet."))
        elif epochs[row] != requested_epochs[index]:
            found.append(Failure("STALE", "The account has been rebalanced since it was requested."))
        else:
            state = FlagState(int(out[row].state))
            found.append(_failure_of(state, codes[row], texts[row], liquidate[index]))
            if found[-1] is None and rows.settings[row, Setting.DO_NOT_TRADE]:
                found[-1] = Failure("RESTRICTED", "It is marked do not trade; lift that restriction to propose for it.")
    return found


def _failure_of(state: FlagState, code: str | None, text: str | None, liquidate: bool) -> Failure | None:
    """Return why an account in this state cannot be proposed; a hold by the evaluation itself keeps its own code."""
    if state is FlagState.HELD:
        own = code if code is not None and code in _OWN_FAILURES else "DATA_HOLD"
        return Failure(own, text or "The account is held.")
    if state is FlagState.NO_TARGET and liquidate:
        return None
    return _STATE_FAILURES.get(state)


def _nested(
    session: Session, names: Names, accounts: RequestedAccounts, good: NDArray[np.bool_]
) -> tuple[NestedColumns, dict[int, str]]:
    """Return the nested columns (empty where an account fails), and unknown securities by requested account."""
    chosen = accounts.row_index[good]
    holdings = facts_rows.take(accounts.rows.holdings, chosen)
    restrictions = facts_rows.take(accounts.rows.restrictions, chosen)
    heads, targets = facts_rows.targets_with_none(accounts.measured)
    target_of = facts_rows.target_rows_of(accounts.measured.target_of[chosen], heads)
    security_nos, sleeve_nos = joining.numbers_named(restrictions, holdings, targets)
    security_ids, sleeve_ids = names.ids(session, SECURITY, security_nos), names.ids(session, SLEEVE, sleeve_nos)
    master = security_master.securities(session, security_nos.tolist())
    micro = accounts.context.prices.micro
    roles = joining.AccountRoles(facts_rows.take(accounts.rows.own_roles, chosen), accounts.context.securities.roles)
    priced = {int(number) for number in security_nos if number < len(micro) and micro[number] > 0}
    positions = joining.join(
        accounts.rows.settings[chosen],
        joining.without_substitutes(restrictions, priced & master.keys(), roles),
        holdings,
        target_of,
        heads,
        targets,
        joining.ranks(security_ids),
        joining.ranks(sleeve_ids),
    )
    nested = facts_rows.nested_columns(
        positions,
        good,
        facts_rows.security_columns(
            positions,
            security_nos,
            master,
            names.id_column(session, SECURITY, positions.security_no),
            accounts.context,
            roles,
        ),
        names.id_column(session, SLEEVE, positions.sleeve_no),
    )
    if len(master) == len(security_nos):
        return nested, {}
    owner = np.repeat(np.flatnonzero(good), np.diff(positions.security_starts))
    unknown = {
        int(account): security_ids[int(number)]
        for account, number in zip(owner, positions.security_no, strict=True)
        if int(number) not in master
    }
    return nested, unknown

"""Accounts of a batch: one guarded statement changes many of them at once."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final

from psycopg.rows import namedtuple_row
from sqlalchemy import Row, Select, cast, func, select, text, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.elements import ColumnElement

from services.batch.domain.figures import FIGURES
from services.batch.domain.states import AccountState, AccountTransition, account_after, states_allowing
from services.batch.store.database import driver
from services.batch.store.tables import BATCH_ACCOUNT, stored_figure

_M = BATCH_ACCOUNT.c
_RETURNED: Final = (_M.account_id, _M.enterprise_id, _M.advisor_id, _M.epoch)
_NO_RESULT: Final = dict.fromkeys(
    (*FIGURES, "chunk_id", "row_no", "remarks", "stale_code", "stale_text", "washes", "earlier_losses", "gain_excesses")
)

_READ_ALL: Final = (
    f"SELECT {', '.join(column.name for column in _M)} FROM batch_account"  # noqa: S608  # column names
    " WHERE batch_id = %(batch_id)s ORDER BY place"
)
_RAISE_EPOCHS = text(
    "UPDATE account a SET epoch = a.epoch + 1, last_rebalanced = :trade_date FROM batch_account m"
    " WHERE m.batch_id = :batch_id AND m.state = 'APPROVED' AND a.account_id = m.account_id AND a.epoch = m.epoch"
)


async def apply(
    connection: AsyncConnection,
    batch_id: int,
    transition: AccountTransition,
    matching: Sequence[ColumnElement[bool]] = (),
    **values: Any,
) -> Sequence[Row[Any]]:
    """Apply a transition to every matching account whose state allows it; return them by account id.

    values: further columns to set.  The table in domain.states says which states allow it and what they become.
    """
    before = states_allowing(transition)
    (after,) = {account_after(AccountState(state), transition) for state in before}
    is_open = after in (AccountState.WORKING, AccountState.PROPOSED)
    statement = (
        update(BATCH_ACCOUNT)
        .where(_M.batch_id == batch_id, _M.state.in_(before), *matching)
        .values(state=str(after), open=is_open, **values)
        .returning(*_RETURNED, _M.liquidate, _M.attempt, _M.place, _M.edit)
    )
    rows = (await connection.execute(statement)).all()
    return sorted(rows, key=lambda row: str(row.account_id))


async def approve(connection: AsyncConnection, batch_id: int, trade_date: date) -> int:
    """Approve every proposed account: freeze it, raise its epoch and set its last rebalance; return how many.

    The caller holds the locks of the accounts, see `staleness.count_unmarked`.  Raises RuntimeError if not every
    approved account has the epoch it went into the batch with.
    """
    approved = await apply(connection, batch_id, AccountTransition.APPROVE, frozen=True)
    values = {"batch_id": batch_id, "trade_date": trade_date}
    raised = (await connection.execute(_RAISE_EPOCHS, values)).rowcount
    if raised != len(approved):
        raise RuntimeError(f"batch {batch_id}: {len(approved)} accounts approved, {raised} epochs raised")
    return len(approved)


async def repropose(
    connection: AsyncConnection, batch_id: int, matching: Sequence[ColumnElement[bool]], now: datetime
) -> Sequence[Row[Any]]:
    """Empty the stale matching accounts of their results and edits and mark them as sent again; return them."""
    stale = [_M.stale_code.is_not(None), *matching]
    return await _again(connection, batch_id, AccountTransition.REPROPOSE, stale, None, now)


async def edit(
    connection: AsyncConnection, batch_id: int, account_id: str, edit: str | None, now: datetime
) -> Sequence[Row[Any]]:
    """Give a proposed account an edit, None takes it away, and mark it as sent again without a result; return it."""
    return await _again(connection, batch_id, AccountTransition.EDIT, [_M.account_id == account_id], edit, now)


async def drop_edits(connection: AsyncConnection, batch_id: int, now: datetime) -> Sequence[Row[Any]]:
    """Take the edits of proposed accounts away and mark these as sent again without a result; return them."""
    return await _again(connection, batch_id, AccountTransition.EDIT, [_M.edit.is_not(None)], None, now)


async def _again(
    connection: AsyncConnection,
    batch_id: int,
    transition: AccountTransition,
    matching: Sequence[ColumnElement[bool]],
    edit: str | None,
    now: datetime,
) -> Sequence[Row[Any]]:
    return await apply(
        connection,
        batch_id,
        transition,
        matching,
        attempt=_M.attempt + 1,
        first_attempt=_M.attempt + 1,
        sent_at=now,
        has_loss=False,
        edit=edit,
        **_NO_RESULT,
    )


async def send_again(
    connection: AsyncConnection, batch_id: int, sent_before: datetime, attempts: int, now: datetime
) -> Sequence[Row[Any]]:
    """Mark accounts without a result as sent again, except those sent `attempts` times; return them by attempt."""
    statement = (
        update(BATCH_ACCOUNT)
        .where(_M.batch_id == batch_id, _M.state == str(AccountState.WORKING), _M.sent_at <= sent_before)
        .where(_M.attempt - _M.first_attempt + 1 < attempts)
        .values(attempt=_M.attempt + 1, sent_at=now)
        .returning(*_RETURNED, _M.liquidate, _M.attempt, _M.edit)
    )
    rows = (await connection.execute(statement)).all()
    return sorted(rows, key=lambda row: (row.attempt, str(row.account_id)))


async def time_out(
    connection: AsyncConnection, batch_id: int, sent_before: datetime, attempts: int
) -> Sequence[Row[Any]]:
    """Fail the accounts without a result that were sent `attempts` times; return them."""
    sent_too_often = [_M.sent_at <= sent_before, _M.attempt - _M.first_attempt + 1 >= attempts]
    failure = {"failure_code": "TIMEOUT", "failure_text": "No answer came in time; propose the account again."}
    return await apply(connection, batch_id, AccountTransition.FAILURE, sent_too_often, **failure)


async def freeze(connection: AsyncConnection, batch_id: int) -> None:
    """Freeze every account row of a batch: triggers of the database refuse to change frozen rows."""
    await connection.execute(update(BATCH_ACCOUNT).where(_M.batch_id == batch_id, ~_M.frozen).values(frozen=True))


async def has_logic(connection: AsyncConnection, batch_id: int, logic: int) -> bool:
    """Return whether a logic was computed for every proposed account of a batch, be it that it could not propose."""
    refused = cast(_M.remarks, JSONB)[logic]["failure_code"].astext
    missing = select(func.count()).where(
        _M.batch_id == batch_id,
        _M.state == str(AccountState.PROPOSED),
        stored_figure("value_cents", logic).is_(None),
        refused.is_(None),
    )
    return int((await connection.execute(missing)).scalar_one()) == 0


async def was_proposed_again(connection: AsyncConnection, batch_id: int) -> bool:
    """Return whether proposals for accounts of a batch were requested again after they had become stale."""
    again = select(func.count()).where(_M.batch_id == batch_id, _M.first_attempt > 1)
    return int((await connection.execute(again)).scalar_one()) > 0


async def read_one(connection: AsyncConnection, batch_id: int, account_id: str) -> Row[Any] | None:
    """Return state, stale_code, edit, chunk_id and row_no of an account; None if it is not in the batch or in scope."""
    columns = (_M.state, _M.stale_code, _M.edit, _M.chunk_id, _M.row_no)
    query: Select[Any] = select(*columns).where(_M.batch_id == batch_id, _M.account_id == account_id)
    row: Row[Any] | None = (await connection.execute(query)).one_or_none()
    return row


async def read_for_request(connection: AsyncConnection, batch_id: int) -> Sequence[Row[Any]]:
    """Return the columns of every account of a batch that requests hold, by account id."""
    columns = (_M.account_id, _M.enterprise_id, _M.advisor_id, _M.epoch, _M.liquidate, _M.attempt)
    query: Select[Any] = select(*columns).where(_M.batch_id == batch_id).order_by(_M.account_id)
    rows: Sequence[Row[Any]] = (await connection.execute(query)).all()
    return rows


async def read_proposed(connection: AsyncConnection, batch_id: int) -> Sequence[Row[Any]]:
    """Return account_id, chunk_id and row_no of the proposed accounts of a batch, by account id."""
    columns = (_M.account_id, _M.chunk_id, _M.row_no)
    query: Select[Any] = select(*columns).where(_M.batch_id == batch_id, _M.state == str(AccountState.PROPOSED))
    rows: Sequence[Row[Any]] = (await connection.execute(query.order_by(_M.account_id))).all()
    return rows


async def read_all(connection: AsyncConnection, batch_id: int) -> Sequence[Row[Any]]:
    """Return every account row of a batch by position, with the figures of every logic as lists.

    Read by the driver alone: the toolkit would copy 200,000 lists of an approval of 10,000 accounts one by one, which
    takes longer than the approval itself.
    """
    async with (await driver(connection)).cursor(row_factory=namedtuple_row) as cursor:
        rows: Sequence[Any] = await (await cursor.execute(_READ_ALL, {"batch_id": batch_id})).fetchall()
    return rows

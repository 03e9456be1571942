"""Accounts of a batch: what happens to many of them at once, each in one guarded statement."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import pyarrow as pa
from sqlalchemy import Row, text, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.elements import ColumnElement

from services.batch.domain.states import AccountHappening, AccountState, account_after, accounts_open_to
from services.batch.store.database import copy_table, driver
from services.batch.store.tables import BATCH_ACCOUNT, FIGURES
from shared.contracts.codes import FlagState

_M = BATCH_ACCOUNT.c
_OUT: Final = (_M.account_id, _M.enterprise_id, _M.advisor_id, _M.epoch)

# Newer prices do not make a proposal stale; lots, targets, settings and holds do, and prices that were withdrawn,
# because then its figures were wrong.  Source: product 6; docs/decisions/0012-price-sets-wait-for-a-look.md.
_HELD, _OFF = int(FlagState.HELD), int(FlagState.OFF)


# An account that is another's now, or stands elsewhere, than when it went into the batch.
_MOVED: Final = (
    "CASE WHEN (a.enterprise_id, a.advisor_id) <> (m.enterprise_id, m.advisor_id) THEN 'MOVED'"
    " WHEN (a.custodian, a.account_number) <> (m.custodian, m.account_number) THEN 'CUSTODIAN'"
    " WHEN (a.custody = 'TAXABLE') <> m.taxable THEN 'CUSTODY' END"
)


_WITHDRAWN: Final = "SELECT w.price_set FROM withdrawn_prices w WHERE w.is_withdrawn"


def _stale(proposal: str) -> str:
    """Return what makes a proposal for member m stale, by its account a and its flag f, if any."""
    return (
        f"coalesce({_MOVED}, CASE WHEN f.state = {_HELD} THEN 'HELD' WHEN f.state = {_OFF} THEN 'OFF'"
        f" WHEN f.lots_version > {proposal}.lots_version THEN 'LOTS'"
        f" WHEN f.target_version > {proposal}.target_version THEN 'TARGET'"
        f" WHEN f.facts_version > {proposal}.facts_version THEN 'SETTINGS'"
        f" WHEN {proposal}.price_set IN ({_WITHDRAWN}) THEN 'PRICES' END)"
    )


def _stale_text(proposal: str) -> str:
    """Return the particulars of what `_stale` says, if any."""
    return (
        f"CASE {_stale(proposal)} WHEN 'HELD' THEN (SELECT hold_text FROM flag_detail d"  # noqa: S608  # names
        " WHERE d.account_id = f.account_id AND d.flag_version = f.flag_version)"
        f" WHEN 'PRICES' THEN 'price set ' || {proposal}.price_set END"
    )


_INCOMING_LIKE: Final = (
    "SELECT batch_id, account_id, attempt, epoch, false AS failed, failure_code, failure_text, chunk_id, row_no,"  # noqa: S608  # names
    " taxable, facts_version, lots_version, target_version, price_set, remarks, household, has_loss,"
    f" {', '.join(FIGURES)}"
    " FROM batch_account"
)
_FIGURES_SET: Final = ", ".join(f"{figure} = r.{figure}" for figure in FIGURES)
_ANSWER = text(
    "UPDATE batch_account m SET"  # noqa: S608  # column names
    f" state = CASE WHEN r.failed THEN '{AccountState.FAILED}' ELSE '{AccountState.PROPOSED}' END, open = NOT r.failed,"
    " failure_code = r.failure_code, failure_text = r.failure_text, chunk_id = r.chunk_id, row_no = r.row_no,"
    " taxable = r.taxable, facts_version = r.facts_version, lots_version = r.lots_version,"
    " target_version = r.target_version, price_set = r.price_set, remarks = r.remarks, household = r.household,"
    " has_loss = r.has_loss AND NOT r.failed, washes = NULL,"
    f" stale_code = CASE WHEN NOT r.failed THEN {_stale('r')} END,"
    f" stale_text = CASE WHEN NOT r.failed THEN {_stale_text('r')} END,"
    f" {_FIGURES_SET}"
    " FROM incoming_result r JOIN account a USING (account_id) LEFT JOIN flag f USING (account_id)"
    " WHERE m.batch_id = r.batch_id AND m.account_id = r.account_id AND m.state = 'WORKING'"
    " AND r.attempt >= m.first_attempt AND r.epoch = m.epoch"
    " RETURNING m.account_id, m.enterprise_id, m.advisor_id, m.epoch, m.state"
)
_TOUCHED = text(
    "SELECT DISTINCT m.batch_id FROM incoming_flag i JOIN flag f USING (account_id) JOIN account a USING (account_id)"  # noqa: S608  # names
    " JOIN batch_account m ON m.account_id = f.account_id AND m.open"
    f" WHERE m.state = 'WORKING' OR (m.stale_code IS NULL AND {_stale('m')} IS NOT NULL) ORDER BY m.batch_id"
)
_TOUCHED_BY_ACCOUNTS = text(
    "SELECT DISTINCT m.batch_id FROM incoming_account a JOIN batch_account m ON m.account_id = a.account_id AND m.open"  # noqa: S608  # names
    f" WHERE {_MOVED} IS NOT NULL ORDER BY m.batch_id"
)
_MARK_STALE = text(
    f"UPDATE batch_account m SET stale_code = {_stale('m')},"  # noqa: S608  # column names
    f" stale_text = {_stale_text('m')}"
    " FROM account a LEFT JOIN flag f USING (account_id)"
    " WHERE m.batch_id = :batch_id AND a.account_id = m.account_id AND m.state = 'PROPOSED'"
    f" AND m.stale_code IS NULL AND {_stale('m')} IS NOT NULL"
)
# In the order in which accounts are stored, so that the two never wait for one another in a circle.
_LOCK_PROPOSED = text(
    "SELECT account_id FROM account WHERE account_id IN"
    " (SELECT account_id FROM batch_account WHERE batch_id = :batch_id AND state = 'PROPOSED')"
    " ORDER BY account_id FOR NO KEY UPDATE"
)
_GONE: Final = f"(a.account_id IS NULL OR {_MOVED} IS NOT NULL)"
_UNMARKED = text(
    f"SELECT count(*) FILTER (WHERE {_GONE}) AS moved,"  # noqa: S608  # names
    f" count(*) FILTER (WHERE {_GONE} OR m.price_set IN ({_WITHDRAWN})) AS stale"
    " FROM batch_account m LEFT JOIN account a USING (account_id)"
    " WHERE m.batch_id = :batch_id AND m.state = 'PROPOSED'"
)
_NEW_EPOCHS = text(
    "UPDATE account a SET epoch = a.epoch + 1, last_rebalanced = :trade_date FROM batch_account m"
    " WHERE m.batch_id = :batch_id AND m.state = 'APPROVED' AND a.account_id = m.account_id AND a.epoch = m.epoch"
)
_NEW_CHUNK: Final = (
    "INSERT INTO result_chunk (batch_id, enterprise_ids, advisor_ids, sha256, value)"
    " VALUES (%(batch_id)s, %(enterprise_ids)s, %(advisor_ids)s, %(sha256)s, %(value)s) RETURNING chunk_id"
)


async def answer(connection: AsyncConnection, batch_id: int, rows: pa.Table) -> Sequence[Row[Any]]:
    """Put answers into the accounts that wait for them; return those accounts with their state.

    Answers to a request that was superseded, or for an account that no longer waits, change nothing: so a chunk may
    come any number of times.
    """
    of_batch = rows.append_column("batch_id", pa.array([batch_id] * rows.num_rows, pa.int64()))
    await copy_table(connection, "incoming_result", _INCOMING_LIKE, of_batch)
    return (await connection.execute(_ANSWER)).all()


async def add_chunks(connection: AsyncConnection, batch: Row[Any], values: Sequence[bytes]) -> list[int]:
    """Keep answered chunks as they came, for details and for the record; return their numbers."""
    of_batch = {
        "batch_id": batch.batch_id,
        "enterprise_ids": batch.enterprise_ids,
        "advisor_ids": batch.advisor_ids,
    }
    below = await driver(connection)
    async with below.cursor() as cursor:
        rows = [of_batch | {"value": value, "sha256": hashlib.sha256(value).digest()} for value in values]
        await cursor.executemany(_NEW_CHUNK, rows, returning=True)
        return [int(number) async for result in cursor.results() async for (number,) in result]


async def batches_touched(connection: AsyncConnection) -> list[int]:
    """Return batches in which the flags of this transaction may make proposals stale, in the order to lock them.

    Those with accounts still in work are among them, because an answer may be on its way in beside us.
    """
    return list((await connection.execute(_TOUCHED)).scalars())


async def batches_touched_by_accounts(connection: AsyncConnection) -> list[int]:
    """Return batches with accounts that those about to be stored make another's, in the order to lock them."""
    return list((await connection.execute(_TOUCHED_BY_ACCOUNTS)).scalars())


async def unmarked(connection: AsyncConnection, batch_id: int) -> Row[Any]:
    """Lock the proposed accounts of a locked batch; return how many of it are stale as it turns out.

    moved: those that are not what they were when they went into it; one that whoever asks may not see any more is among
    them.  stale: these, and those whose prices were withdrawn.
    """
    values = {"batch_id": batch_id}
    await connection.execute(_LOCK_PROPOSED, values)
    return (await connection.execute(_UNMARKED, values)).one()


async def mark_stale(connection: AsyncConnection, batch_id: int) -> int:
    """Mark proposals stale whose account moved, has newer facts or a hold, or whose prices were withdrawn; return how
    many."""
    return (await connection.execute(_MARK_STALE, {"batch_id": batch_id})).rowcount


async def happen(
    connection: AsyncConnection,
    batch_id: int,
    happening: AccountHappening,
    wanted: Sequence[ColumnElement[bool]] = (),
    **values: Any,
) -> Sequence[Row[Any]]:
    """Let something happen to every account that is open to it and wanted; return those accounts.

    Source of which states are open to it, and what they become: the table in domain.states.
    """
    before = accounts_open_to(happening)
    (after,) = {account_after(AccountState(state), happening) for state in before}
    is_open = after in (AccountState.WORKING, AccountState.PROPOSED)
    statement = (
        update(BATCH_ACCOUNT)
        .where(_M.batch_id == batch_id, _M.state.in_(before), *wanted)
        .values(state=str(after), open=is_open, **values)
        .returning(*_OUT, _M.liquidate, _M.attempt, _M.place)
    )
    rows = (await connection.execute(statement)).all()
    return sorted(rows, key=lambda row: str(row.account_id))


async def wait_again(
    connection: AsyncConnection, batch_id: int, sent_before: datetime, attempts: int, now: datetime
) -> Sequence[Row[Any]]:
    """Mark accounts that were not answered as sent again; return them. Those sent `attempts` times are left out."""
    statement = (
        update(BATCH_ACCOUNT)
        .where(_M.batch_id == batch_id, _M.state == str(AccountState.WORKING), _M.sent_at <= sent_before)
        .where(_M.attempt - _M.first_attempt + 1 < attempts)
        .values(attempt=_M.attempt + 1, sent_at=now)
        .returning(*_OUT, _M.liquidate, _M.attempt)
    )
    rows = (await connection.execute(statement)).all()
    return sorted(rows, key=lambda row: (row.attempt, str(row.account_id)))


def sent_too_often(sent_before: datetime, attempts: int) -> list[ColumnElement[bool]]:
    """Return the predicate of accounts that were sent `attempts` times and not answered."""
    return [_M.sent_at <= sent_before, _M.attempt - _M.first_attempt + 1 >= attempts]


async def begin_new_epochs(connection: AsyncConnection, batch_id: int, trade_date: Any) -> int:
    """Raise the epoch of every approved account and set its last rebalance; return how many.

    Whoever calls holds the locks of the accounts: see `unmarked`.
    """
    values = {"batch_id": batch_id, "trade_date": trade_date}
    return (await connection.execute(_NEW_EPOCHS, values)).rowcount


async def freeze(connection: AsyncConnection, batch_id: int) -> None:
    """Freeze every account row of a batch: from here on the database refuses to change them."""
    await connection.execute(update(BATCH_ACCOUNT).where(_M.batch_id == batch_id, ~_M.frozen).values(frozen=True))


async def mark_logic(connection: AsyncConnection, batch_id: int, logic: int) -> None:
    """Mark proposals that the logic now in force could not make as stale, and lift that mark from the others."""
    await connection.execute(_LIFT_LOGIC, {"batch_id": batch_id})
    await mark_stale(connection, batch_id)  # what became stale meanwhile stays so
    await connection.execute(_MARK_LOGIC, {"batch_id": batch_id, "logic": logic})


_LIFT_LOGIC = text(
    "UPDATE batch_account SET stale_code = NULL, stale_text = NULL"
    " WHERE batch_id = :batch_id AND state = 'PROPOSED' AND stale_code = 'LOGIC'"
)
_MARK_LOGIC = text(
    "UPDATE batch_account SET stale_code = 'LOGIC', stale_text = remarks::jsonb -> :logic ->> 'failure_text'"
    " WHERE batch_id = :batch_id AND state = 'PROPOSED' AND stale_code IS NULL"
    " AND remarks::jsonb -> :logic ->> 'failure_code' IS NOT NULL"
)

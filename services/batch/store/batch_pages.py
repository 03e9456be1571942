"""Batches as lists and pages show them, each as far as the scope goes; this module only reads."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.batch.store import seen_batches
from services.batch.store.database import sees
from services.batch.store.tables import BATCH, BATCH_ACCOUNT
from shared.contracts.tenancy import Scope


async def read(connection: AsyncConnection, scope: Scope, batch_id: int) -> Row[Any] | None:
    """Return the row of a batch as `seen_batches.shown`; None if it does not exist or no account of it is in scope."""
    named = select(BATCH.c.batch_id).where(seen_batches.visible(scope), BATCH.c.batch_id == batch_id)
    row: Row[Any] | None = (await connection.execute(seen_batches.shown(scope, named))).one_or_none()
    return row


async def read_list(
    connection: AsyncConnection, scope: Scope, statuses: Sequence[str], page: int, size: int
) -> tuple[Sequence[Row[Any]], int]:
    """Return a page (from 1) of batches with one of the statuses, newest first, and how many there are in all."""
    newest = BATCH.c.batch_id.desc()
    matching = (seen_batches.visible(scope), BATCH.c.status.in_(statuses))
    named = select(BATCH.c.batch_id).where(*matching).order_by(newest).limit(size).offset((page - 1) * size)
    total = select(func.count()).select_from(BATCH).where(*matching)
    rows: Sequence[Row[Any]] = (await connection.execute(seen_batches.shown(scope, named).order_by(newest))).all()
    return rows, int((await connection.execute(total)).scalar_one())


async def read_of_account(connection: AsyncConnection, scope: Scope, account_id: str, limit: int) -> Sequence[Row[Any]]:
    """Return the decided batches an account was in, newest first, each with `account_state`."""
    member, newest = BATCH_ACCOUNT.c, BATCH.c.batch_id.desc()
    mine = (sees(scope, BATCH_ACCOUNT), member.account_id == account_id, ~member.open)
    named = (
        select(BATCH.c.batch_id)
        .select_from(BATCH.join(BATCH_ACCOUNT, member.batch_id == BATCH.c.batch_id))
        .where(*mine, BATCH.c.decided_at.is_not(None))
        .order_by(newest)
        .limit(limit)
    )
    state = select(member.state).where(*mine, member.batch_id == BATCH.c.batch_id).scalar_subquery()
    query = seen_batches.shown(scope, named, state.label("account_state")).order_by(newest)
    rows: Sequence[Row[Any]] = (await connection.execute(query)).all()
    return rows

"""Batches as lists and pages show them, each as far as the scope goes; this module only reads."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Select, Subquery, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.batch.domain.filters import Clause, SortOrder
from services.batch.store import seen_batches
from services.batch.store.batch_filters import batch_columns, batches_matching
from services.batch.store.database import sees
from services.batch.store.tables import BATCH, BATCH_ACCOUNT
from shared.contracts.tenancy import Scope


@dataclass(frozen=True)
class BatchFilter:
    """Which batches are listed: those with one of the statuses that all clauses and the search text leave."""

    statuses: Sequence[str]
    clauses: Sequence[Clause] = ()
    search: str = ""


async def read(connection: AsyncConnection, scope: Scope, batch_id: int) -> Row[Any] | None:
    """Return the row of a batch as `seen_batches.shown`; None if it does not exist or no account of it is in scope."""
    named = select(BATCH.c.batch_id).where(seen_batches.visible(scope), BATCH.c.batch_id == batch_id)
    row: Row[Any] | None = (await connection.execute(seen_batches.shown(scope, named))).one_or_none()
    return row


async def read_list(
    connection: AsyncConnection, scope: Scope, asked: BatchFilter, order: SortOrder, page: int, size: int
) -> tuple[Sequence[Row[Any]], int]:
    """Return a page (from 1) of the batches that match, and how many there are in all."""
    rows = (await connection.execute(listed(scope, asked, order).limit(size).offset((page - 1) * size))).all()
    return rows, await count(connection, scope, asked)


def listed(scope: Scope, asked: BatchFilter, order: SortOrder) -> Select[Any]:
    """Return the query of the whole list, of which a page is a part.

    What has no value comes last either way; of equal ones the newest comes first.
    """
    seen = _seen(scope, asked)
    by = batch_columns(seen.c)[order.field]
    first = (by.desc() if order.down else by.asc()).nulls_last()
    matching = batches_matching(seen.c, asked.clauses, asked.search)
    return select(seen).where(*matching).order_by(first, seen.c.batch_id.desc())


async def count(connection: AsyncConnection, scope: Scope, asked: BatchFilter) -> int:
    """Return how many rows the whole list has."""
    seen = _seen(scope, asked)
    matching = batches_matching(seen.c, asked.clauses, asked.search)
    return int((await connection.execute(select(func.count()).select_from(seen).where(*matching))).scalar_one())


def _seen(scope: Scope, asked: BatchFilter) -> Subquery:
    """Return batches as the scope may see them: a filter on what it may not see would tell of it."""
    named = select(BATCH.c.batch_id).where(seen_batches.visible(scope), BATCH.c.status.in_(asked.statuses))
    return seen_batches.shown(scope, named).subquery("seen")


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

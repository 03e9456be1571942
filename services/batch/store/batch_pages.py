"""Batches as lists and pages show them; this module only reads."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.elements import ColumnElement

from services.batch.store.database import sees
from services.batch.store.tables import BATCH, BATCH_ACCOUNT, PARKED
from shared.contracts.tenancy import Scope

_COLUMNS: list[ColumnElement[Any]] = [*BATCH.c, PARKED.c.parked_at, PARKED.c.again_at]
_SHOWN = select(*_COLUMNS).select_from(BATCH.outerjoin(PARKED, PARKED.c.batch_id == BATCH.c.batch_id))


async def read(connection: AsyncConnection, scope: Scope, batch_id: int) -> Row[Any] | None:
    """Return the row of a batch, with when it was put aside; None if it does not exist or is out of scope."""
    query = _SHOWN.where(sees(scope, BATCH), BATCH.c.batch_id == batch_id)
    return (await connection.execute(query)).one_or_none()


async def read_list(
    connection: AsyncConnection, scope: Scope, statuses: Sequence[str], page: int, size: int
) -> tuple[Sequence[Row[Any]], int]:
    """Return a page (from 1) of batches with one of the statuses, newest first, and how many there are in all."""
    rows = (await connection.execute(listed(scope, statuses).limit(size).offset((page - 1) * size))).all()
    return rows, await count(connection, scope, statuses)


def listed(scope: Scope, statuses: Sequence[str]) -> Select[Any]:
    """Return the query of the whole list, of which a page is a part."""
    return _SHOWN.where(sees(scope, BATCH), BATCH.c.status.in_(statuses)).order_by(BATCH.c.batch_id.desc())


async def count(connection: AsyncConnection, scope: Scope, statuses: Sequence[str]) -> int:
    """Return how many rows the whole list has."""
    query = select(func.count()).select_from(BATCH).where(sees(scope, BATCH), BATCH.c.status.in_(statuses))
    return int((await connection.execute(query)).scalar_one())


async def read_of_account(connection: AsyncConnection, scope: Scope, account_id: str, limit: int) -> Sequence[Row[Any]]:
    """Return the decided batches an account was in, newest first, each with `account_state`."""
    member = BATCH_ACCOUNT.c
    columns: list[ColumnElement[Any]] = [*BATCH.c, member.state.label("account_state")]
    query = (
        select(*columns)
        .select_from(BATCH.join(BATCH_ACCOUNT, member.batch_id == BATCH.c.batch_id))
        .where(sees(scope, BATCH), sees(scope, BATCH_ACCOUNT), member.account_id == account_id, ~member.open)
        .where(BATCH.c.decided_at.is_not(None))
        .order_by(BATCH.c.batch_id.desc())
        .limit(limit)
    )
    return (await connection.execute(query)).all()

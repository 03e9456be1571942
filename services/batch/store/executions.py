"""Executions of orders, as the platform reported them last: beside what was approved, which stays as it is frozen."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pyarrow as pa
from sqlalchemy import Row, Select, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.batch.domain.states import AccountState
from services.batch.store.database import copy_table, is_any, sees
from services.batch.store.filters import figure
from services.batch.store.tables import BATCH_ACCOUNT, EXECUTION
from shared.contracts.tenancy import Scope

_E, _M = EXECUTION.c, BATCH_ACCOUNT.c
_FIELDS: Final = ", ".join(column.name for column in _E)
_CHANGED: Final = ", ".join(f"{column.name} = excluded.{column.name}" for column in _E if column.name != "order_id")

_APPROVED: Final = text(
    "SELECT m.batch_id, m.account_id, m.enterprise_id, m.advisor_id, m.epoch,"
    " m.chunk_id, m.row_no, b.logic, b.decided_at < i.begun_at AS is_of_before"
    " FROM incarnation i, unnest(CAST(:batches AS bigint[]), CAST(:accounts AS text[]))"
    " AS named (batch_id, account_id) JOIN batch_account m USING (batch_id, account_id) JOIN batch b USING (batch_id)"
    " WHERE m.state = 'APPROVED' ORDER BY m.chunk_id, m.row_no"
)
_KNOWN: Final = text(
    "SELECT order_id, batch_id, account_id, security_id, version, content FROM execution WHERE order_id = ANY(:orders)"
)
_PUT: Final = text(
    f"INSERT INTO execution ({_FIELDS}) SELECT {_FIELDS} FROM incoming_execution ORDER BY order_id"  # noqa: S608  # names
    f" ON CONFLICT (order_id) DO UPDATE SET {_CHANGED} WHERE execution.version < excluded.version"
)


async def approved(connection: AsyncConnection, named: set[tuple[int, str]]) -> Sequence[Row[Any]]:
    """Return the approved accounts among those named by batch and account, with where their result is kept."""
    batches, accounts = [batch for batch, _ in named], [account for _, account in named]
    return (await connection.execute(_APPROVED, {"batches": batches, "accounts": accounts})).all()


async def known(connection: AsyncConnection, orders: Sequence[str]) -> Sequence[Row[Any]]:
    """Return what is stored of orders: whose each is, its version and the digest of its event."""
    return (await connection.execute(_KNOWN, {"orders": list(orders)})).all()


async def put(connection: AsyncConnection, rows: pa.Table) -> None:
    """Store reports, each of an order of its own; the newest version wins.  rows: columns of the table `execution`."""
    await copy_table(connection, "incoming_execution", f"SELECT {_FIELDS} FROM execution", rows)  # noqa: S608  # names
    await connection.execute(_PUT)


async def counts(
    connection: AsyncConnection, scope: Scope, batch_id: int, accounts: Sequence[str]
) -> Mapping[str, Mapping[str, int]]:
    """Return how many orders of each account were reported with each status; accounts without any are left out."""
    query: Select[Any] = (
        select(_E.account_id, _E.status, func.count())
        .where(sees(scope, EXECUTION), _E.batch_id == batch_id, is_any(_E.account_id, accounts))
        .group_by(_E.account_id, _E.status)
    )
    found: dict[str, dict[str, int]] = {}
    for account_id, status, count in await connection.execute(query):
        found.setdefault(account_id, {})[status] = count
    return found


async def counts_of_batch(connection: AsyncConnection, scope: Scope, batch_id: int) -> Mapping[str, int]:
    """Return how many orders of a batch were reported with each status."""
    query: Select[Any] = (
        select(_E.status, func.count().label("orders"))
        .where(sees(scope, EXECUTION), _E.batch_id == batch_id)
        .group_by(_E.status)
    )
    return {row.status: row.orders for row in await connection.execute(query)}


async def orders_of_batch(connection: AsyncConnection, scope: Scope, batch_id: int, logic: int) -> int:
    """Return how many orders the approval of a batch sent.  logic: the one that was approved."""
    orders = func.sum(figure("buys", logic) + figure("sells", logic))
    query: Select[Any] = select(func.coalesce(orders, 0)).where(
        sees(scope, BATCH_ACCOUNT), _M.batch_id == batch_id, _M.state == str(AccountState.APPROVED)
    )
    return int((await connection.execute(query)).scalar_one())


async def read(connection: AsyncConnection, scope: Scope, batch_id: int, account_id: str) -> Sequence[Row[Any]]:
    """Return what was reported of the orders of one account of a batch."""
    query = select(*_E).where(sees(scope, EXECUTION), _E.batch_id == batch_id, _E.account_id == account_id)
    return (await connection.execute(query)).all()

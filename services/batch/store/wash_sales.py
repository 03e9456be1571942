"""Rows of the wash-sale check: households that sell at a loss, and the wash figures of each account."""

from collections.abc import Sequence
from typing import Any, Final

import pyarrow as pa
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.batch.store.database import copy_table, is_any, sees
from services.batch.store.tables import ACCOUNT
from shared.contracts.tenancy import Scope

_AFFECTED: Final = text(
    "SELECT DISTINCT household FROM batch_account WHERE batch_id = :batch_id AND account_id = ANY(:accounts)"
    " AND household IS NOT NULL"
)
_LOSING: Final = text(
    "SELECT DISTINCT household FROM batch_account WHERE batch_id = :batch_id AND state = 'PROPOSED' AND has_loss"
    " AND (:households ::text[] IS NULL OR household = ANY(:households))"
)
# A statement of its own with the households as values: the planner cannot estimate a subquery, and one it took for few
# households was evaluated again for every account (40 s of a batch of 10,000).
_TO_CHECK: Final = text(
    "SELECT account_id, account_number, household, taxable, has_loss, chunk_id, row_no FROM batch_account"
    " WHERE batch_id = :batch_id AND state = 'PROPOSED' AND household = ANY(:households) ORDER BY chunk_id, row_no"
)
# Joined by the whole key, so that no estimate of a batch's size leads to scanning `incoming_wash` once per account.
_PUT: Final = text(
    "UPDATE batch_account m SET wash_cents = w.wash_cents, wash_permanent_cents = w.wash_permanent_cents,"
    " washes = w.washes FROM incoming_wash w WHERE m.batch_id = w.batch_id AND m.account_id = w.account_id"
    " AND (m.wash_cents, m.washes) IS DISTINCT FROM (w.wash_cents, w.washes)"
)
_CLEAR: Final = text(
    "UPDATE batch_account SET wash_cents = NULL, wash_permanent_cents = NULL, washes = NULL"
    " WHERE batch_id = :batch_id AND state = 'PROPOSED' AND has_loss AND household = ANY(:households)"
)


async def households_of(connection: AsyncConnection, batch_id: int, accounts: Sequence[str]) -> list[str]:
    """Return the households of some accounts of a batch."""
    values = {"batch_id": batch_id, "accounts": list(accounts)}
    return list((await connection.execute(_AFFECTED, values)).scalars())


async def to_check(connection: AsyncConnection, batch_id: int, households: Sequence[str] | None) -> Sequence[Row[Any]]:
    """Return the proposed accounts of the households in which an account sells at a loss, by chunk.

    households: None means all of the batch.
    """
    among = None if households is None else list(households)
    losing = (await connection.execute(_LOSING, {"batch_id": batch_id, "households": among})).scalars().all()
    if not losing:
        return []
    return (await connection.execute(_TO_CHECK, {"batch_id": batch_id, "households": losing})).all()


async def put(connection: AsyncConnection, batch_id: int, rows: pa.Table) -> None:
    """Store the wash figures of accounts.

    rows: account_id, wash_cents and wash_permanent_cents as texts of SQL arrays, washes (matched purchases) as JSON or
    null.
    """
    like = "SELECT batch_id, account_id, wash_cents, wash_permanent_cents, washes FROM batch_account"
    of_batch = rows.append_column("batch_id", pa.array([batch_id] * rows.num_rows, pa.int64()))
    await copy_table(connection, "incoming_wash", like, of_batch)
    await connection.execute(_PUT)


async def clear(connection: AsyncConnection, batch_id: int, households: Sequence[str]) -> None:
    """Mark the losing proposed accounts of these households as not checked."""
    await connection.execute(_CLEAR, {"batch_id": batch_id, "households": list(households)})


async def visible(connection: AsyncConnection, scope: Scope, accounts: Sequence[str]) -> frozenset[str]:
    """Return those of the accounts that are in scope."""
    query = ACCOUNT.select().with_only_columns(ACCOUNT.c.account_id)
    found = await connection.execute(query.where(sees(scope, ACCOUNT), is_any(ACCOUNT.c.account_id, accounts)))
    return frozenset(map(str, found.scalars()))

"""Rows of the wash-sale check: households to look at, and the wash figures of each account."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, Final

import pyarrow as pa
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.batch.domain.figures import EARLIER_FIGURES, WASH_FIGURES
from services.batch.store.database import copy_table, is_any, sees
from services.batch.store.tables import ACCOUNT
from shared.contracts.tenancy import Scope
from shared.rules.relief.wash import WASH_DAYS

_AFFECTED: Final = text(
    "SELECT DISTINCT household FROM batch_account WHERE batch_id = :batch_id AND account_id = ANY(:accounts)"
    " AND household IS NOT NULL"
)
_LOSING: Final = text(
    "SELECT DISTINCT household FROM batch_account WHERE batch_id = :batch_id AND state = 'PROPOSED' AND has_loss"
    " AND (:households ::text[] IS NULL OR household = ANY(:households))"
)
_WITH_APPROVED_LOSS: Final = text(
    "SELECT DISTINCT household FROM wash_losses(ARRAY(SELECT DISTINCT household FROM batch_account"
    " WHERE batch_id = :batch_id AND state = 'PROPOSED' AND household IS NOT NULL"
    " AND (:households ::text[] IS NULL OR household = ANY(:households))), :first) WHERE trade_date <= :last"
)
# A statement of its own with the households as values: the planner cannot estimate a subquery, and one it took for few
# households was evaluated again for every account (40 s of a batch of 10,000).
_TO_CHECK: Final = text(
    "SELECT account_id, account_number, household, taxable, chunk_id, row_no FROM batch_account"
    " WHERE batch_id = :batch_id AND state = 'PROPOSED' AND household = ANY(:households) ORDER BY chunk_id, row_no"
)
_CHECKED: Final = (*WASH_FIGURES, *EARLIER_FIGURES, "washes", "earlier_losses")
# Joined by the whole key, so that no estimate of a batch's size leads to scanning `incoming_wash` once per account.
_PUT: Final = text(
    f"UPDATE batch_account m SET {', '.join(f'{name} = w.{name}' for name in _CHECKED)}"  # noqa: S608  # names
    " FROM incoming_wash w WHERE m.batch_id = w.batch_id AND m.account_id = w.account_id"
    f" AND ({', '.join(f'm.{name}' for name in _CHECKED)}) IS DISTINCT FROM"
    f" ({', '.join(f'w.{name}' for name in _CHECKED)})"
)
# A figure that was not known and is zero warns of nothing new: no batch of an earlier release is refused for it.
_KNOWN: Final = [
    f"coalesce(m.{name}, array_fill(0::bigint, ARRAY[cardinality(w.{name})]))"
    for name in (*WASH_FIGURES, *EARLIER_FIGURES)
]
_CHANGES: Final = text(
    "SELECT count(*) FROM batch_account m JOIN incoming_wash w USING (batch_id, account_id)"  # noqa: S608  # names
    f" WHERE ({', '.join(_KNOWN)}, m.washes, m.earlier_losses) IS DISTINCT FROM"
    f" ({', '.join(f'w.{name}' for name in _CHECKED)})"
)
_LIKE: Final = f"SELECT batch_id, account_id, {', '.join(_CHECKED)} FROM batch_account"  # noqa: S608  # names
_CLEAR: Final = text(
    "UPDATE batch_account SET wash_cents = NULL, wash_permanent_cents = NULL, washes = NULL"
    " WHERE batch_id = :batch_id AND state = 'PROPOSED' AND has_loss AND household = ANY(:households)"
)


async def households_of(connection: AsyncConnection, batch_id: int, accounts: Sequence[str]) -> list[str]:
    """Return the households of some accounts of a batch."""
    values = {"batch_id": batch_id, "accounts": list(accounts)}
    return list((await connection.execute(_AFFECTED, values)).scalars())


async def to_check(
    connection: AsyncConnection, batch_id: int, session: date, households: Sequence[str] | None
) -> Sequence[Row[Any]]:
    """Return the proposed accounts of the households that sell at a loss or had one approved near, by chunk.

    session: on which the batch trades.  households: None means all of the batch.
    """
    among = None if households is None else list(households)
    values = {"batch_id": batch_id, "households": among}
    losing = (await connection.execute(_LOSING, values)).scalars().all()
    near = timedelta(days=WASH_DAYS)
    window = {"first": session - near, "last": session + near}
    approved = (await connection.execute(_WITH_APPROVED_LOSS, values | window)).scalars().all()
    wanted = sorted({*losing, *approved})
    if not wanted:
        return []
    return (await connection.execute(_TO_CHECK, {"batch_id": batch_id, "households": wanted})).all()


async def put(connection: AsyncConnection, batch_id: int, rows: pa.Table) -> int:
    """Store the wash figures of accounts; return of how many accounts they change what is displayed.

    rows: account_id, WASH_FIGURES and EARLIER_FIGURES as texts of SQL arrays, washes (matched purchases) and
    earlier_losses as JSON or null.
    """
    of_batch = rows.append_column("batch_id", pa.array([batch_id] * rows.num_rows, pa.int64()))
    await copy_table(connection, "incoming_wash", _LIKE, of_batch)
    changed = (await connection.execute(_CHANGES)).scalar_one()
    await connection.execute(_PUT)
    return int(changed)


async def clear(connection: AsyncConnection, batch_id: int, households: Sequence[str]) -> None:
    """Mark the losing proposed accounts of these households as not checked."""
    await connection.execute(_CLEAR, {"batch_id": batch_id, "households": list(households)})


async def visible(connection: AsyncConnection, scope: Scope, accounts: Sequence[str]) -> frozenset[str]:
    """Return those of the accounts that are in scope."""
    query = ACCOUNT.select().with_only_columns(ACCOUNT.c.account_id)
    found = await connection.execute(query.where(sees(scope, ACCOUNT), is_any(ACCOUNT.c.account_id, accounts)))
    return frozenset(map(str, found.scalars()))

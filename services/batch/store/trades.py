"""The accounts of a batch whose trades count, with where their results are kept; this module only reads."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, Select, and_, func, select, true
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.elements import ColumnElement

from services.batch.store.attention import COUNTED
from services.batch.store.database import sees
from services.batch.store.tables import BATCH_ACCOUNT, stored_figure
from shared.contracts.tenancy import Scope

_M = BATCH_ACCOUNT.c


async def members(
    connection: AsyncConnection, scope: Scope, batch_id: int, matching: Sequence[ColumnElement[bool]] = ()
) -> Sequence[Row[Any]]:
    """Return account_id, account_number, name, chunk_id, row_no and is_filtered of accounts whose figures count.

    is_filtered: whether the account matches.  In the order of their results.
    """
    is_filtered = func.coalesce(and_(true(), *matching), False).label("is_filtered")
    query: Select[Any] = (
        select(_M.account_id, _M.account_number, _M.name, _M.chunk_id, _M.row_no, is_filtered)
        .where(sees(scope, BATCH_ACCOUNT), _M.batch_id == batch_id, COUNTED)
        .order_by(_M.chunk_id, _M.row_no)
    )
    rows: Sequence[Row[Any]] = (await connection.execute(query)).all()
    return rows


async def unproposed(connection: AsyncConnection, scope: Scope, batch_id: int, logic: int) -> int:
    """Return how many of the accounts whose figures count have none under a logic, which proposed nothing for them."""
    query = select(func.count()).where(
        sees(scope, BATCH_ACCOUNT), _M.batch_id == batch_id, COUNTED, stored_figure("value_cents", logic).is_(None)
    )
    return int((await connection.execute(query)).scalar_one())

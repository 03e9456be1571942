"""The approved accounts of a batch, whose orders its files hold; this module only reads."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Row, Select, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.batch.domain.states import AccountState
from services.batch.store.database import sees
from services.batch.store.tables import BATCH_ACCOUNT
from shared.contracts.tenancy import Scope

_M = BATCH_ACCOUNT.c
# The first incarnation of a database that is older than incarnations has no name, and all ids of before are its own.
_IS_OF_BEFORE: Final = text(
    "SELECT i.name <> '' AND b.decided_at < i.begun_at FROM incarnation i, batch b WHERE b.batch_id = :batch_id"
)


async def approved(connection: AsyncConnection, scope: Scope, batch_id: int) -> Sequence[Row[Any]]:
    """Return what orders hold of each approved account, with where its result is kept; in the order of the results."""
    query: Select[Any] = (
        select(
            _M.account_id, _M.enterprise_id, _M.advisor_id, _M.custodian, _M.account_number, _M.epoch, _M.chunk_id,
            _M.row_no,
        )
        .where(sees(scope, BATCH_ACCOUNT), _M.batch_id == batch_id, _M.state == str(AccountState.APPROVED))
        .order_by(_M.chunk_id, _M.row_no)
    )  # fmt: skip
    rows: Sequence[Row[Any]] = (await connection.execute(query)).all()
    return rows


async def is_of_before(connection: AsyncConnection, batch_id: int) -> bool:
    """Whether a decided batch is of before the present incarnation of the database, which does not know its ids."""
    return bool((await connection.execute(_IS_OF_BEFORE, {"batch_id": batch_id})).scalar_one())

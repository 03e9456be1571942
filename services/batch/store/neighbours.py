"""The accounts before and after one in a list of a batch's accounts, under the list's filter and sort order.

The list is never read as a whole: where the account stands in it follows from its own sort value (ties break by account
id, as in `member_pages.read_page`), also when it no longer matches the filter itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.elements import ColumnElement

from services.batch.domain.filters import SortOrder
from services.batch.store.database import sees
from services.batch.store.filters import member_column
from services.batch.store.tables import BATCH_ACCOUNT
from shared.contracts.tenancy import Scope

_M = BATCH_ACCOUNT.c


@dataclass(frozen=True)
class Neighbours:
    """Ids of the accounts before and after one; position: from 1, 0 where it is not in the list; listed: accounts of
    the list."""

    previous_id: str | None
    next_id: str | None
    position: int
    listed: int


async def read_neighbours(
    connection: AsyncConnection,
    scope: Scope,
    batch_id: int,
    logic: int,
    matching: Sequence[ColumnElement[bool]],
    order: SortOrder,
    account_id: str,
) -> Neighbours:
    """Return what stands around an account of the batch in the list of those that match.

    The caller has seen that the account is in the batch and in scope.
    """
    by = member_column(order.field, logic)
    value = await connection.scalar(select(by).where(_M.batch_id == batch_id, _M.account_id == account_id))
    is_before, is_after = _sides(by, value, order, account_id)
    inside = (sees(scope, BATCH_ACCOUNT), _M.batch_id == batch_id, *matching)
    forward = by.desc() if order.down else by.asc()
    backward = by.asc() if order.down else by.desc()
    last = select(_M.account_id).where(*inside, is_before).order_by(backward.nulls_first(), _M.account_id.desc())
    first = select(_M.account_id).where(*inside, is_after).order_by(forward.nulls_last(), _M.account_id)
    query = select(
        last.limit(1).scalar_subquery().label("previous_id"),
        first.limit(1).scalar_subquery().label("next_id"),
        func.count().filter(is_before).label("earlier"),
        func.count().label("listed"),
        func.coalesce(func.bool_or(_M.account_id == account_id), False).label("is_listed"),
    ).where(*inside)
    row = (await connection.execute(query)).one()
    position = row.earlier + 1 if row.is_listed else 0
    return Neighbours(row.previous_id, row.next_id, position, row.listed)


def _sides(
    by: ColumnElement[Any], value: Any, order: SortOrder, account_id: str
) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Return the predicates of standing before and after an account whose sort value is `value`; nulls come last."""
    if value is None:
        is_before = or_(by.is_not(None), and_(by.is_(None), _M.account_id < account_id))
        return is_before, and_(by.is_(None), _M.account_id > account_id)
    less, more = (by > value, by < value) if order.down else (by < value, by > value)
    is_before = or_(less, and_(by == value, _M.account_id < account_id))
    return is_before, or_(more, and_(by == value, _M.account_id > account_id), by.is_(None))

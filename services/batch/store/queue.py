"""The queue: a view of flags, accounts and open memberships; never a table of its own.

An account is in the queue when it is FLAGGED or NO_TARGET, in no open batch, and its flag was evaluated at its present
epoch. The epoch keeps it out between an approval and the flag that says SETTLING.
Source: architecture "View".
"""

from collections.abc import Sequence
from typing import Any, Final, cast

from sqlalchemy import Row, Select, and_, case, exists, func, or_, select, true
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.sql.selectable import Subquery

from services.batch.domain.figures import TileChoice
from services.batch.domain.filters import SortOrder
from services.batch.store.database import sees
from services.batch.store.filters import QUEUE_COLUMNS, queue_matching
from services.batch.store.tables import ACCOUNT, ANALYSIS, BATCH_ACCOUNT, FLAG, FLAG_DETAIL
from shared.contracts.codes import FlagState, Tile
from shared.contracts.tenancy import Scope

_A, _F = ACCOUNT.c, FLAG.c
_QUEUED: Final = (int(FlagState.FLAGGED), int(FlagState.NO_TARGET))
_SHOWN: Final = (*_QUEUED, int(FlagState.HELD), int(FlagState.SETTLING))

IN_BATCH: Final = exists().where(BATCH_ACCOUNT.c.account_id == _A.account_id, BATCH_ACCOUNT.c.open)
OPEN_BATCH: Final = (
    select(BATCH_ACCOUNT.c.batch_id)
    .where(BATCH_ACCOUNT.c.account_id == _A.account_id, BATCH_ACCOUNT.c.open)
    .scalar_subquery()
    .label("open_batch")
)
NEWEST: Final = _F.epoch == _A.epoch
SETTLING: Final = or_(_F.epoch < _A.epoch, _F.state == int(FlagState.SETTLING))
HELD: Final = and_(_F.state == int(FlagState.HELD), NEWEST)
IN_QUEUE: Final = and_(_F.state.in_(_QUEUED), NEWEST, ~IN_BATCH)

ROW: Final[tuple[Any, ...]] = (
    _A.account_id,
    _A.account_number,
    _A.name,
    _A.custodian,
    _A.custody,
    _A.enterprise_id,
    _A.advisor_id,
    _A.epoch,
    _A.last_rebalanced.label("approved_on"),
    *[column for column in FLAG.c if column.name not in ("account_id", "enterprise_id", "advisor_id", "epoch")],
    _F.epoch.label("flag_epoch"),
)


def _joined(scope: Scope, *columns: Any) -> Select[Any]:
    return (
        select(*columns)
        .select_from(FLAG.join(ACCOUNT, _A.account_id == _F.account_id))
        .where(sees(scope, ACCOUNT), sees(scope, FLAG))
    )


async def read_page(
    connection: AsyncConnection,
    scope: Scope,
    matching: Sequence[ColumnElement[bool]],
    order: SortOrder,
    page: int,
    size: int,
) -> tuple[Sequence[Row[Any]], int]:
    """Return rows of a page (from 1) of the queue and how many rows there are in all."""
    query = listed(scope, matching, order).limit(size).offset((page - 1) * size)
    rows = (await connection.execute(query)).all()
    return rows, await count(connection, scope, matching)


def listed(scope: Scope, matching: Sequence[ColumnElement[bool]], order: SortOrder) -> Select[Any]:
    """Return the query of the whole list, of which a page is a part."""
    by = QUEUE_COLUMNS[order.field]
    in_order = (by.desc() if order.down else by.asc()).nulls_last()
    return _joined(scope, *ROW).where(IN_QUEUE, *matching).order_by(in_order, _A.account_id)


async def count(connection: AsyncConnection, scope: Scope, matching: Sequence[ColumnElement[bool]]) -> int:
    """Return how many rows the whole list has."""
    query = _joined(scope, func.count()).where(IN_QUEUE, *matching)
    return int((await connection.execute(query)).scalar_one())


async def count_selected(
    connection: AsyncConnection, scope: Scope, matching: Sequence[ColumnElement[bool]]
) -> tuple[int, int]:
    """Return how many accounts of the queue match, and how many of these have no target."""
    without_target = func.count(case((_F.state == int(FlagState.NO_TARGET), 1)))
    query = _joined(scope, func.count(), without_target).where(IN_QUEUE, *matching)
    accounts, of_these = (await connection.execute(query)).one()
    return int(accounts), int(of_these)


async def count_tiles(
    connection: AsyncConnection, scope: Scope, tiles: TileChoice, matching: Sequence[ColumnElement[bool]]
) -> Row[Any]:
    """Return the counts by tile in one query: what each tile holds whatever is chosen; total: what `tiles` leave."""
    of = _judged(scope, tiles, matching).c
    columns: list[Any] = [
        *[
            func.count().filter(of.is_queued, of.tiles.op("&")(int(tile)) != 0).label(str(tile.name).lower())
            for tile in Tile
        ],
        func.count().filter(of.is_queued, of.is_without_target).label("no_target"),
        func.count().filter(of.is_queued, of.is_chosen).label("total"),
        func.count().filter(of.is_held).label("held"),
        func.count().filter(of.is_settling).label("settling"),
        func.count().filter(of.is_open).label("in_batches"),
    ]
    counts: Row[Any] = (await connection.execute(select(*columns))).one()
    return counts


def _judged(scope: Scope, tiles: TileChoice, matching: Sequence[ColumnElement[bool]]) -> Subquery:
    """Return what each account counts as: a predicate that stood in several counts would be evaluated for each."""
    open_one = select(BATCH_ACCOUNT.c.account_id).where(BATCH_ACCOUNT.c.open).subquery("open_one")
    is_open = open_one.c.account_id.is_not(None)
    return (
        select(
            _F.tiles,
            and_(_F.state.in_(_QUEUED), NEWEST, ~is_open).label("is_queued"),
            (_F.state == int(FlagState.NO_TARGET)).label("is_without_target"),
            and_(true(), *queue_matching((), "", tiles)).label("is_chosen"),
            HELD.label("is_held"),
            SETTLING.label("is_settling"),
            is_open.label("is_open"),
        )
        .select_from(
            FLAG.join(ACCOUNT, _A.account_id == _F.account_id).outerjoin(
                open_one, open_one.c.account_id == _A.account_id
            )
        )
        .where(sees(scope, ACCOUNT), sees(scope, FLAG), _F.state.in_(_SHOWN), *matching)
        .offset(0)  # else the planner writes the predicates out again in every count
        .subquery("accounts")
    )


async def read_account(connection: AsyncConnection, scope: Scope, account_id: str) -> Row[Any] | None:
    """Return an account with its flag and detail, whatever its state; None when it is unknown or not in scope."""
    detail = FLAG_DETAIL.c
    query = (
        select(*ROW, detail.hold_code, detail.hold_text, detail.reasons, detail.causes, OPEN_BATCH)
        .select_from(
            ACCOUNT.outerjoin(FLAG, _A.account_id == _F.account_id).outerjoin(
                FLAG_DETAIL,
                and_(detail.account_id == _F.account_id, detail.flag_version == _F.flag_version),
            )
        )
        .where(sees(scope, ACCOUNT), _A.account_id == account_id)
    )
    row = (await connection.execute(query)).one_or_none()
    return cast(Row[Any] | None, row)


async def read_analysis(connection: AsyncConnection, scope: Scope) -> Row[Any]:
    """Return when an analysis was last seen to end, and how many accounts of the scope were analysed (else None)."""
    query: Select[Any] = select(
        func.max(ANALYSIS.c.seen_at).label("seen_at"), func.sum(ANALYSIS.c.accounts).label("accounts")
    )
    found: Row[Any] = (await connection.execute(query.where(sees(scope, ANALYSIS)))).one()
    return found

"""Pages, totals and single rows of a batch's accounts, under the logic in force."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Row, Select, and_, case, cast, func, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.elements import ColumnElement

from services.batch.domain.figures import FIGURES
from services.batch.domain.filters import SortOrder
from services.batch.domain.states import AccountState
from services.batch.store.attention import COUNTED, attention
from services.batch.store.database import sees
from services.batch.store.filters import figure, member_column
from services.batch.store.tables import BATCH_ACCOUNT, stored_figure
from shared.contracts.filter_fields import ATTENTION
from shared.contracts.tenancy import Scope

_M = BATCH_ACCOUNT.c
_DOCUMENTS: Final = ("washes", "earlier_losses", "gain_excesses")

_TOTALLED: Final = (
    "value_cents", "buys", "buys_cents", "sells", "sells_cents", "flats", "flats_cents", "wash_cents",
    "wash_permanent_cents", "wash_earlier_cents", "wash_earlier_permanent_cents",
)  # fmt: skip
_GAINS: Final = ("short_cents", "long_cents", "estimated_cents", "no_basis_proceeds_cents")


def _rows(scope: Scope, batch_id: int, logic: int, *more: ColumnElement[Any]) -> Select[Any]:
    plain = [column for column in _M if column.name not in (*FIGURES, *_DOCUMENTS)] + list(more)
    no_trade_text = cast(_M.remarks, JSONB)[logic]["no_trade_text"].astext.label("no_trade_text")
    excesses = cast(_M.gain_excesses, JSONB)[logic].label("gain_excesses")
    return select(*plain, no_trade_text, excesses, *[figure(name, logic).label(name) for name in FIGURES]).where(
        sees(scope, BATCH_ACCOUNT), _M.batch_id == batch_id
    )


async def read_page(
    connection: AsyncConnection,
    scope: Scope,
    batch_id: int,
    logic: int,
    matching: Sequence[ColumnElement[bool]],
    order: SortOrder,
    page: int,
    size: int,
) -> Sequence[Row[Any]]:
    """Return the rows of a page (from 1), with their figures under `logic`."""
    query = listed(scope, batch_id, logic, matching, order).limit(size).offset((page - 1) * size)
    rows: Sequence[Row[Any]] = (await connection.execute(query)).all()
    return rows


def listed(
    scope: Scope, batch_id: int, logic: int, matching: Sequence[ColumnElement[bool]], order: SortOrder
) -> Select[Any]:
    """Return the query of the whole list, of which a page is a part."""
    by = member_column(order.field, logic)
    in_order = (by.desc() if order.down else by.asc()).nulls_last()
    return _rows(scope, batch_id, logic).where(*matching).order_by(in_order, _M.account_id)


async def count(
    connection: AsyncConnection, scope: Scope, batch_id: int, matching: Sequence[ColumnElement[bool]]
) -> int:
    """Return how many rows the whole list has."""
    query = select(func.count()).where(sees(scope, BATCH_ACCOUNT), _M.batch_id == batch_id, *matching)
    return int((await connection.execute(query)).scalar_one())


async def count_orders(
    connection: AsyncConnection, scope: Scope, batch_id: int, logic: int, matching: Sequence[ColumnElement[bool]]
) -> int:
    """Return how many orders the accounts of the whole list have under `logic`."""
    orders = func.sum(figure("buys", logic) + figure("sells", logic))
    query = select(func.coalesce(orders, 0)).where(sees(scope, BATCH_ACCOUNT), _M.batch_id == batch_id, *matching)
    return int((await connection.execute(query)).scalar_one())


async def read_figures(connection: AsyncConnection, batch_id: int, account_id: str) -> dict[str, list[Any] | None]:
    """Return the figures of one account and what exceeds its gain limits, each with one element per logic."""
    excesses = cast(_M.gain_excesses, JSONB).label("gain_excesses")
    query = select(*[_M[name] for name in FIGURES], excesses).where(
        _M.batch_id == batch_id, _M.account_id == account_id
    )
    return dict((await connection.execute(query)).one()._mapping)


async def read_member(
    connection: AsyncConnection, scope: Scope, batch_id: int, account_id: str, logic: int
) -> Row[Any] | None:
    """Return one account's row with figures under `logic` and what its wash sales are matched with."""
    query = _rows(scope, batch_id, logic, _M.washes, _M.earlier_losses).where(_M.account_id == account_id)
    row: Row[Any] | None = (await connection.execute(query)).one_or_none()
    return row


async def read_totals(
    connection: AsyncConnection,
    scope: Scope,
    batch_id: int,
    logic: int,
    matching: Sequence[ColumnElement[bool]] = (),
) -> Row[Any]:
    """Return the sums over matching proposed or decided accounts, and the number of matching rows of any state.

    Money is in cents; gains of accounts that are not taxable are summed apart (non_taxable_...).  Source: product 5.
    """
    unchecked = and_(COUNTED, figure("value_cents", logic).is_not(None), stored_figure("wash_cents", logic).is_(None))

    def total(name: str, *only: ColumnElement[bool]) -> ColumnElement[Any]:
        # As stored: what is not known of a counted account is null or, of earlier releases, zero, and adds nothing.
        return func.coalesce(func.sum(case((and_(COUNTED, *only), stored_figure(name, logic)))), 0)

    query = select(
        func.count().label("rows"),
        func.count(case((COUNTED, 1))).label("accounts"),
        func.count(case((unchecked, 1))).label("wash_unchecked"),
        func.count(case((and_(COUNTED, ~_M.taxable), 1))).label("non_taxable"),
        func.count(case((attention("OVER_BUDGET", logic), 1))).label("over_budget"),
        func.count(case((and_(COUNTED, figure("over_budget_cents", logic).is_(None)), 1))).label("budget_unchecked"),
        func.count(case((_M.state == str(AccountState.FAILED), 1))).label("failed"),
        func.count(case((_M.state == str(AccountState.REMOVED), 1))).label("removed"),
        *[total(name).label(name) for name in _TOTALLED],
        *[total(name, _M.taxable).label(name) for name in _GAINS],
        *[total(name, ~_M.taxable).label(f"non_taxable_{name}") for name in _GAINS],
    ).where(sees(scope, BATCH_ACCOUNT), _M.batch_id == batch_id, *matching)
    return (await connection.execute(query)).one()


async def read_attention(connection: AsyncConnection, scope: Scope, batch_id: int, logic: int) -> Row[Any]:
    """Return how many accounts of the batch ask for each kind of attention under `logic`."""
    counts: list[ColumnElement[Any]] = [
        func.count(case((attention(name, logic), 1))).label(name.lower()) for name in ATTENTION
    ]
    query = select(*counts).where(sees(scope, BATCH_ACCOUNT), _M.batch_id == batch_id)
    row: Row[Any] = (await connection.execute(query)).one()
    return row

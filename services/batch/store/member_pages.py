"""Pages, totals and single rows of a batch's accounts, under the logic in force."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Row, Select, and_, case, cast, exists, func, or_, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.elements import ColumnElement

from services.batch.domain.filters import Clause, Order
from services.batch.domain.states import AccountState
from services.batch.store.database import sees
from services.batch.store.queue import condition, contains
from services.batch.store.tables import BATCH_ACCOUNT, FIGURES, FLAG
from shared.contracts.tenancy import Scope

_M = BATCH_ACCOUNT.c
_PROPOSED: Final = ("PROPOSED", "APPROVED")
_COUNTED: Final = ("PROPOSED", "APPROVED", "CANCELLED")

# Field of the API -> figure of a proposal.
FIGURE_OF: Final[Mapping[str, str]] = {
    "market_value": "value_cents",
    "begin_cash": "begin_cash_cents",
    "end_cash": "end_cash_cents",
    "buys": "buys",
    "buys_value": "buys_cents",
    "sells": "sells",
    "sells_value": "sells_cents",
    "flats": "flats",
    "flats_value": "flats_cents",
    "short_term": "short_cents",
    "long_term": "long_cents",
    "estimated": "estimated_cents",
    "unknown_term": "unknown_term_cents",
    "no_basis_proceeds": "no_basis_proceeds_cents",
    "wash_disallowed": "wash_cents",
    "wash_permanent": "wash_permanent_cents",
}
_TEXT_COLUMNS: Final[Mapping[str, ColumnElement[Any]]] = {
    "account_id": _M.account_id,
    "account_number": _M.account_number,
    "name": _M.name,
    "advisor_id": _M.advisor_id,
    "result": case((_M.stale_code.is_not(None), "STALE"), else_=_M.state),
}
SORTABLE: Final = (*_TEXT_COLUMNS, *FIGURE_OF)
TOTALLED: Final = (
    "value_cents", "buys", "buys_cents", "sells", "sells_cents", "flats", "flats_cents", "no_basis_proceeds_cents",
    "wash_cents", "wash_permanent_cents",
)  # fmt: skip
GAINS: Final = ("short_cents", "long_cents", "estimated_cents")

_RESULTS: Final[Mapping[str, Callable[[], ColumnElement[bool]]]] = {
    "COMPLETE": lambda: _M.state.in_(_PROPOSED),
    "STALE": lambda: and_(_M.state.in_(_PROPOSED), _M.stale_code.is_not(None)),
    "FAILED": lambda: _M.state == str(AccountState.FAILED),
    "REMOVED": lambda: _M.state == str(AccountState.REMOVED),
    "WORKING": lambda: _M.state == str(AccountState.WORKING),
    "CANCELLED": lambda: _M.state == str(AccountState.CANCELLED),
}


def figure(name: str, logic: int) -> ColumnElement[Any]:
    """Return a figure under a logic: arrays hold one element a logic, and PostgreSQL counts from 1."""
    element: ColumnElement[Any] = _M[name][logic + 1]
    return element


def matching(clauses: Sequence[Clause], q: str, logic: int) -> list[ColumnElement[bool]]:
    """Return the predicates of clauses and search text under a logic."""
    wanted: list[ColumnElement[bool]] = []
    for clause in clauses:
        if clause.field == "result":
            wanted.append(or_(*[_RESULTS[str(value)]() for value in clause.values]))
        elif clause.field in FIGURE_OF:
            wanted.append(condition(figure(FIGURE_OF[clause.field], logic), clause))
        else:
            wanted.append(condition(_TEXT_COLUMNS[clause.field], clause))
    return [*wanted, contains(q, _M.account_number, _M.name)] if q else wanted


def with_tiles(tiles: int) -> list[ColumnElement[bool]]:
    """Return the predicate that an account of a batch has all of these tiles, by the newest word about it."""
    if not tiles:
        return []
    flag = FLAG.c
    return [exists().where(flag.account_id == _M.account_id, flag.tiles.op("&")(tiles) == tiles)]


def _rows(scope: Scope, batch_id: int, logic: int, *more: ColumnElement[Any]) -> Select[Any]:
    plain = [column for column in _M if column.name not in (*FIGURES, "washes")] + list(more)
    no_trade_text = cast(_M.remarks, JSONB)[logic]["no_trade_text"].astext.label("no_trade_text")
    return select(*plain, no_trade_text, *[figure(name, logic).label(name) for name in FIGURES]).where(
        sees(scope, BATCH_ACCOUNT), _M.batch_id == batch_id
    )


async def read_page(
    connection: AsyncConnection,
    scope: Scope,
    batch_id: int,
    logic: int,
    wanted: Sequence[ColumnElement[bool]],
    order: Order,
    page: int,
    size: int,
) -> Sequence[Row[Any]]:
    """Return rows of a page (from 1), with their figures under `logic`."""
    by = figure(FIGURE_OF[order.field], logic) if order.field in FIGURE_OF else _TEXT_COLUMNS[order.field]
    query = (
        _rows(scope, batch_id, logic)
        .where(*wanted)
        .order_by((by.desc() if order.down else by.asc()).nulls_last(), _M.account_id)
        .limit(size)
        .offset((page - 1) * size)
    )
    rows: Sequence[Row[Any]] = (await connection.execute(query)).all()
    return rows


async def read_all(connection: AsyncConnection, batch_id: int) -> Sequence[Row[Any]]:
    """Return every row of a batch in its own order, with the figures of every logic as lists."""
    query = select(*_M).where(_M.batch_id == batch_id).order_by(_M.place)
    return (await connection.execute(query)).all()


async def read_to_ask(connection: AsyncConnection, batch_id: int) -> Sequence[Row[Any]]:
    """Return what requests say of every account of a batch, by account."""
    columns = (_M.account_id, _M.enterprise_id, _M.advisor_id, _M.epoch, _M.liquidate, _M.attempt)
    query: Select[Any] = select(*columns).where(_M.batch_id == batch_id).order_by(_M.account_id)
    rows: Sequence[Row[Any]] = (await connection.execute(query)).all()
    return rows


async def read_figures(connection: AsyncConnection, batch_id: int, account_id: str) -> dict[str, list[int] | None]:
    """Return the figures of one account under every logic."""
    query = select(*[_M[name] for name in FIGURES]).where(_M.batch_id == batch_id, _M.account_id == account_id)
    return dict((await connection.execute(query)).one()._mapping)


async def logic_is_there(connection: AsyncConnection, batch_id: int, logic: int) -> bool:
    """Say whether every proposed account of a batch has figures under a logic."""
    missing = select(func.count()).where(
        _M.batch_id == batch_id, _M.state == str(AccountState.PROPOSED), figure("value_cents", logic).is_(None)
    )
    return int((await connection.execute(missing)).scalar_one()) == 0


async def read_one(
    connection: AsyncConnection, scope: Scope, batch_id: int, account_id: str, logic: int
) -> Row[Any] | None:
    """Return one account's row with figures under `logic` and the purchases its wash sales come from."""
    query = _rows(scope, batch_id, logic, _M.washes).where(_M.account_id == account_id)
    row: Row[Any] | None = (await connection.execute(query)).one_or_none()
    return row


async def read_totals(
    connection: AsyncConnection,
    scope: Scope,
    batch_id: int,
    logic: int,
    wanted: Sequence[ColumnElement[bool]] = (),
) -> Row[Any]:
    """Return sums over proposed or decided accounts that are wanted, and how many rows of any state there are.

    Gains of accounts that are not taxable stand apart (non_taxable_...).  Source: product 5.
    """
    counted = _M.state.in_(_COUNTED) & _M.chunk_id.is_not(None)

    def total(name: str, *only: ColumnElement[bool]) -> ColumnElement[Any]:
        return func.coalesce(func.sum(case((and_(counted, *only), figure(name, logic)))), 0)

    query = select(
        func.count().label("rows"),
        func.count(case((counted, 1))).label("accounts"),
        func.count(case((and_(counted, figure("wash_cents", logic).is_(None)), 1))).label("wash_unchecked"),
        func.count(case((_M.state == str(AccountState.FAILED), 1))).label("failed"),
        func.count(case((_M.state == str(AccountState.REMOVED), 1))).label("removed"),
        *[total(name).label(name) for name in TOTALLED],
        *[total(name, _M.taxable).label(name) for name in GAINS],
        *[total(name, ~_M.taxable).label(f"non_taxable_{name}") for name in GAINS],
    ).where(sees(scope, BATCH_ACCOUNT), _M.batch_id == batch_id, *wanted)
    return (await connection.execute(query)).one()


async def read_neighbours(connection: AsyncConnection, batch_id: int, place: int) -> tuple[str | None, str | None]:
    """Return the accounts before and after a place in the batch."""
    query = select(_M.place, _M.account_id).where(_M.batch_id == batch_id, _M.place.in_((place - 1, place + 1)))
    found = {row.place: str(row.account_id) for row in (await connection.execute(query)).all()}
    return found.get(place - 1), found.get(place + 1)

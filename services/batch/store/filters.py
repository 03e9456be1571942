"""Filter clauses, search text and tiles as SQL predicates, on the queue and on the accounts of a batch.

`domain.filters` parses clauses; every predicate made here holds beside the others (AND).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import and_, case, exists, func, or_, select
from sqlalchemy.sql.elements import ColumnElement

from services.batch.domain.figures import EARLIER_FIGURES, FIGURE_OF, TileChoice
from services.batch.domain.filters import Clause
from services.batch.domain.states import AccountState
from services.batch.store.attention import attention
from services.batch.store.tables import ACCOUNT, BATCH, BATCH_ACCOUNT, EXECUTION, FLAG, stored_figure
from shared.contracts.codes import FlagState
from shared.contracts.filter_fields import CHOICES, FieldKind

_A, _E, _F, _M = ACCOUNT.c, EXECUTION.c, FLAG.c, BATCH_ACCOUNT.c
_PROPOSED: Final = ("PROPOSED", "APPROVED")
_WITHOUT_FIGURES: Final = ("WORKING", "FAILED")

DRIFTED: Final[ColumnElement[Any]] = case((_F.max_drift_ppb.is_not(None), _F.drifted))
"""How many components have drifted; null where drift was not evaluated: the column then says 0."""

QUEUE_COLUMNS: Final[Mapping[str, ColumnElement[Any]]] = {
    "account_id": _A.account_id,
    "account_number": _A.account_number,
    "name": _A.name,
    "market_value": _F.value_cents,
    "cash": _F.cash_cents,
    "cash_weight": _F.cash_ppb,
    "cash_target": _F.cash_target_ppb,
    "max_drift": _F.max_drift_ppb,
    "drifted": DRIFTED,
    "custodian": _A.custodian,
    "portfolio_id": _F.portfolio_id,
    "advisor_id": _A.advisor_id,
    "enterprise_id": _A.enterprise_id,
    "source": _F.source,
    "needed_since": _F.needed_since,
    "last_rebalanced": _F.last_rebalanced,
    "state": _F.state,
}
"""API field of the queue -> column; all of them can be sorted by."""

_MEMBER_COLUMNS: Final[Mapping[str, ColumnElement[Any]]] = {
    "account_id": _M.account_id,
    "account_number": _M.account_number,
    "name": _M.name,
    "advisor_id": _M.advisor_id,
    "taxable": case((_M.taxable, "YES"), else_="NO"),
    "result": case((_M.stale_code.is_not(None), "STALE"), else_=_M.state),
}
MEMBER_FIELDS: Final = (*_MEMBER_COLUMNS, *FIGURE_OF)
"""API fields of a batch's accounts; all of them can be sorted by."""

_RESULTS: Final[Mapping[str, Callable[[], ColumnElement[bool]]]] = {
    "COMPLETE": lambda: _M.state.in_(_PROPOSED),
    "STALE": lambda: and_(_M.state.in_(_PROPOSED), _M.stale_code.is_not(None)),
    "FAILED": lambda: _M.state == str(AccountState.FAILED),
    "REMOVED": lambda: _M.state == str(AccountState.REMOVED),
    "WORKING": lambda: _M.state == str(AccountState.WORKING),
    "CANCELLED": lambda: _M.state == str(AccountState.CANCELLED),
}


_ORDERS_THAT: Final[Mapping[str, Callable[[int], ColumnElement[bool]]]] = {
    "FILLED": lambda logic: and_(_orders(logic) > 0, _reported("FILLED") == _orders(logic)),
    "OUTSTANDING": lambda logic: _orders(logic) > _reported("FILLED", "REJECTED"),
    "REJECTED": lambda _logic: _reported("REJECTED") > 0,
}


def queue_matching(clauses: Sequence[Clause], search: str, tiles: TileChoice) -> list[ColumnElement[bool]]:
    """Return the predicates on accounts of the queue; an account must be in all the tiles."""
    matching = [condition(QUEUE_COLUMNS[clause.field], clause) for clause in clauses]
    if search:
        matching.append(contains(search, _A.account_number, _A.name))
    return [*matching, *_in_tiles(tiles)]


def members_matching(
    clauses: Sequence[Clause], search: str, tiles: TileChoice, logic: int
) -> list[ColumnElement[bool]]:
    """Return the predicates on accounts of a batch, with figures under a logic.

    tiles: the newest flag of an account must be in all of them.
    """
    matching = [_member_condition(clause, logic) for clause in clauses]
    if search:
        matching.append(contains(search, _M.account_number, _M.name))
    in_tiles = _in_tiles(tiles)
    if in_tiles:
        matching.append(exists().where(_F.account_id == _M.account_id, *in_tiles))
    return matching


def member_column(field: str, logic: int) -> ColumnElement[Any]:
    """Return the column of an API field of a batch's accounts, with figures under a logic."""
    return figure(FIGURE_OF[field], logic) if field in FIGURE_OF else _MEMBER_COLUMNS[field]


def figure(name: str, logic: int) -> ColumnElement[Any]:
    """Return a figure under a logic, null where it is not known: nothing was proposed, or not under this logic.

    A figure that nobody knows is shown as such, so it must meet no filter and count in no total, whatever the arrays
    hold: those of accounts that failed in earlier releases hold zeros.
    """
    known = [_M.state.not_in(_WITHOUT_FIGURES), _M.stale_code.is_distinct_from("LOGIC")]
    if name != "value_cents":
        known.append(stored_figure("value_cents", logic).is_not(None))
    if name not in EARLIER_FIGURES:
        return case((and_(*known), stored_figure(name, logic)))
    # Looked at before its batch was checked, a zero is no finding; once it was, what found nothing is zero.
    checked = select(BATCH.c.wash_seen.is_not(None)).where(BATCH.c.batch_id == _M.batch_id).scalar_subquery()
    return case((and_(*known, checked), func.coalesce(stored_figure(name, logic), 0)))


def _in_tiles(tiles: TileChoice) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if tiles.bits:
        found.append(_F.tiles.op("&")(tiles.bits) == tiles.bits)
    if tiles.no_target:
        found.append(_F.state == int(FlagState.NO_TARGET))
    return found


def _member_condition(clause: Clause, logic: int) -> ColumnElement[bool]:
    if clause.field == "result":
        return or_(*[_RESULTS[str(value)]() for value in clause.values])
    if clause.field == "execution":
        approved = _M.state == str(AccountState.APPROVED)
        return and_(approved, or_(*[_ORDERS_THAT[str(value)](logic) for value in clause.values]))
    if clause.field == "attention":
        return or_(*[attention(str(value), logic) for value in clause.values])
    return condition(member_column(clause.field, logic), clause)


def _orders(logic: int) -> ColumnElement[Any]:
    return figure("buys", logic) + figure("sells", logic)


def _reported(*statuses: str) -> ColumnElement[Any]:
    """Return how many orders of an account were reported with one of the statuses."""
    of_account = and_(_E.batch_id == _M.batch_id, _E.account_id == _M.account_id, _E.status.in_(statuses))
    return select(func.count()).select_from(EXECUTION).where(of_account).correlate(BATCH_ACCOUNT).scalar_subquery()


def condition(column: ColumnElement[Any], clause: Clause) -> ColumnElement[bool]:
    if clause.op == "gte":
        return column >= clause.values[0]
    if clause.op == "lte":
        return column <= clause.values[0]
    if clause.kind is FieldKind.TEXT:
        if clause.field in CHOICES:
            return column.in_(clause.values)
        return func.lower(column).in_([func.lower(value) for value in clause.values])
    if clause.kind is FieldKind.DAY:
        return column == clause.values[0]
    return column.between(*clause.values)


def contains(search: str, *columns: ColumnElement[Any]) -> ColumnElement[bool]:
    """Return the predicate that one of the columns contains the text, whatever its case."""
    return or_(*[column.icontains(search, autoescape=True) for column in columns])

"""Filter clauses, search text and tiles as SQL predicates, on the queue and on the accounts of a batch.

`domain.filters` parses clauses; every predicate made here holds beside the others (AND).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import and_, case, exists, or_
from sqlalchemy.sql.elements import ColumnElement, KeyedColumnElement

from services.batch.domain.figures import FIGURE_OF
from services.batch.domain.filters import Clause
from services.batch.domain.states import AccountState
from services.batch.store.attention import attention
from services.batch.store.tables import ACCOUNT, BATCH_ACCOUNT, FLAG

_A, _F, _M = ACCOUNT.c, FLAG.c, BATCH_ACCOUNT.c
_PROPOSED: Final = ("PROPOSED", "APPROVED")

QUEUE_COLUMNS: Final[Mapping[str, KeyedColumnElement[Any]]] = {
    "account_id": _A.account_id,
    "account_number": _A.account_number,
    "name": _A.name,
    "market_value": _F.value_cents,
    "cash": _F.cash_cents,
    "cash_weight": _F.cash_ppb,
    "cash_target": _F.cash_target_ppb,
    "max_drift": _F.max_drift_ppb,
    "drifted": _F.drifted,
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


def queue_matching(clauses: Sequence[Clause], search: str, tiles: int = 0) -> list[ColumnElement[bool]]:
    """Return the predicates on accounts of the queue. tiles: bits; an account must have all of them."""
    matching = [_condition(QUEUE_COLUMNS[clause.field], clause) for clause in clauses]
    if search:
        matching.append(_contains(search, _A.account_number, _A.name))
    if tiles:
        matching.append(_F.tiles.op("&")(tiles) == tiles)
    return matching


def members_matching(clauses: Sequence[Clause], search: str, tiles: int, logic: int) -> list[ColumnElement[bool]]:
    """Return the predicates on accounts of a batch, with figures under a logic.

    tiles: bits; the newest flag of an account must have all of them.
    """
    matching = [_member_condition(clause, logic) for clause in clauses]
    if search:
        matching.append(_contains(search, _M.account_number, _M.name))
    if tiles:
        matching.append(exists().where(_F.account_id == _M.account_id, _F.tiles.op("&")(tiles) == tiles))
    return matching


def member_column(field: str, logic: int) -> ColumnElement[Any]:
    """Return the column of an API field of a batch's accounts, with figures under a logic."""
    return figure(FIGURE_OF[field], logic) if field in FIGURE_OF else _MEMBER_COLUMNS[field]


def figure(name: str, logic: int) -> ColumnElement[Any]:
    """Return a figure under a logic: arrays hold one element per logic, and PostgreSQL counts from 1."""
    element: ColumnElement[Any] = _M[name][logic + 1]
    return element


def _member_condition(clause: Clause, logic: int) -> ColumnElement[bool]:
    if clause.field == "result":
        return or_(*[_RESULTS[str(value)]() for value in clause.values])
    if clause.field == "attention":
        return or_(*[attention(str(value), logic) for value in clause.values])
    return _condition(member_column(clause.field, logic), clause)


def _condition(column: ColumnElement[Any], clause: Clause) -> ColumnElement[bool]:
    if clause.op == "gte":
        return column >= clause.values[0]
    if clause.op == "lte":
        return column <= clause.values[0]
    return column.in_(clause.values)


def _contains(search: str, *columns: ColumnElement[Any]) -> ColumnElement[bool]:
    """Return the predicate that one of the columns contains the text, whatever its case."""
    return or_(*[column.icontains(search, autoescape=True) for column in columns])

"""What of a batch's accounts asks for a look before it is decided: one predicate each, to filter and to count by.

Source: product 4 (gain limits), 5 (wash sales, unknown basis), 6 (stale, failed).
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from sqlalchemy import and_, or_
from sqlalchemy.sql.elements import ColumnElement

from services.batch.domain.states import AccountState
from services.batch.store.tables import BATCH_ACCOUNT

_M = BATCH_ACCOUNT.c
COUNTED: Final = _M.state.in_(("PROPOSED", "APPROVED", "CANCELLED")) & _M.chunk_id.is_not(None)
"""Accounts whose figures count in totals: proposed and not removed, or decided so."""


def _above_zero(name: str, logic: int) -> ColumnElement[bool]:
    element: ColumnElement[Any] = _M[name][logic + 1]
    return element > 0


_PREDICATES: Final[Mapping[str, Callable[[int], ColumnElement[bool]]]] = {
    "OVER_BUDGET": lambda logic: and_(COUNTED, _above_zero("over_budget_cents", logic)),
    "SHORT_TERM_GAIN": lambda logic: and_(COUNTED, _M.taxable, _above_zero("short_cents", logic)),
    "WASH_SALE": lambda logic: and_(
        COUNTED, or_(_above_zero("wash_cents", logic), _above_zero("wash_earlier_cents", logic))
    ),
    "UNKNOWN_BASIS": lambda logic: and_(COUNTED, _above_zero("no_basis_proceeds_cents", logic)),
    "STALE": lambda _: and_(_M.state == str(AccountState.PROPOSED), _M.stale_code.is_not(None)),
    "FAILED": lambda _: _M.state == str(AccountState.FAILED),
}


def attention(name: str, logic: int) -> ColumnElement[bool]:
    """Return the predicate that an account asks for this kind of attention, with figures under a logic."""
    return _PREDICATES[name](logic)

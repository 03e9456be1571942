"""What of a batch's accounts asks for a look before it is decided: one predicate each, to filter and to count by.

Source: product 4 (gain limits), 5 (wash sales, unknown basis), 6 (stale, failed).
"""

from collections.abc import Callable, Mapping
from typing import Final

from sqlalchemy import and_, or_
from sqlalchemy.sql.elements import ColumnElement

from services.batch.domain.states import AccountState
from services.batch.store.tables import BATCH_ACCOUNT, stored_figure
from shared.contracts.filter_fields import LARGE_TURNOVER_PERCENT

_M = BATCH_ACCOUNT.c
COUNTED: Final = _M.state.in_(("PROPOSED", "APPROVED", "CANCELLED")) & _M.chunk_id.is_not(None)
"""Accounts whose figures count in totals: proposed and not removed, or decided so."""


_PREDICATES: Final[Mapping[str, Callable[[int], ColumnElement[bool]]]] = {
    "OVER_BUDGET": lambda logic: and_(COUNTED, stored_figure("over_budget_cents", logic) > 0),
    "SHORT_TERM_GAIN": lambda logic: and_(COUNTED, _M.taxable, stored_figure("short_cents", logic) > 0),
    "WASH_SALE": lambda logic: and_(
        COUNTED, or_(stored_figure("wash_cents", logic) > 0, stored_figure("wash_earlier_cents", logic) > 0)
    ),
    "UNKNOWN_BASIS": lambda logic: and_(COUNTED, stored_figure("no_basis_proceeds_cents", logic) > 0),
    "LARGE_TURNOVER": lambda logic: and_(
        COUNTED,
        (stored_figure("buys_cents", logic) + stored_figure("sells_cents", logic)) * 100
        > stored_figure("value_cents", logic) * LARGE_TURNOVER_PERCENT,
    ),
    "STALE": lambda _: and_(_M.state == str(AccountState.PROPOSED), _M.stale_code.is_not(None)),
    "FAILED": lambda _: _M.state == str(AccountState.FAILED),
}


def attention(name: str, logic: int) -> ColumnElement[bool]:
    """Return the predicate that an account asks for this kind of attention, with figures under a logic."""
    return _PREDICATES[name](logic)

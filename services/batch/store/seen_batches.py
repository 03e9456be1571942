"""Batches as they are shown to somebody who sees all of their accounts, or only a part: then counts and sums are of
that part, and what was written about the whole, or rests on it, is left out.

The one place where a batch's own row is read for a page: what is not of the scope does not leave the database.
Source: product 1 (tenancy), 6; docs/decisions/0036-parts-of-requests.md.
"""

from typing import Any, Final

from sqlalchemy import ARRAY, BigInteger, Select, Text, and_, case, cast, func, literal, null, select
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.sql.selectable import FromClause

from services.batch.store.database import sees, sees_part
from services.batch.store.tables import BATCH, BATCH_ACCOUNT, PARKED
from shared.contracts.tenancy import Scope

_B, _M = BATCH.c, BATCH_ACCOUNT.c
_COUNTED: Final = _M.state.in_(("PROPOSED", "APPROVED", "CANCELLED"))

_COUNTS: Final[dict[str, ColumnElement[bool]]] = {
    "accounts": literal(True),
    "working": _M.state == "WORKING",
    "proposed": _M.state == "PROPOSED",
    "failed": _M.state == "FAILED",
    "removed": _M.state == "REMOVED",
    "approved": _M.state == "APPROVED",
    "cancelled": _M.state == "CANCELLED",
    "stale": and_(_M.state == "PROPOSED", _M.stale_code.is_not(None)),
}
_GAINS: Final = ("short_cents", "long_cents", "estimated_cents")
# The notes are about all accounts, rules and first approvals rest on the turnover of all, and who asked or decided is
# told by name: the part of a reader has none of these.
_OF_THE_WHOLE: Final = (
    "only_account", "note", "first_by", "first_name", "first_at", "first_note", "first_version", "advisor_ids",
    "requested_by", "decided_by", "answered_at", "told_at",
)  # fmt: skip


def visible(scope: Scope) -> ColumnElement[bool]:
    """Return the predicate that some accounts of a batch are in scope."""
    return sees_part(scope, BATCH, BATCH_ACCOUNT)


def shown(scope: Scope, ids: Select[Any], *more: ColumnElement[Any]) -> Select[Any]:
    """Return batches as the scope may see them, with when they were put aside and `is_part`.

    ids: a query of visible batch ids, for the counts are made for each of them.  The order is the caller's.
    more: further columns of `batch` or `parked`.
    """
    named = ids.subquery("named")
    whole = sees(scope, BATCH)
    part = _part(scope, whole)
    own = {*_COUNTS, *_GAINS, "turnover_cents", "enterprise_ids"}
    columns: list[ColumnElement[Any]] = []
    for column in _B:
        if column.name in own:
            columns.append(case((whole, column), else_=part.c[column.name]).label(column.name))
        elif column.name in _OF_THE_WHOLE:
            columns.append(case((whole, column), else_=null()).label(column.name))
        else:
            columns.append(column)
    parked: list[ColumnElement[Any]] = [PARKED.c.parked_at, PARKED.c.again_at, (~whole).label("is_part")]
    return select(*columns, *parked, *more).select_from(
        named.join(BATCH, _B.batch_id == named.c.batch_id)
        .outerjoin(PARKED, PARKED.c.batch_id == _B.batch_id)
        .outerjoin(part, literal(True))
    )


def _part(scope: Scope, whole: ColumnElement[bool]) -> FromClause:
    """Return counts and sums over the accounts in scope of a batch of which others are not: those of its own row, where
    all are."""

    def total(*cents: ColumnElement[Any], only: ColumnElement[bool]) -> ColumnElement[Any]:
        amount = sum((func.coalesce(each, 0) for each in cents[1:]), func.coalesce(cents[0], 0))
        return cast(func.coalesce(func.sum(case((only, amount))), 0), BigInteger)

    def figure(name: str) -> ColumnElement[Any]:
        element: ColumnElement[Any] = _M[name][_B.logic + 1]
        return element

    query = select(
        *[func.count(case((only, 1))).label(name) for name, only in _COUNTS.items()],
        *[total(figure(name), only=and_(_COUNTED, _M.taxable)).label(name) for name in _GAINS],
        total(figure("buys_cents"), figure("sells_cents"), only=_COUNTED).label("turnover_cents"),
        cast(func.array_agg(_M.enterprise_id.distinct()), ARRAY(Text)).label("enterprise_ids"),
    ).where(~whole, sees(scope, BATCH_ACCOUNT), _M.batch_id == _B.batch_id)
    return query.lateral("part")

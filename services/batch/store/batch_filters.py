"""Filter clauses and search text as SQL predicates on batches, and the columns that their list is sorted by.

`domain.filters` parses clauses; every predicate made here holds beside the others (AND).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Date, Text, cast, func, or_
from sqlalchemy.sql.elements import ColumnElement

from services.batch.domain.filters import Clause
from services.batch.store.filters import condition, contains
from services.batch.store.tables import BATCH
from shared.rules.trading_calendar import NEW_YORK

_B = BATCH.c
BATCH_COLUMNS: Final[Mapping[str, ColumnElement[Any]]] = {
    "number": _B.batch_id,
    "label": func.nullif(_B.label, ""),
    "decision": _B.status,
    "decided": _B.decided_at,
    "decided_by": _B.decided_name,
    "requested": _B.requested_at,
    "requested_by": _B.requested_name,
    "trade_date": _B.trade_date,
    "accounts": _B.accounts,
    "complete": _B.accounts - _B.failed - _B.removed,
    "failed": _B.failed,
    "removed": _B.removed,
    "turnover": _B.turnover_cents,
    "short_term": _B.short_cents,
    "long_term": _B.long_cents,
    "estimated": _B.estimated_cents,
}
"""API field of the list of batches -> column; all of them can be sorted by."""


def _day(instant: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return the day of an instant where the exchange is, as lists show it."""
    return cast(func.timezone(NEW_YORK.key, instant), Date)


_COMPARED: Final[Mapping[str, ColumnElement[Any]]] = {
    **BATCH_COLUMNS,
    "decided": _day(_B.decided_at),
    "requested": _day(_B.requested_at),
}


def batches_matching(clauses: Sequence[Clause], search: str) -> list[ColumnElement[bool]]:
    """Return the predicates on batches."""
    matching = [_condition(clause) for clause in clauses]
    if search:
        names = (_B.label, _B.note, _B.requested_name, _B.decided_name, _B.first_name, _B.first_note, _B.only_account)
        matching.append(or_(cast(_B.batch_id, Text) == search, contains(search, *names)))
    return matching


def _condition(clause: Clause) -> ColumnElement[bool]:
    found = condition(_COMPARED[clause.field], clause)
    # Of two approvals the list shows both names.
    return or_(found, condition(_B.first_name, clause)) if clause.field == "decided_by" else found

"""Filter clauses and search text as SQL predicates on batches, and the columns that their list is sorted by.

`domain.filters` parses clauses; every predicate made here holds beside the others (AND).
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from sqlalchemy import Date, Text, cast, func, or_
from sqlalchemy.sql.base import ReadOnlyColumnCollection
from sqlalchemy.sql.elements import ColumnElement

from services.batch.domain.filters import Clause
from services.batch.store.filters import condition, contains
from shared.rules.trading_calendar import NEW_YORK

Columns: TypeAlias = ReadOnlyColumnCollection[str, ColumnElement[Any]]
"""The columns of batches as somebody may see them: of all accounts of a batch, or of a part."""


def batch_columns(seen: Columns) -> Mapping[str, ColumnElement[Any]]:
    """Return API field of the list of batches -> column; all of them can be sorted by."""
    return {
        "number": seen.batch_id,
        "label": func.nullif(seen.label, ""),
        "decision": seen.status,
        "decided": seen.decided_at,
        "decided_by": seen.decided_name,
        "requested": seen.requested_at,
        "requested_by": seen.requested_name,
        "trade_date": seen.trade_date,
        "accounts": seen.accounts,
        "complete": seen.accounts - seen.failed - seen.removed,
        "failed": seen.failed,
        "removed": seen.removed,
        "turnover": seen.turnover_cents,
        "short_term": seen.short_cents,
        "long_term": seen.long_cents,
        "estimated": seen.estimated_cents,
    }


def batches_matching(seen: Columns, clauses: Sequence[Clause], search: str) -> list[ColumnElement[bool]]:
    """Return the predicates on batches."""
    compared = {**batch_columns(seen), "decided": _day(seen.decided_at), "requested": _day(seen.requested_at)}
    matching = [_condition(seen, compared[clause.field], clause) for clause in clauses]
    if search:
        names = (
            seen.label, seen.note, seen.requested_name, seen.decided_name, seen.first_name, seen.first_note,
            seen.only_account,
        )  # fmt: skip
        matching.append(or_(cast(seen.batch_id, Text) == search, contains(search, *names)))
    return matching


def _day(instant: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return the day of an instant where the exchange is, as lists show it."""
    return cast(func.timezone(NEW_YORK.key, instant), Date)


def _condition(seen: Columns, compared: ColumnElement[Any], clause: Clause) -> ColumnElement[bool]:
    found = condition(compared, clause)
    # Of two approvals the list shows both names.
    return or_(found, condition(seen.first_name, clause)) if clause.field == "decided_by" else found

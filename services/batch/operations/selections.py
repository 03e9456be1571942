"""Which accounts a command means: a selection of the API as predicates on the queue or on the accounts of a batch."""

from sqlalchemy.sql.elements import ColumnElement

from services.batch.domain.figures import tile_choice
from services.batch.domain.filters import parse_clauses
from services.batch.store.database import is_any, is_none_of
from services.batch.store.filters import members_matching, queue_matching
from services.batch.store.tables import ACCOUNT, BATCH_ACCOUNT, FLAG
from shared.contracts.api_batches import ByFilter, ById
from shared.contracts.codes import FlagState
from shared.contracts.filter_fields import BATCH_FIELDS, QUEUE_FIELDS


def queue_selection(selection: ById | ByFilter, *, leave_out_no_target: bool = False) -> list[ColumnElement[bool]]:
    """Return the predicates of a selection of the queue.  Raises BadClause if a filter cannot be read."""
    account_id = ACCOUNT.c.account_id
    with_target = [FLAG.c.state != int(FlagState.NO_TARGET)] if leave_out_no_target else []
    if isinstance(selection, ById):
        return [is_any(account_id, selection.ids), *with_target]
    clauses = parse_clauses(selection.f, QUEUE_FIELDS)
    matching = [*queue_matching(clauses, selection.q, tile_choice(selection.tiles)), *with_target]
    return [*matching, is_none_of(account_id, selection.exclude)] if selection.exclude else matching


def member_selection(selection: ById | ByFilter, logic: int) -> list[ColumnElement[bool]]:
    """Return the predicates of a selection of a batch's accounts.  Raises BadClause if a filter cannot be read.

    logic: number of the logic in force, whose figures the filter compares.
    """
    account_id = BATCH_ACCOUNT.c.account_id
    if isinstance(selection, ById):
        return [is_any(account_id, selection.ids)]
    clauses = parse_clauses(selection.f, BATCH_FIELDS)
    matching = members_matching(clauses, selection.q, tile_choice(selection.tiles), logic)
    return [*matching, is_none_of(account_id, selection.exclude)] if selection.exclude else matching

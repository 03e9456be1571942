"""The commands that take accounts out of a batch: removal, its undo, and removal with approval of the rest.

Each is one transaction and raises the version of the batch once, so nobody sees a part of it.  Source: product 6.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row
from sqlalchemy.exc import IntegrityError

from services.batch.columns import messages
from services.batch.domain.refusals import note_missing, undo_refusal
from services.batch.domain.states import AccountTransition, Transition, transition_of
from services.batch.operations import decide, wash_sales
from services.batch.operations.approve import approve_locked
from services.batch.operations.change import change, recount
from services.batch.operations.context import CommandContext, check_role, lock
from services.batch.operations.decide import CommandOutcome
from services.batch.operations.problems import NoneRemain, RestChanges, StaleProposals, UndoBarred, problem_of
from services.batch.operations.selections import member_selection
from services.batch.store import batches, members, removals
from services.batch.store.batches import BatchTotals
from services.batch.store.database import is_any, send
from services.batch.store.tables import BATCH_ACCOUNT
from shared.contracts.api_batches import ById, RemovalBody, RestBody, UndoBody
from shared.contracts.problems import CountChanged

_TRIES: Final = 5


async def remove(context: CommandContext, batch_id: int, version_seen: int, body: RemovalBody) -> CommandOutcome:
    """Return selected proposed accounts to the queue; a batch without any left is cancelled.

    Raises as `lock`, BadClause or CountChanged, and NoteMissing if it would end a batch whose decision needs a note.
    """
    connection = context.connection
    batch, now, rules = await lock(context, batch_id, version_seen, Transition.REMOVE)
    removed = await _take_out(context, batch, now, body)
    await wash_sales.check_households(connection, batch, [row.account_id for row in removed], now)
    totals = await batches.count(connection, batch_id, batch.logic)
    if _ends(totals):
        if rules.note_required:
            raise problem_of(
                note_missing("Cancel the request with a note instead of removing every account."), batch.version
            )
        after = (await decide.end(connection, batch, Transition.NONE_LEFT, context.actor, now)).batch
    else:
        after = await change(connection, batch, now, **totals.columns())
    return CommandOutcome(after, len(removed))


async def approve_rest(context: CommandContext, batch_id: int, version_seen: int, body: RestBody) -> CommandOutcome:
    """Return selected proposed accounts to the queue and approve all others.

    Raises as `remove` and `approve`, NoneRemain if none would be left, and RestChanges if the removal changes the
    wash-sale warnings of those that remain: nobody has seen what would be approved then.
    """
    check_role(context.principal, Transition.REMOVE)
    connection, deciding = context.connection, context.noting(body.note)
    batch, now, rules = await lock(deciding, batch_id, version_seen, Transition.APPROVE, removes_first=True)
    removed = await _take_out(context, batch, now, body)
    totals = await batches.count(connection, batch_id, batch.logic)
    if _ends(totals):
        raise NoneRemain(
            "No account would be left to approve: cancel the request, or keep one of its accounts.",
            version=batch.version,
        )
    if totals.tally.stale:
        some = (
            "1 of the accounts that remain has"
            if totals.tally.stale == 1
            else f"{totals.tally.stale:,} of the accounts that remain have"
        )
        raise StaleProposals(
            f"{some} a stale proposal: remove what is stale too or have it proposed again, then approve.",
            version=batch.version,
        )
    if await wash_sales.check_households(connection, batch, [row.account_id for row in removed], now):
        raise RestChanges(
            "Without these accounts, wash-sale warnings of those that remain are different from what you see: remove"
            " first, look at what remains, then approve it.",
            version=batch.version,
        )
    return await approve_locked(deciding, batch, rules, now)


async def undo(context: CommandContext, batch_id: int, version_seen: int, body: UndoBody) -> CommandOutcome:
    """Put removed accounts back into their batch, with the proposals that they had.

    Raises as `lock`, and UndoBarred with the number of accounts that can be put back where it is another.
    """
    connection, selection = context.connection, body.selection
    batch, now, _ = await lock(context, batch_id, version_seen, Transition.UNDO_REMOVAL)
    named, removal = (selection.ids, None) if isinstance(selection, ById) else (None, selection.version)
    back: Sequence[Row[Any]] | None = None
    for _ in range(_TRIES):
        judged = await removals.judge(connection, batch, named, removal)
        allowed = [str(row.account_id) for row in judged if row.barred is None]
        if len(allowed) != body.expected_count:
            barred = Counter(str(row.barred) for row in judged if row.barred is not None)
            gone = max(0, body.expected_count - len(judged))
            raise UndoBarred(undo_refusal(barred, gone, len(allowed)), count=len(allowed))
        back = await _put_back(context, batch, allowed)
        if back is not None:
            break
    if back is None:
        raise UndoBarred("Others are proposing for these accounts at this moment: look again.", count=0)
    accounts = [str(row.account_id) for row in back]
    await send(connection, messages.returned(batch_id, back, "UNDONE", batch.version + 1, now))
    await wash_sales.check_households(connection, batch, accounts, now)
    after = await recount(connection, batch, now)
    return CommandOutcome(after, len(accounts))


async def _put_back(context: CommandContext, batch: Row[Any], accounts: list[str]) -> Sequence[Row[Any]] | None:
    """Make removed accounts proposed again; None if another batch has taken one of them meanwhile."""
    chosen = [is_any(BATCH_ACCOUNT.c.account_id, accounts)]
    nothing = {"removed_name": None, "stale_code": None, "stale_text": None}
    try:
        async with context.connection.begin_nested():
            return await members.apply(
                context.connection, batch.batch_id, AccountTransition.UNDO_REMOVAL, chosen, **nothing
            )
    except IntegrityError:  # the index of open memberships: it is in another batch now
        return None


async def _take_out(
    context: CommandContext, batch: Row[Any], now: datetime, body: RemovalBody | RestBody
) -> Sequence[Row[Any]]:
    """Remove selected proposed accounts and send them back to the queue; return them.  Raises CountChanged."""
    removed = await members.apply(
        context.connection,
        batch.batch_id,
        AccountTransition.REMOVE,
        member_selection(body.selection, batch.logic),
        removed_name=context.actor.name,
        removed_version=batch.version + 1,
    )
    if len(removed) != body.expected_count:
        raise CountChanged(
            f"{len(removed):,} accounts of your selection can be removed now, you saw {body.expected_count:,}:"
            " look again, then remove.",
            count=len(removed),
        )
    await send(context.connection, messages.returned(batch.batch_id, removed, "REMOVED", batch.version + 1, now))
    return removed


def _ends(totals: BatchTotals) -> bool:
    """Return whether no account is left to decide about."""
    return transition_of(totals.tally) in (Transition.NONE_LEFT, Transition.ALL_FAILED)

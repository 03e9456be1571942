"""Approve what is left of a locked batch, or keep the first of two approvals that its enterprise asks for."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row

from services.batch.domain.approval_rules import ApprovalRules, first_stands
from services.batch.domain.refusals import approved_already
from services.batch.domain.schedule import session_of
from services.batch.domain.states import Status, Transition, batch_after
from services.batch.operations import decide, terms, wash_approvals
from services.batch.operations.change import change
from services.batch.operations.context import CommandContext
from services.batch.operations.decide import CommandOutcome
from services.batch.operations.problems import FoundStale, TermsDiffer, problem_of
from services.batch.store import batches, staleness
from services.batch.store.batches import BatchTotals


async def approve_locked(
    context: CommandContext, batch: Row[Any], rules: ApprovalRules, now: datetime
) -> CommandOutcome:
    """Approve every proposed account of a locked batch; where two people must, the first one's approval is only kept.

    Raises FoundStale for accounts that moved, or whose prices were withdrawn, and are not marked yet, TermsDiffer for
    accounts that show a term which is another on the session on which the orders would be traded, ApprovedAlready for
    the person of the first approval, and WashSalesMoved if another approval, or the close of the exchange, may have
    changed its wash-sale warnings.
    """
    unmarked = await staleness.count_unmarked(context.connection, batch.batch_id)
    if unmarked.stale:
        raise FoundStale(batch.batch_id, unmarked.stale, unmarked.moved, batch.version)
    differing = await terms.differing(context.connection, batch, now)
    if differing:
        raise TermsDiffer(batch.batch_id, differing, session_of(now), batch.version)
    await wash_approvals.hold(context.connection, batch, now)
    first_of_two = await _first_of_two(context, batch, rules)
    if first_of_two is not None:
        return await _keep_first(context, batch, first_of_two, now)
    return await decide.approve(context.connection, batch, context.actor, now)


async def _first_of_two(context: CommandContext, batch: Row[Any], rules: ApprovalRules) -> BatchTotals | None:
    """Return the totals of a batch that another person must approve after this one, else None.

    Raises ApprovedAlready if the first approval stands and is this person's.
    """
    if not rules.has_limits:
        return None
    totals = await batches.count(context.connection, batch.batch_id, batch.logic)
    if rules.approvers(totals.turnover_cents, totals.tally.proposed) == 1:
        return None
    if not first_stands(batch):
        return totals
    if batch.first_by == context.actor.subject:
        raise problem_of(approved_already(), batch.version)
    return None


async def _keep_first(context: CommandContext, batch: Row[Any], totals: BatchTotals, now: datetime) -> CommandOutcome:
    """Keep the first of two approvals; it counts as long as the batch stays at the version that this makes."""
    actor = context.actor
    after = await change(
        context.connection,
        batch,
        now,
        status=str(batch_after(Status(batch.status), Transition.FIRST_APPROVAL)),
        first_by=actor.subject,
        first_name=actor.name,
        first_at=now,
        first_note=actor.note or None,
        first_version=batch.version + 1,
        **totals.columns(),
    )
    return CommandOutcome(after, 0)

"""The commands of users.

Each one is a function that runs in one transaction: it locks the batch first, decides by pure rules and leaves its
messages in the outbox.  Source: product 6.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from services.batch.columns import messages
from services.batch.domain.figures import LOGIC_NUMBERS
from services.batch.domain.refusals import CommandFacts, is_allowed, refusal
from services.batch.domain.schedule import decision_window, session_of
from services.batch.domain.states import AccountTransition, Status, Transition, batch_after, transition_of
from services.batch.operations import decide, terms, wash_approvals, wash_sales
from services.batch.operations.change import change, recount
from services.batch.operations.decide import Actor, CommandOutcome
from services.batch.operations.problems import (
    FoundStale,
    LiquidationNotConfirmed,
    LogicUnavailable,
    NothingToPropose,
    TermsDiffer,
    problem_of,
)
from services.batch.operations.selections import member_selection, queue_selection
from services.batch.settings import Settings
from services.batch.store import batches, members, staleness
from services.batch.store.database import send
from shared.contracts.api_batches import LogicBody, ProposeBody, RemovalBody, ReproposeBody
from shared.contracts.principal import Principal
from shared.contracts.problems import CountChanged, Forbidden, NotFound
from shared.contracts.tenancy import scope_of
from shared.runtime.clock import Clock


@dataclass(frozen=True)
class CommandContext:
    """The transaction of a command, and the person who gives it."""

    connection: AsyncConnection
    settings: Settings
    clock: Clock
    principal: Principal

    @property
    def actor(self) -> Actor:
        """The person as the one who decides."""
        return Actor(self.principal.subject, self.principal.name)


async def propose(context: CommandContext, body: ProposeBody) -> CommandOutcome:
    """Make a batch of the selected accounts of the queue and request proposals.

    Raises Forbidden, BadClause, CountChanged, NothingToPropose or LiquidationNotConfirmed.
    """
    _check_role(context.principal, None)
    connection, now = context.connection, context.clock.now()
    selected = queue_selection(body.selection, leave_out_no_target=body.leave_out_no_target)
    batch_id = await batches.new_number(connection)
    added = await batches.add_accounts(connection, scope_of(context.principal), batch_id, now, selected)
    if added.accounts != body.expected_count:
        raise CountChanged(
            f"{added.accounts} accounts of your selection can be proposed now, you saw {body.expected_count}:"
            " look again, then propose",
            count=added.accounts,
        )
    if added.accounts == 0:
        raise NothingToPropose("no account of the queue is selected")
    expected = added.without_target if body.expected_liquidations is None else body.expected_liquidations
    if added.without_target and not (body.confirm_liquidation and expected == added.without_target):
        raise LiquidationNotConfirmed(
            f"{added.without_target} of the accounts have no target: proposing for them sells everything."
            " Confirm the liquidation or leave them out.",
            count=added.without_target,
            others=added.accounts - added.without_target,
        )
    actor, window = context.actor, decision_window(now, context.settings.cut_off)
    new = batches.NewBatch(
        batch_id, LOGIC_NUMBERS[body.logic], body.label, actor.subject, actor.name, now, window
    )  # fmt: skip
    batch = await batches.insert_batch(connection, new, added)
    rows = await members.read_for_request(connection, batch_id)
    await send(connection, [messages.batch_changed(batch), *messages.requests(batch, rows, now)])
    return CommandOutcome(batch, added.accounts)


async def approve(context: CommandContext, batch_id: int, version_seen: int) -> CommandOutcome:
    """Approve every proposed account: orders go out, once.

    Raises as `_lock`, FoundStale for accounts that moved, or whose prices were withdrawn, and are not marked yet, and
    TermsDiffer for accounts that show a term which is another on the session on which the orders would be traded, and
    WashSalesMoved if another approval may have changed its wash-sale warnings.
    """
    batch, now = await _lock(context, batch_id, version_seen, Transition.APPROVE)
    unmarked = await staleness.count_unmarked(context.connection, batch_id)
    if unmarked.stale:
        raise FoundStale(batch_id, unmarked.stale, unmarked.moved, batch.version)
    differing = await terms.differing(context.connection, batch, now)
    if differing:
        raise TermsDiffer(batch_id, differing, session_of(now), batch.version)
    await wash_approvals.hold(context.connection, batch)
    return await decide.approve(context.connection, batch, context.actor, now)


async def cancel(context: CommandContext, batch_id: int, version_seen: int) -> CommandOutcome:
    """Cancel the batch: its accounts return to the queue.  Raises as `_lock`."""
    batch, now = await _lock(context, batch_id, version_seen, Transition.CANCEL)
    return await decide.end(context.connection, batch, Transition.CANCEL, context.actor, now)


async def remove(context: CommandContext, batch_id: int, version_seen: int, body: RemovalBody) -> CommandOutcome:
    """Return selected proposed accounts to the queue; a batch without any left is cancelled.

    Raises as `_lock`, BadClause or CountChanged.
    """
    connection = context.connection
    batch, now = await _lock(context, batch_id, version_seen, Transition.REMOVE)
    selected = member_selection(body.selection, batch.logic)
    removed = await members.apply(
        connection, batch_id, AccountTransition.REMOVE, selected, removed_name=context.actor.name
    )
    if len(removed) != body.expected_count:
        raise CountChanged(
            f"{len(removed)} accounts of your selection can be removed now, you saw {body.expected_count}:"
            " look again, then remove",
            count=len(removed),
        )
    await send(connection, messages.returned(batch_id, removed, "REMOVED", batch.version + 1, now))
    await wash_sales.check(connection, batch, [row.account_id for row in removed])
    totals = await batches.count(connection, batch_id, batch.logic)
    if transition_of(totals.tally) in (Transition.NONE_LEFT, Transition.ALL_FAILED):
        after = (await decide.end(connection, batch, Transition.NONE_LEFT, context.actor, now)).batch
    else:
        after = await change(connection, batch, now, **totals.columns())
    return CommandOutcome(after, len(removed))


async def switch_logic(context: CommandContext, batch_id: int, version_seen: int, body: LogicBody) -> CommandOutcome:
    """Put another trade logic in force; accounts it could not propose for become stale.

    Raises as `_lock`, and LogicUnavailable if it was not computed for every account.
    """
    batch, now = await _lock(context, batch_id, version_seen, Transition.SWITCH_LOGIC)
    logic = LOGIC_NUMBERS[body.logic]
    if logic == batch.logic:
        return CommandOutcome(batch, 0)
    if not await members.has_logic(context.connection, batch_id, logic):
        raise LogicUnavailable(f"{body.logic} was not computed for every account of this batch")
    await staleness.mark_logic(context.connection, batch_id, logic)
    after = await recount(context.connection, batch, now, logic=logic)
    return CommandOutcome(after, after.proposed)


async def repropose(context: CommandContext, batch_id: int, version_seen: int, body: ReproposeBody) -> CommandOutcome:
    """Request proposals again for selected stale accounts; the batch is working until their results are in.

    Raises as `_lock`, BadClause or CountChanged.
    """
    connection = context.connection
    batch, now = await _lock(context, batch_id, version_seen, Transition.REPROPOSE)
    selected = [] if body.selection is None else member_selection(body.selection, batch.logic)
    again = await members.repropose(connection, batch_id, selected, now)
    if not again:
        raise CountChanged("none of the selected accounts is stale any more", count=0)
    await wash_sales.forget(connection, batch, [row.account_id for row in again])
    status = batch_after(Status(batch.status), Transition.REPROPOSE)
    after = await recount(connection, batch, now, status=str(status), answered_at=now)
    await send(connection, messages.requests(after, again, now))
    return CommandOutcome(after, len(again))


async def _lock(
    context: CommandContext, batch_id: int, version_seen: int, transition: Transition
) -> tuple[Row[Any], datetime]:
    """Lock the batch and check that the person may apply the transition to it now; return its row and the instant.

    The clock is read once the lock is held.  Raises Forbidden, NotFound, or the problem that says why the command is
    refused.
    """
    _check_role(context.principal, transition)
    batch = await batches.lock(context.connection, scope_of(context.principal), batch_id)
    if batch is None:
        raise NotFound(f"there is no batch {batch_id}, or it is not yours to see")
    now = context.clock.now()
    facts = CommandFacts(
        status=Status(batch.status),
        version=batch.version,
        version_seen=version_seen,
        cancel_at=batch.cancel_at,
        stale=batch.stale,
        requested_by=batch.requested_by,
        asked_by=context.actor.subject,
        four_eyes=not context.settings.four_eyes_enterprises.isdisjoint(batch.enterprise_ids),
    )
    refused = refusal(transition, facts, now)
    if refused is not None:
        raise problem_of(refused, batch.version)
    return batch, now


def _check_role(principal: Principal, transition: Transition | None) -> None:
    """Raise Forbidden unless one of the person's roles allows the transition; None means proposing."""
    if not is_allowed(principal.roles, transition):
        command = "propose trades" if transition is None else transition.replace("_", " ").lower()
        raise Forbidden(f"your roles ({', '.join(principal.roles) or 'none'}) do not allow to {command}")

"""The commands of users.

Each one is a function that runs in one transaction: it locks the batch first, decides by pure rules and leaves its
messages in the outbox.  Source: product 6.
"""

from services.batch.columns import messages
from services.batch.domain.figures import LOGIC_NUMBERS
from services.batch.domain.schedule import decision_window
from services.batch.domain.states import Status, Transition, batch_after
from services.batch.operations import decide, wash_sales
from services.batch.operations.approve import approve_locked
from services.batch.operations.change import recount
from services.batch.operations.context import CommandContext, check_role, lock
from services.batch.operations.decide import CommandOutcome
from services.batch.operations.problems import LiquidationNotConfirmed, LogicUnavailable, NothingToPropose
from services.batch.operations.selections import member_selection, queue_selection
from services.batch.store import batches, members, queue, staleness
from services.batch.store.database import send
from shared.contracts.api_batches import LogicBody, ProposeBody, ReproposeBody
from shared.contracts.problems import CountChanged
from shared.contracts.tenancy import scope_of


async def propose(context: CommandContext, body: ProposeBody) -> CommandOutcome:
    """Make a batch of the selected accounts of the queue and request proposals.

    Raises Forbidden, BadClause, CountChanged, NothingToPropose or LiquidationNotConfirmed.
    """
    check_role(context.principal, None)
    connection, now = context.connection, context.clock.now()
    scope = scope_of(context.principal)
    selected = queue_selection(body.selection, leave_out_no_target=body.leave_out_no_target)
    # Before a number is taken: one that was refused would be missing among the requests. What another request takes
    # in between is found again below.
    _check_selected(body, *await queue.count_selected(connection, scope, selected))
    batch_id = await batches.new_number(connection)
    added = await batches.add_accounts(connection, scope, batch_id, now, selected)
    _check_selected(body, added.accounts, added.without_target)
    actor, window = context.actor, decision_window(now, context.settings.cut_off)
    new = batches.NewBatch(
        batch_id, LOGIC_NUMBERS[body.logic], body.label, actor.subject, actor.name, now, window
    )  # fmt: skip
    batch = await batches.insert_batch(connection, new, added)
    rows = await members.read_for_request(connection, batch_id)
    await send(connection, [messages.batch_changed(batch), *messages.requests(batch, rows, now)])
    return CommandOutcome(batch, added.accounts)


def _check_selected(body: ProposeBody, accounts: int, without_target: int) -> None:
    """Raise CountChanged, NothingToPropose or LiquidationNotConfirmed unless this is what the user saw and wants.

    accounts: of the selection that are in the queue; without_target: how many of them would be liquidated.
    """
    if accounts != body.expected_count:
        raise CountChanged(
            f"{accounts:,} accounts of your selection can be proposed now, you saw {body.expected_count:,}:"
            " look again, then propose.",
            count=accounts,
        )
    if accounts == 0:
        raise NothingToPropose(
            "None of the accounts that you selected is in the queue any more: look at the list again, then propose."
        )
    expected = without_target if body.expected_liquidations is None else body.expected_liquidations
    if without_target and not (body.confirm_liquidation and expected == without_target):
        raise LiquidationNotConfirmed(
            f"{without_target} of the accounts have no target: proposing for them sells everything."
            " Confirm the liquidation or leave them out.",
            count=without_target,
            others=accounts - without_target,
        )


async def approve(context: CommandContext, batch_id: int, version_seen: int, note: str) -> CommandOutcome:
    """Approve every proposed account: orders go out, once.  Raises as `lock` and `approve_locked`."""
    deciding = context.noting(note)
    batch, now, rules = await lock(deciding, batch_id, version_seen, Transition.APPROVE)
    return await approve_locked(deciding, batch, rules, now)


async def cancel(context: CommandContext, batch_id: int, version_seen: int, note: str) -> CommandOutcome:
    """Cancel the batch: its accounts return to the queue.  Raises as `lock`."""
    deciding = context.noting(note)
    batch, now, _ = await lock(deciding, batch_id, version_seen, Transition.CANCEL)
    return await decide.end(context.connection, batch, Transition.CANCEL, deciding.actor, now)


async def switch_logic(context: CommandContext, batch_id: int, version_seen: int, body: LogicBody) -> CommandOutcome:
    """Put another trade logic in force; accounts it could not propose for become stale.

    Raises as `lock`, and LogicUnavailable if it was not computed for every account.
    """
    batch, now, _ = await lock(context, batch_id, version_seen, Transition.SWITCH_LOGIC)
    logic = LOGIC_NUMBERS[body.logic]
    if logic == batch.logic:
        return CommandOutcome(batch, 0)
    if not await members.has_logic(context.connection, batch_id, logic):
        name = body.logic.replace("_", " ").title()
        raise LogicUnavailable(
            f"{name} was not computed for every account of this request: keep the trade logic that is in force."
        )
    await staleness.mark_logic(context.connection, batch_id, logic)
    after = await recount(context.connection, batch, now, logic=logic)
    return CommandOutcome(after, after.proposed)


async def repropose(context: CommandContext, batch_id: int, version_seen: int, body: ReproposeBody) -> CommandOutcome:
    """Request proposals again for selected stale accounts; the batch is working until their results are in.

    Raises as `lock`, BadClause or CountChanged.
    """
    connection = context.connection
    batch, now, _ = await lock(context, batch_id, version_seen, Transition.REPROPOSE)
    selected = [] if body.selection is None else member_selection(body.selection, batch.logic)
    again = await members.repropose(connection, batch_id, selected, now)
    if not again:
        raise CountChanged("None of the selected accounts is stale any more: look at the request again.", count=0)
    await wash_sales.forget(connection, batch, [row.account_id for row in again])
    status = batch_after(Status(batch.status), Transition.REPROPOSE)
    after = await recount(connection, batch, now, status=str(status), answered_at=now)
    await send(connection, messages.requests(after, again, now))
    return CommandOutcome(after, len(again))

"""The command that edits orders of an account before approval, and what drops an edit.

The account is computed again and cannot be approved until its result is in.  Source: product 6;
docs/decisions/0035-edited-trades.md.
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
from sqlalchemy import Row

from services.batch.domain import edits as rules
from services.batch.domain.states import AccountState, Status, Transition, batch_after
from services.batch.operations import wash_sales, work_requests
from services.batch.operations.change import recount
from services.batch.operations.context import CommandContext, lock
from services.batch.operations.decide import CommandOutcome, canonical
from services.batch.operations.problems import EditRefused, NotEditable, NoteMissing
from services.batch.store import members, results
from shared.contracts import chunks, codec
from shared.contracts.api_batches import EditBody
from shared.contracts.problems import NotFound
from shared.fixed_point.text import scaled


async def edit_trades(
    context: CommandContext, batch_id: int, account_id: str, version_seen: int, body: EditBody
) -> CommandOutcome:
    """Make orders of an account's proposal others, and have the account computed again.

    Quantities are those of the proposal where they are not named, whatever was edited before; an edit that leaves all
    as proposed drops the one before.  Raises as `lock`, NotFound, NoteMissing, NotEditable and EditRefused.
    """
    connection = context.connection
    batch, now, _ = await lock(context, batch_id, version_seen, Transition.EDIT_TRADES)
    if not body.note:
        raise NoteMissing("Say why you edit these trades: it is kept with the decision.", version=batch.version)
    member = await members.read_one(connection, batch_id, account_id)
    if member is None:
        raise NotFound(f"There is no account {account_id} in request {batch_id}, or it is not yours to see.")
    if member.state != AccountState.PROPOSED:
        raise NotEditable("This account has no proposal in the request now: there is nothing to edit.")
    if member.stale_code is not None:
        raise NotEditable("The proposal is stale: have it proposed again, then edit it.")
    before = None if member.edit is None else orjson.loads(member.edit)
    chunk_id, row_no = (before["chunk_id"], before["row_no"]) if before else (member.chunk_id, member.row_no)
    content = await results.read_chunk(connection, chunk_id)
    result = await asyncio.to_thread(_row_of, content, row_no)
    wanted = [(trade.security_id, scaled(trade.quantity, 6)) for trade in body.trades]
    try:
        orders = rules.edited_orders(result, batch.logic, wanted)
    except rules.EditError as refused:
        raise EditRefused(str(refused), version=batch.version) from refused
    if not orders and before is None:
        raise EditRefused("These are the proposed quantities: change one, or leave the account as it is.")
    edit = {
        "logic": batch.logic,
        "by": context.actor.subject,
        "name": context.actor.name,
        "at": now.astimezone(UTC),
        "note": body.note,
        "version": batch.version + 1,
        "chunk_id": chunk_id,
        "row_no": row_no,
        "orders": [
            {"security_id": order.security_id, "proposed": order.proposed, "quantity": order.quantity}
            for order in orders
        ],
    }
    again = await members.edit(connection, batch_id, account_id, canonical(edit).decode() if orders else None, now)
    after = await request_again(context, batch, again, now)
    return CommandOutcome(after, len(again))


async def request_again(
    context: CommandContext, batch: Row[Any], again: Sequence[Row[Any]], now: datetime, **values: Any
) -> Row[Any]:
    """Request results for accounts that were just emptied of theirs; return the batch, which is working now.

    values: further columns of the batch to set.
    """
    connection = context.connection
    await wash_sales.forget(connection, batch, [row.account_id for row in again])
    status = batch_after(Status(batch.status), Transition.EDIT_TRADES)
    after = await recount(connection, batch, now, status=str(status), answered_at=now, **values)
    await work_requests.request(connection, after, again, now)
    return after


def _row_of(content: bytes, row_no: int) -> dict[str, Any]:
    rows, _ = codec.decode_kept(content, chunks.RESULT)
    row: dict[str, Any] = rows.slice(row_no, 1).to_pylist()[0]
    return row

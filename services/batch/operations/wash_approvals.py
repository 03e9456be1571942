"""What an approval leaves to the wash-sale checks of other batches, and that no approval rests on an older check.

Approvals of one enterprise are recorded one after the other: each holds the enterprise's turn until it commits, and
each batch keeps the turn it was checked at.  Where another approval came since, the batch is checked again, before it
can be approved.  Source: product 5, "Wash-sale check"; docs/decisions/0008-wash-sales-in-the-deciding-transaction.md.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from services.batch.columns import wash_approvals as columns
from services.batch.domain.schedule import session_of
from services.batch.domain.states import AccountState, Status
from services.batch.operations import wash_sales
from services.batch.operations.change import change
from services.batch.operations.problems import WashSalesMoved
from services.batch.store import approved_losses, batches, members, results
from services.batch.store.database import Database
from shared.contracts.tenancy import SYSTEM


async def hold(connection: AsyncConnection, batch: Row[Any], now: datetime) -> None:
    """Hold the turn of a batch that is to be approved.

    Raises WashSalesMoved unless it was checked at this turn, for the session on which its orders are traded.

    A batch whose accounts are each the only one of a household neither changes other checks nor is changed by others:
    an account is in one open batch at most.
    """
    if batch.wash_session != session_of(now):
        raise WashSalesMoved(batch.batch_id, batch.version)
    if not await approved_losses.has_households(connection, batch.batch_id):
        return
    if await approved_losses.turn_of(connection, batch.enterprise_ids, hold=True) != batch.wash_seen:
        raise WashSalesMoved(batch.batch_id, batch.version)


async def record(connection: AsyncConnection, batch: Row[Any], approved: Sequence[Row[Any]]) -> None:
    """Record what a decided batch leaves: losses, units that disallow a loss, buys.  approved: its approved accounts.

    Nothing happens the second time.
    """
    if not await approved_losses.claim(connection, batch.batch_id):
        return
    session = session_of(batch.decided_at)
    by_chunk: dict[int, list[Row[Any]]] = {}
    for row in approved:
        if columns.leaves_something(row):
            by_chunk.setdefault(row.chunk_id, []).append(row)

    def read(contents: dict[int, bytes]) -> columns.Left:
        left = [columns.left_of(batch, session, by_chunk[number], content) for number, content in contents.items()]
        return {table: pa.concat_tables(part[table] for part in left) for table in left[0]}

    async for contents in results.read_groups(connection, sorted(by_chunk)):
        await approved_losses.add(connection, await asyncio.to_thread(read, contents))
    uses = await asyncio.to_thread(columns.uses_of, batch, session, approved)
    await approved_losses.add(connection, {"wash_use": uses})
    if await approved_losses.has_households(connection, batch.batch_id):
        await approved_losses.turn_of(connection, batch.enterprise_ids, hold=True, more=1)


async def record_missing(database: Database, now: datetime) -> None:
    """Record the approved batches of the last days that an older version of this service did not."""
    async with database.transaction(SYSTEM) as connection:
        missing = await approved_losses.unrecorded(connection, now.date())
    for batch_id in missing:
        async with database.transaction(SYSTEM) as connection:
            batch = await batches.lock(connection, SYSTEM, batch_id)
            if batch is not None:
                await approved_losses.turn_of(connection, batch.enterprise_ids, hold=True)
                rows = await members.read_all(connection, batch_id)
                await record(connection, batch, [row for row in rows if row.state == AccountState.APPROVED])


async def check_batch_again(connection: AsyncConnection, batch_id: int, now: datetime) -> bool:
    """Check a batch that awaits a decision again; return whether a displayed figure has changed."""
    batch = await batches.lock(connection, SYSTEM, batch_id)
    return batch is not None and await check_again(connection, batch, now)


async def check_again(connection: AsyncConnection, batch: Row[Any], now: datetime) -> bool:
    """Check a locked batch again and publish it if a displayed figure has changed; return whether one has."""
    if Status(batch.status) is not Status.PENDING_APPROVAL:
        return False
    changed = await wash_sales.check(connection, batch, now)
    if changed:
        await change(connection, batch, now)
    return changed

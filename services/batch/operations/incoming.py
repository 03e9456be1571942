"""Accounts, flags and analyses from other services, and the proposals that they make stale.

Flags and results lock the batch before they look at each other's rows, so that a result and a flag that arrive together
cannot miss one another.  Source: architecture "Stale", "View".
"""

import asyncio
from collections.abc import Sequence
from datetime import date

from sqlalchemy.ext.asyncio import AsyncConnection

from services.batch.columns import messages
from services.batch.columns.flags import enterprises_of, flags_and_details
from services.batch.domain.states import DECIDED, Status
from services.batch.operations.change import recount
from services.batch.store import batches, incoming, staleness
from services.batch.store.database import send
from shared.contracts.events import AnalysisCompleted
from shared.contracts.platform import AccountChanged
from shared.contracts.succession import Admitted
from shared.contracts.tenancy import SYSTEM
from shared.kafka.messages import Chunk
from shared.runtime.clock import Clock


async def store_accounts(
    connection: AsyncConnection, accounts: Sequence[AccountChanged], clock: Clock
) -> Admitted[AccountChanged]:
    """Store accounts, the newest version wins; proposals for accounts that moved become stale.

    Return which versions were admitted and which refused.
    """
    touched: list[int] = []

    async def lock_batches(connection: AsyncConnection) -> None:
        for batch_id in await staleness.batches_touched_by_accounts(connection):
            await batches.lock(connection, SYSTEM, batch_id)
            touched.append(batch_id)

    admitted = await incoming.put_accounts(connection, accounts, lock_batches)
    for batch_id in touched:
        await mark_stale(connection, batch_id, clock)
    return admitted


async def store_flags(connection: AsyncConnection, chunks: Sequence[Chunk], clock: Clock) -> None:
    """Store flags, the newest version wins; proposals that rest on older facts become stale."""
    flags, details = await asyncio.to_thread(flags_and_details, [chunk.rows for chunk in chunks])
    await incoming.put_flags(connection, flags, details)
    for batch_id in await staleness.batches_touched_by_flags(connection):
        await mark_stale(connection, batch_id, clock)
    await send(connection, messages.queue_changed(enterprises_of(flags), clock.now()))


async def store_analyses(connection: AsyncConnection, runs: Sequence[AnalysisCompleted], clock: Clock) -> None:
    """Store when the last analysis of each advisor's accounts ended."""
    for run in runs:
        await incoming.put_analysis(connection, run, clock.now())


async def mark_stale(connection: AsyncConnection, batch_id: int, clock: Clock) -> None:
    """Lock a batch, mark its stale proposals and publish it; a decided batch stays as it is."""
    batch = await batches.lock(connection, SYSTEM, batch_id)
    if batch is None or Status(batch.status) in DECIDED or not await staleness.mark_stale(connection, batch_id):
        return
    await recount(connection, batch, clock.now())


async def mark_terms(
    connection: AsyncConnection, batch_id: int, accounts: Sequence[str], session: date, clock: Clock
) -> None:
    """Lock a batch, mark proposals whose terms are others on `session`, and publish it; a decided batch stays."""
    batch = await batches.lock(connection, SYSTEM, batch_id)
    if batch is None or Status(batch.status) in DECIDED:
        return
    if await staleness.mark_terms(connection, batch_id, accounts, session):
        await recount(connection, batch, clock.now())

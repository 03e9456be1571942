"""Collect the results of requested proposals, and send requests again whose results do not come.

Every function works on a batch that is locked in the caller's transaction, or locks it first.
Source: architecture "Request path".
"""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np
import pyarrow as pa
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from services.batch.columns import messages
from services.batch.columns.results import batch_of, table_of
from services.batch.domain.states import AccountState, Status, Transition, batch_after, transition_of
from services.batch.operations import decide, wash_sales, work_requests
from services.batch.operations.change import change
from services.batch.operations.readiness import note_end_of_work
from services.batch.settings import Settings
from services.batch.store import batches, members, results
from services.batch.store.database import send
from shared.contracts.tenancy import SYSTEM
from shared.kafka.messages import Chunk
from shared.runtime.clock import Clock

_ANY_NUMBER: Final = 2**31 - 1


def by_batch(chunks: Sequence[Chunk]) -> dict[int, list[Chunk]]:
    """Return result chunks by the batch they belong to.  Raises BadMessage if one names no batch."""
    found: dict[int, list[Chunk]] = defaultdict(list)
    for chunk in chunks:
        found[batch_of(chunk)].append(chunk)
    return found


async def collect(
    connection: AsyncConnection, batch_id: int, chunks: Sequence[Chunk], settings: Settings, clock: Clock
) -> None:
    """Put the result chunks of one batch into it; late, repeated and unrequested ones change nothing.

    Raises BadMessage if a chunk names no attempt.
    """
    batch = await batches.lock(connection, SYSTEM, batch_id)
    if batch is None or Status(batch.status) is not Status.WORKING:
        return
    now = clock.now()
    async with connection.begin_nested() as savepoint:
        numbers, table = await asyncio.gather(
            results.add_chunks(connection, batch, [chunk.value for chunk in chunks]),
            asyncio.to_thread(table_of, chunks, batch.logic),
        )
        chunk_ids = np.repeat(numbers, [chunk.rows.num_rows for chunk in chunks])
        accounts = await results.put(connection, batch_id, table.append_column("chunk_id", pa.array(chunk_ids)))
        if not accounts:
            await savepoint.rollback()  # no account waited for these chunks: they are not kept
            return
    failed = [row for row in accounts if row.state == AccountState.FAILED]
    await send(connection, messages.returned(batch_id, failed, "FAILED", batch.version + 1, now))
    if batch.working > len(accounts):
        await _count_on(connection, batch, len(accounts), len(failed), settings, now)
    else:
        await _advance(connection, batch, now)


def silent_since(settings: Settings, now: datetime) -> datetime:
    """Return the instant before which an account must have been sent to be sent again."""
    return now - timedelta(seconds=settings.answer_within_s)


async def send_again(
    connection: AsyncConnection, batch: Row[Any], sent_before: datetime, settings: Settings, now: datetime
) -> int:
    """Send the accounts of a locked batch again that were sent before `sent_before` and have no result.

    Those sent often enough fail.  Return how many were sent or failed.  The caller has seen that no result of the batch
    came since `sent_before`: while results come in, the others are only queued.
    """
    batch_id = batch.batch_id
    again = await members.send_again(connection, batch_id, sent_before, settings.attempts, now)
    failed = await members.time_out(connection, batch_id, sent_before, settings.attempts)
    await work_requests.request(connection, batch, again, now)
    await send(connection, messages.returned(batch_id, failed, "FAILED", batch.version + 1, now))
    await _advance(connection, batch, now)
    return len(again) + len(failed)


async def request_at_once(connection: AsyncConnection, batch: Row[Any], now: datetime) -> int:
    """Send every account of a locked batch that has no result again, however often it was sent; return how many.

    It counts as one of its attempts, but none fails by it.
    """
    again = await members.send_again(connection, batch.batch_id, now, _ANY_NUMBER, now)
    await work_requests.request(connection, batch, again, now)
    return len(again)


async def _count_on(
    connection: AsyncConnection, batch: Row[Any], collected: int, failed: int, settings: Settings, now: datetime
) -> None:
    """Add collected accounts to the counts of a locked batch, and publish them a few times a second at most.

    The lock excludes other changes, so nothing is counted again; gains are summed when every result is in.
    """
    columns = {
        "answered_at": now,
        "working": batch.working - collected,
        "proposed": batch.proposed + collected - failed,
        "failed": batch.failed + failed,
    }
    if now - batch.told_at < timedelta(seconds=settings.progress_every_s):
        await batches.touch(connection, batch.batch_id, columns)
    else:
        await change(connection, batch, now, **columns)


async def _advance(connection: AsyncConnection, batch: Row[Any], now: datetime) -> None:
    """Count the accounts of a locked batch and apply the transition that follows from the counts, if any."""
    totals = await batches.count(connection, batch.batch_id, batch.logic)
    transition = transition_of(totals.tally)
    if transition is not None:
        await note_end_of_work(connection, batch, now)
    if transition is None:
        await change(connection, batch, now, **totals.columns())
    elif transition is Transition.COLLECTED:
        await wash_sales.check(connection, batch, now)
        status = batch_after(Status(batch.status), transition)
        await change(connection, batch, now, status=str(status), **totals.columns())
    else:
        await decide.end(connection, batch, transition, decide.SYSTEM_ACTOR, now)

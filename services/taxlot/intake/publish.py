"""Publish the holdings of every account that a file covers, then the end of the file.

What is published is everything the file covers, never "what changed": after a crash between commit and publishing all
of it is published again with the same ids.  Source: product 2, architecture "Republish".
"""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final, Literal

import numpy as np
import pyarrow as pa
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from services.taxlot.columns.holdings import holdings_of
from services.taxlot.settings import SERVICE
from services.taxlot.store import holdings
from shared.contracts import topics
from shared.contracts.chunks import MAX_CHUNK_ACCOUNTS
from shared.contracts.events import FilePart, FileProcessed
from shared.ids import event_id
from shared.kafka import messages
from shared.kafka.incarnation import READ, of_incarnation
from shared.kafka.messages import Outgoing
from shared.kafka.publisher import Publisher

_MOST_ROWS: Final = 8_000  # holdings in a chunk: well below 512 kB


async def publish_file(
    connection: AsyncConnection[TupleRow], publisher: Publisher, file_id: int, now: datetime
) -> None:
    """Publish an ended file and its accounts, and mark it published; call under the file's publishing lock.

    connection: commits each statement.  now: the time of its messages, kept before the first is sent.
    Raises KafkaError if the broker is away: nothing is marked and all of it is published again later, at that time.
    """
    row = await (
        await connection.execute(
            "UPDATE file SET event_at = coalesce(event_at, %s)"
            " WHERE file_id = %s AND announced_at IS NULL AND status <> 'LOADING'"
            " RETURNING status, name, custodian, data_date, accounts, held, reason_code, reason, sent_by, event_at,"
            " coalesce(again_of, file_id)",
            (now, file_id),
        )
    ).fetchone()
    if row is None:
        return
    status, name, custodian, data_date, accounts, held, code, reason, sent_by, event_at, first = row
    if status == "LOADED":
        async for group in holdings.of_file(connection, first):
            rows = await asyncio.to_thread(holdings_of, group)
            await publisher.send(holdings_chunks(rows, first, event_at, file_id))
    parts = await _parts(connection, file_id)
    enterprises = sorted({part.enterprise_id for part in parts})
    ended = FileProcessed(
        file_id=str(file_id),
        version=1,
        file_name=name,
        custodian=custodian,
        as_of=data_date,
        outcome=status,
        reason=f"{code}: {reason}" if code else reason,
        accounts=accounts,
        held=held,
        sent_by=sent_by,
        enterprise_ids=enterprises,
        parts=parts,
        at=event_at,
    )
    event = messages.event(
        topics.FILES, str(file_id), ended, event_id=event_id("file", file_id), source=SERVICE, at=event_at,
        enterprises=enterprises,
    )  # fmt: skip
    await publisher.send(of_incarnation([event], await _incarnation(connection)))
    await connection.execute(
        "UPDATE file SET announced_at = %s, published_at = CASE WHEN status = 'LOADED' THEN %s END,"
        " status = CASE WHEN status = 'LOADED' THEN 'PUBLISHED' ELSE status END WHERE file_id = %s",
        (now, now, file_id),
    )


async def _incarnation(connection: AsyncConnection[TupleRow]) -> str:
    """Return the incarnation of the database, as of_incarnation takes it."""
    row = await (await connection.execute(READ)).fetchone()
    return "" if row is None else str(row[0])


async def _parts(connection: AsyncConnection[TupleRow], file_id: int) -> list[FilePart]:
    """Return the counts of the file for each enterprise and advisor it concerns."""
    rows = await connection.execute(
        "SELECT enterprise_id, advisor_id, accounts, held FROM file_part WHERE file_id = %s ORDER BY 1, 2", (file_id,)
    )
    return [
        FilePart(enterprise_id=enterprise, advisor_id=advisor, accounts=accounts, held=held)
        async for enterprise, advisor, accounts, held in rows
    ]


async def publish_accounts(
    connection: AsyncConnection[TupleRow], publisher: Publisher, accounts: Sequence[str], now: datetime
) -> int:
    """Publish the present holdings of these accounts once more; return how many were published.  Raises KafkaError.

    The versions are those of the first time: a consumer that has them skips them.
    """
    count = 0
    async for group in holdings.of_accounts(connection, accounts):
        rows = await asyncio.to_thread(holdings_of, group)
        await publisher.send(holdings_chunks(rows, "again", now))
        count += len(group)
    return count


def holdings_chunks(
    rows: pa.RecordBatch, file_id: int | Literal["again"], at: datetime, reading: int | None = None
) -> Iterator[Outgoing]:
    """Cut rows of HOLDINGS into messages of at most 200 accounts and about 500 kB.

    file_id: the file that covers the accounts, or "again" where accounts of several files are published once more.
    reading: the ledger entry of this reading of the file's bytes, by which its messages differ from those of another.
    """
    sizes: Any = rows.column("holdings")
    ends = np.cumsum(np.nan_to_num(sizes.value_lengths().to_numpy(zero_copy_only=False)))
    begin = 0
    while begin < rows.num_rows:
        before = ends[begin - 1] if begin else 0
        end = int(np.searchsorted(ends, before + _MOST_ROWS, side="right"))
        end = min(max(end, begin + 1), begin + MAX_CHUNK_ACCOUNTS, rows.num_rows)
        part = rows.slice(begin, end - begin)
        key = str(part.column("account_id")[0])
        versions = part.column("lots_version").to_pylist()
        identity = event_id("holdings", reading or file_id, key, end - begin, *versions)
        meta = {"file_id": str(file_id)}
        yield messages.chunk(topics.HOLDINGS, key, part, meta, event_id=identity, source=SERVICE, at=at)
        begin = end

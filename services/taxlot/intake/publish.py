"""Telling others: the holdings of every account a file covers, then the end of the file.

What is published is what the input covers, never "what changed": after a crash between commit and publish everything is
published again with the same ids.  Source: product 2, architecture "Republish".
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import datetime
from typing import Any, Final

import numpy as np
import pyarrow as pa
from psycopg import AsyncConnection, sql
from psycopg.rows import TupleRow

from services.taxlot.store import documents
from shared.contracts import topics
from shared.contracts.chunks import HOLDINGS, MAX_CHUNK_ACCOUNTS
from shared.contracts.events import FilePart, FileProcessed
from shared.ids import event_id
from shared.kafka import messages
from shared.kafka.isolation import OUR_FAULT, concat_rows, halves, isolate, note_account_fault
from shared.kafka.messages import Outgoing
from shared.kafka.publisher import Publisher

SOURCE: Final = "taxlot"
_READ_ACCOUNTS: Final = 2_000
_MOST_ROWS: Final = 8_000  # holdings in a chunk: well below 512 kB
_HOLDINGS = """
COPY (
    SELECT h.account_id, a.enterprise_id, a.advisor_id, h.lots_version, h.as_of, h.cash_cents, h.hold_code, h.hold_text,
        CASE WHEN h.hold_code IS NULL THEN l.document END, h.file_id::text
    FROM holding h JOIN account a USING (account_id) LEFT JOIN lots l USING (account_id)
    WHERE {chosen}
) TO STDOUT (FORMAT BINARY)
"""
_Row = tuple[Any, ...]  # the columns of _HOLDINGS
_TYPES = ["text", "text", "text", "int8", "date", "int8", "text", "text", "bytea", "text"]


async def publish_file(
    connection: AsyncConnection[TupleRow], publisher: Publisher, file_id: int, now: datetime
) -> None:
    """Publish what the ended file has to tell and mark it told; call under the file's publishing lock.

    Raises KafkaError when the broker is away: nothing is marked and all of it is published again later.
    """
    row = await (
        await connection.execute(
            "SELECT status, name, custodian, data_date, accounts, held, reason_code, reason, sent_by FROM file"
            " WHERE file_id = %s AND announced_at IS NULL AND status <> 'LOADING'",
            (file_id,),
        )
    ).fetchone()
    if row is None:
        return
    status, name, custodian, data_date, accounts, held, code, reason, sent_by = row
    if status == "LOADED":
        async for group in _chosen(connection, sql.SQL("h.file_id = {}").format(file_id)):
            rows = await asyncio.to_thread(told, group)
            await publisher.send(holdings_chunks(rows, file_id, now))
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
        parts=await _parts(connection, file_id),
        at=now,
    )
    await publisher.send(
        [messages.event(topics.FILES, str(file_id), ended, event_id=event_id("file", file_id), source=SOURCE, at=now)]
    )
    await connection.execute(
        "UPDATE file SET announced_at = %s, published_at = CASE WHEN status = 'LOADED' THEN %s END,"
        " status = CASE WHEN status = 'LOADED' THEN 'PUBLISHED' ELSE status END WHERE file_id = %s",
        (now, now, file_id),
    )


async def _parts(connection: AsyncConnection[TupleRow], file_id: int) -> list[FilePart]:
    """Return whom the file concerns and what of it is theirs."""
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
    """Publish the holdings of these accounts once more, as they stand; return of how many.  Raises KafkaError.

    The versions are those of the first time: who has them already passes them over.
    """
    count = 0
    async for group in _chosen(connection, sql.SQL("h.account_id = ANY({})").format(list(accounts))):
        rows = await asyncio.to_thread(told, group)
        await publisher.send(holdings_chunks(rows, "again", now))
        count += len(group)
    return count


async def _chosen(connection: AsyncConnection[TupleRow], chosen: sql.Composed) -> AsyncIterator[list[_Row]]:
    """Yield the chosen accounts in groups, from one stream."""
    statement = sql.SQL(_HOLDINGS).format(chosen=chosen)
    async with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.set_types(_TYPES)
        group: list[_Row] = []
        async for row in copy.rows():
            group.append(row)
            if len(group) == _READ_ACCOUNTS:
                yield group
                group = []
        if group:
            yield group


def told(group: Sequence[_Row]) -> pa.RecordBatch:
    """Return the accounts as rows of HOLDINGS; one whose lots our code cannot add up is told of as held."""

    def held(alone: Sequence[_Row], error: Exception) -> pa.RecordBatch:
        row = list(alone[0])
        row[6:9] = OUR_FAULT, note_account_fault(row[0], error), None  # code, text, document
        return holdings_rows([tuple(row)])

    return concat_rows(isolate("tell holdings", group, halves, holdings_rows, held))


def holdings_rows(group: Sequence[_Row]) -> pa.RecordBatch:
    """Return the accounts as rows of HOLDINGS, their lots added up by sleeve and security."""
    columns = list(zip(*group, strict=True))
    held = np.array([document is None for document in columns[8]])
    lots, first = documents.joined([document for document in columns[8] if document is not None])
    owner = np.repeat(np.flatnonzero(~held), np.diff(first))
    children, starts = _added_up(lots, owner, len(group))
    offsets = pa.array(starts, pa.int32(), mask=np.concatenate([held, [False]]))
    listed: Any = pa.ListArray
    arrays = [
        pa.array(columns[0], pa.string()),
        pa.array(columns[1], pa.string()),
        pa.array(columns[2], pa.string()),
        pa.array(columns[3], pa.int64()),
        pa.array(columns[4], pa.date32()),
        pa.array(columns[9], pa.string()),
        pa.array([None if hold else cash for cash, hold in zip(columns[5], held, strict=True)], pa.int64()),
        pa.array(columns[6], pa.string()),
        pa.array(columns[7], pa.string()),
        listed.from_arrays(offsets, children, type=HOLDINGS.field("holdings").type),
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=HOLDINGS)


def _added_up(lots: pa.RecordBatch, owner: Any, accounts: int) -> tuple[Any, Any]:
    """Return the struct array of holdings and where each account's begin; lots stand by (security, sleeve)."""
    security = lots.column("security_id").dictionary_encode()
    sleeve = lots.column("sleeve_id").dictionary_encode()
    codes = security.indices.to_numpy().astype(np.int64) * max(len(sleeve.dictionary), 1)
    codes += sleeve.indices.to_numpy()
    new = np.ones(lots.num_rows, np.bool_)
    if lots.num_rows:
        new[1:] = (codes[1:] != codes[:-1]) | (owner[1:] != owner[:-1])
    begin: Any = np.flatnonzero(new)
    units = np.add.reduceat(lots.column("quantity_micro").to_numpy(), begin) if len(begin) else np.zeros(0, np.int64)
    kind: Any = HOLDINGS.field("holdings").type
    children = pa.StructArray.from_arrays(
        [
            lots.column("sleeve_id").take(pa.array(begin)),
            lots.column("security_id").take(pa.array(begin)),
            pa.array(units, pa.int64()),
        ],
        fields=list(kind.value_type),
    )
    starts = np.searchsorted(owner[begin], np.arange(accounts + 1)).astype(np.int32)
    return children, starts


def holdings_chunks(rows: pa.RecordBatch, file_id: int | str, now: datetime) -> Iterator[Outgoing]:
    """Cut rows of HOLDINGS into messages of at most 200 accounts and about 500 kB.

    file_id: the file that is told of, or "again" where accounts of several are told of once more.
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
        versions = part.column("lots_version").to_pylist() if file_id == "again" else ()
        identity = event_id("holdings", file_id, key, end - begin, *versions)
        meta = {"file_id": str(file_id)}
        yield messages.chunk(topics.HOLDINGS, key, part, meta, event_id=identity, source=SOURCE, at=now)
        begin = end

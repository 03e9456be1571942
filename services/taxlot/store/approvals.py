"""The newest approval of each account that is booked here: what the daily comparison finds lost ones by.

An approval without trades leaves nothing else behind, so its epoch is kept by itself.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from shared.contracts import chunks, comparison, topics
from shared.ids import event_id
from shared.kafka import messages
from shared.kafka.messages import Outgoing

_SOURCE: Final = "taxlot"
_MOST: Final = 2_000  # accounts in a message, as what asks for flags
_NOTE: Final = (
    "INSERT INTO approval (account_id, epoch) SELECT account_id, max(epoch)"
    " FROM unnest(%s::text[], %s::int[]) AS told (account_id, epoch) GROUP BY 1 ORDER BY 1"
    " ON CONFLICT (account_id) DO UPDATE SET epoch = excluded.epoch WHERE approval.epoch < excluded.epoch"
)
_UNBOOKED: Final = (
    "SELECT s.place, coalesce(a.epoch, 0)"
    " FROM unnest(%s::text[], %s::int[]) WITH ORDINALITY AS s (account_id, epoch, place)"
    " LEFT JOIN approval a USING (account_id) WHERE s.epoch > coalesce(a.epoch, 0) ORDER BY s.account_id"
)


async def note(connection: AsyncConnection[TupleRow], told: Sequence[pa.RecordBatch]) -> None:
    """Note that approvals are booked: rows of REBALANCED; an older one than is known changes nothing."""
    columns: Any = [[one for rows in told for one in rows.column(name).to_pylist()] for name in ("account_id", "epoch")]
    await connection.execute(_NOTE, columns)


async def unbooked(connection: AsyncConnection[TupleRow], standing: pa.RecordBatch) -> pa.RecordBatch:
    """Return the accounts of STANDING rows whose newest approval is not booked, as rows of UNBOOKED."""
    columns: Any = [standing.column(name).to_pylist() for name in ("account_id", "epoch")]
    found = await (await connection.execute(_UNBOOKED, columns)).fetchall()
    places = pa.array([place - 1 for place, _ in found], pa.int64())
    owners = [pc.take(standing.column(field.name), places) for field in chunks.ACCOUNT_KEYS]
    epochs = pa.array([epoch for _, epoch in found], pa.int32())
    return pa.RecordBatch.from_arrays([*owners, epochs], schema=comparison.UNBOOKED)


def asked_for(rows: pa.RecordBatch, at: datetime) -> list[Outgoing]:
    """Return the request that batch tell the approvals of these accounts again."""
    found = []
    for start in range(0, rows.num_rows, _MOST):
        part = rows.slice(start, _MOST)
        first = str(part.column("account_id")[0])
        name = event_id("unbooked", first, part.num_rows, at.isoformat())
        found.append(messages.chunk(topics.UNBOOKED, first, part, {}, event_id=name, source=_SOURCE, at=at))
    return found

"""The newest approval of each account that is booked here; the daily comparison finds lost ones by it.

An approval without trades leaves nothing else behind, so its epoch is stored by itself.
"""

from collections.abc import Sequence
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from shared.contracts import chunks, comparison

_NOTE: Final = (
    "INSERT INTO approval (account_id, epoch) SELECT account_id, max(epoch)"
    " FROM unnest(%s::text[], %s::int[]) AS booked (account_id, epoch) GROUP BY 1 ORDER BY 1"
    " ON CONFLICT (account_id) DO UPDATE SET epoch = excluded.epoch WHERE approval.epoch < excluded.epoch"
)
_UNBOOKED: Final = (
    "SELECT s.number, coalesce(a.epoch, 0)"
    " FROM unnest(%s::text[], %s::int[]) WITH ORDINALITY AS s (account_id, epoch, number)"
    " LEFT JOIN approval a USING (account_id) WHERE s.epoch > coalesce(a.epoch, 0) ORDER BY s.account_id"
)


async def note(connection: AsyncConnection[TupleRow], booked: Sequence[pa.RecordBatch]) -> None:
    """Note that approvals are booked: rows of REBALANCED; an epoch older than the stored one changes nothing."""
    columns: Any = [
        [value for rows in booked for value in rows.column(name).to_pylist()] for name in ("account_id", "epoch")
    ]
    await connection.execute(_NOTE, columns)


async def unbooked(connection: AsyncConnection[TupleRow], standing: pa.RecordBatch) -> pa.RecordBatch:
    """Return the accounts of STANDING rows whose newest approval is not booked, as rows of UNBOOKED."""
    columns: Any = [standing.column(name).to_pylist() for name in ("account_id", "epoch")]
    missing = await (await connection.execute(_UNBOOKED, columns)).fetchall()
    indices = pa.array([number - 1 for number, _ in missing], pa.int64())
    owners = [pc.take(standing.column(field.name), indices) for field in chunks.ACCOUNT_KEYS]
    epochs = pa.array([epoch for _, epoch in missing], pa.int32())
    return pa.RecordBatch.from_arrays([*owners, epochs], schema=comparison.UNBOOKED)

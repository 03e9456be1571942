"""Batches put aside because a sweep failed at them, until a time or until an operator releases them.

A batch is tried again at `again_at`; its row is deleted with the first success.
"""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

_PARK: Final = text(
    "INSERT INTO parked AS p (batch_id, reason, parked_at, failures, again_at)"
    " VALUES (:batch_id, :reason, :now, 1, :now + interval '5 seconds')"
    " ON CONFLICT (batch_id) DO UPDATE SET reason = excluded.reason, failures = p.failures + 1, again_at = :now"
    " + least(interval '5 seconds' * power(2, least(p.failures, 20)), interval '1 hour') RETURNING *"
)
_FORGET: Final = text("DELETE FROM parked WHERE batch_id = :batch_id")
_LIST: Final = text("SELECT * FROM parked ORDER BY batch_id")
_RELEASE: Final = text("UPDATE parked SET again_at = parked_at WHERE batch_id = :batch_id")


async def park(connection: AsyncConnection, batch_id: int, reason: str, now: datetime) -> Row[Any]:
    """Put a batch aside, for longer with each failure (5 s, doubled up to an hour); return its row."""
    values = {"batch_id": batch_id, "reason": reason, "now": now}
    return (await connection.execute(_PARK, values)).one()


async def forget(connection: AsyncConnection, batch_id: int) -> None:
    """Delete the row of a batch that a sweep has dealt with."""
    await connection.execute(_FORGET, {"batch_id": batch_id})


async def parked(connection: AsyncConnection) -> list[Row[Any]]:
    """Return all batches put aside: batch_id, reason, parked_at, failures, again_at."""
    return list(await connection.execute(_LIST))


async def release(connection: AsyncConnection, batch_id: int) -> bool:
    """Have a batch tried again at once; return whether it was put aside."""
    return (await connection.execute(_RELEASE, {"batch_id": batch_id})).rowcount == 1

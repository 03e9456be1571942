"""The state of the outbox as metrics, read by a timer of its own.

The relay measured it before, between two attempts to publish; while it waited for a broker or for its lock, the age
stood still.  This reads the table whatever the relay does, in every replica, and between two reads, or while the
database is away, the age of the row that waits goes on growing.
"""

import time
from typing import Final

import psycopg
from psycopg import AsyncConnection

from shared.postgres.pool import Use, arguments
from shared.runtime import metrics

SESSIONS: Final = 1
"""Database sessions of a watch, while it samples."""
EVERY_S: Final = 5.0
_QUICK: Final = Use(statement_s=5, lock_s=2, idle_s=10)
MOST_COUNTED: Final = 100_000
# The index of unpublished rows is by id, and the first id is the oldest: nothing is sorted, and nothing else is read.
STATE: Final = (
    "SELECT count(*) FILTER (WHERE parked_reason IS NULL), count(*) FILTER (WHERE parked_reason IS NOT NULL),"
    " extract(epoch FROM clock_timestamp() - min(created_at) FILTER (WHERE parked_reason IS NULL))"
    " FROM (SELECT parked_reason, created_at FROM outbox WHERE published_at IS NULL ORDER BY id LIMIT %s) AS waiting"
)


class OutboxWatch:
    """Reads how many rows wait and since when; its connection is not of the service's pools, which may be exhausted."""

    def __init__(self, database_url: str, schema: str) -> None:
        self._url = database_url
        self._schema = schema
        self._oldest_s: float | None = None  # monotonic time at which the oldest waiting row was created
        metrics.OUTBOX_AGE.labels(schema).set_function(self._age_s)

    async def sample(self) -> None:
        """Read the table once.  Raises psycopg.Error if the database does not respond."""
        session = arguments(self._schema, _QUICK, f"{self._schema}-outbox-watch")
        async with await AsyncConnection.connect(self._url, autocommit=True, **session) as connection:
            row = await (await connection.execute(STATE, [MOST_COUNTED])).fetchone()
        if row is None:
            raise psycopg.InterfaceError("counting gives a row")
        pending, parked, age_s = row
        self._oldest_s = None if age_s is None else time.monotonic() - float(age_s)
        metrics.OUTBOX_PENDING.labels(self._schema).set(pending)
        metrics.OUTBOX_PARKED.labels(self._schema).set(parked)

    def _age_s(self) -> float:
        return 0.0 if self._oldest_s is None else max(0.0, time.monotonic() - self._oldest_s)

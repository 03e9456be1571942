"""The outbox: a state change and its messages are one transaction; a relay publishes them in order, then marks them.

Insert rows only after locking their aggregate: then row ids follow commits for that aggregate and its order holds.
Source: architecture "Outbox".
"""

from collections.abc import Sequence
from typing import Any, Final

import orjson
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from shared.messages import Outgoing

_WAKE: Final = "SELECT pg_notify(current_schema() || '_outbox', '')"

# Run by a service's first migration, in its own schema.
TABLE_SQL = """
CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic text NOT NULL,
    key bytea NOT NULL,
    value bytea NOT NULL,
    headers jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    published_at timestamptz,
    parked_reason text
);
CREATE INDEX outbox_unpublished ON outbox (id) WHERE published_at IS NULL AND parked_reason IS NULL;
"""


async def enqueue(connection: AsyncConnection[TupleRow], messages: Sequence[Outgoing]) -> None:
    """Add messages to the outbox inside the caller's transaction and wake the relay when it commits."""
    if not messages:
        return
    async with connection.cursor() as cursor:
        async with cursor.copy("COPY outbox (topic, key, value, headers) FROM STDIN") as copy:
            for message in messages:
                await copy.write_row(
                    (message.topic, message.key, message.value, orjson.dumps(message.headers).decode())
                )
        await cursor.execute(_WAKE)


async def parked(connection: AsyncConnection[TupleRow]) -> list[dict[str, Any]]:
    """Return the rows that the broker refuses for ever: id, topic, key, size in bytes, when it was made, and why."""
    found = await connection.execute(
        "SELECT id, topic, convert_from(key, 'UTF8'), octet_length(value), created_at, parked_reason FROM outbox"
        " WHERE published_at IS NULL AND parked_reason IS NOT NULL ORDER BY id"
    )
    names = ("id", "topic", "key", "bytes", "created_at", "reason")
    return [dict(zip(names, row, strict=True)) for row in await found.fetchall()]


async def release(connection: AsyncConnection[TupleRow], row_id: int) -> bool:
    """Let the relay try a parked row again; say whether there was such a row. Refused once more, it is parked again."""
    done = await connection.execute(
        "UPDATE outbox SET parked_reason = NULL WHERE id = %s AND published_at IS NULL AND parked_reason IS NOT NULL",
        (row_id,),
    )
    await connection.execute(_WAKE)
    return done.rowcount == 1

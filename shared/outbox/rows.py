"""The outbox: a state change and its messages are one transaction; a relay publishes the messages in order.

Insert rows only after locking their aggregate, so that row ids follow its commits and its messages keep their order.
The role that serves users has no right to the table; a function inserts for it rows that carry the seal of the service,
so that an injected statement cannot send messages.
Source: architecture "Outbox"; docs/decisions/0021-messages-of-users-under-seal.md.
"""

import hashlib
import hmac
import struct
from collections.abc import Iterator, Sequence
from typing import Any, Final

import orjson
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from shared.kafka.messages import Outgoing

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


# Binary parameters: as text each byte would take two on the wire.
_ADD_SEALED: Final = "SELECT outbox_add(%s, %b::text[], %b::bytea[], %b::bytea[], %b::text[])"
_TEXT, _BYTEA = 25, 17  # type oids


async def enqueue(
    connection: AsyncConnection[TupleRow], messages: Sequence[Outgoing], key: bytes | None = None
) -> None:
    """Add messages to the outbox inside the caller's transaction and wake the relay when it commits.

    key: the service's scope key, in the transaction of a user; None for the service's own role.
    """
    if not messages:
        return
    async with connection.cursor() as cursor:
        if key is not None:
            columns = _columns(messages)
            await cursor.execute(_ADD_SEALED, (seal(key, columns), *columns))
            await cursor.execute(_WAKE)
            return
        async with cursor.copy("COPY outbox (topic, key, value, headers) FROM STDIN") as copy:
            for message in messages:
                await copy.write_row(
                    (message.topic, message.key, message.value, orjson.dumps(message.headers).decode())
                )
        await cursor.execute(_WAKE)


def _columns(messages: Sequence[Outgoing]) -> tuple[list[str], list[bytes], list[bytes], list[str]]:
    """Return topics, keys, values and headers (JSON)."""
    topics, keys, values = ([getattr(message, name) for message in messages] for name in ("topic", "key", "value"))
    return topics, keys, values, [orjson.dumps(message.headers).decode() for message in messages]


def seal(key: bytes, columns: tuple[list[str], list[bytes], list[bytes], list[str]]) -> str:
    """Return the HMAC-SHA256, in hex, of "outbox" and the SHA-256 of each column in PostgreSQL's binary form."""
    topics, keys, values, headers = columns
    combined = hashlib.sha256()
    for kind, column in ((_TEXT, topics), (_BYTEA, keys), (_BYTEA, values), (_TEXT, headers)):
        digest = hashlib.sha256()
        for piece in _array_send(kind, column):
            digest.update(piece)
        combined.update(digest.digest())
    return hmac.new(key, b"outbox" + combined.digest(), hashlib.sha256).hexdigest()


def _array_send(kind: int, values: Sequence[str] | Sequence[bytes]) -> Iterator[bytes]:
    """Yield an array as PostgreSQL's array_send does: dimensions, nulls, type, length, first index; elements."""
    yield struct.pack("!iiIii", 1, 0, kind, len(values), 1)
    for value in values:
        content = value.encode() if isinstance(value, str) else value
        yield struct.pack("!i", len(content)) + content


async def parked(connection: AsyncConnection[TupleRow]) -> list[dict[str, Any]]:
    """Return the parked rows as dicts: id, topic, key, bytes (of the value), created_at, reason."""
    found = await connection.execute(
        "SELECT id, topic, convert_from(key, 'UTF8'), octet_length(value), created_at, parked_reason FROM outbox"
        " WHERE published_at IS NULL AND parked_reason IS NOT NULL ORDER BY id"
    )
    names = ("id", "topic", "key", "bytes", "created_at", "reason")
    return [dict(zip(names, row, strict=True)) for row in await found.fetchall()]


async def release(connection: AsyncConnection[TupleRow], row_id: int) -> bool:
    """Let the relay try a parked row again; say whether there was one.  Refused again, it is parked again."""
    done = await connection.execute(
        "UPDATE outbox SET parked_reason = NULL WHERE id = %s AND published_at IS NULL AND parked_reason IS NOT NULL",
        (row_id,),
    )
    await connection.execute(_WAKE)
    return done.rowcount == 1

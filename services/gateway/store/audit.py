"""Rows of the audit log: added in bulk by the only function that may, read by filters, verified as a hash chain."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, LiteralString

import orjson
import psycopg
from psycopg import AsyncConnection, AsyncCursor
from psycopg.rows import TupleRow

from shared.postgres.commits import CommitUnknown, is_ending

_APPEND: Final[LiteralString] = "SELECT seq, hash FROM audit_append(%s::jsonb)"
_MISSING: Final[LiteralString] = """
SELECT wanted.number FROM jsonb_array_elements(%s::jsonb) WITH ORDINALITY AS wanted (body, number) WHERE NOT EXISTS (
    SELECT FROM audit WHERE audit.body->>'at' = wanted.body->>'at' AND audit.body = wanted.body
) ORDER BY 1
"""
_READ: Final[LiteralString] = """
SELECT seq, body FROM audit
WHERE (%(subject)s::text IS NULL OR body->>'subject' = %(subject)s)
  AND (%(id)s::text IS NULL OR body->'ids' ? %(id)s)
  AND (%(since)s::text IS NULL OR body->>'at' >= %(since)s)
  AND (%(until)s::text IS NULL OR body->>'at' < %(until)s)
ORDER BY seq DESC LIMIT %(limit)s
"""
# The rule is in functions of the database, which the auditor calls too (versions/0005_auditor.py).
_BROKEN: Final[LiteralString] = """
SELECT coalesce(
    (SELECT broken_at FROM audit_follow(0, NULL)),
    (SELECT coalesce(head_seq, last_seq) FROM audit_ends()
        WHERE (head_seq, head_hash) IS DISTINCT FROM (last_seq, last_hash))
)
"""


@dataclass(frozen=True)
class Head:
    """Number and hash of the newest record. A copy kept elsewhere proves that no earlier record was removed."""

    seq: int
    hash: str


async def append(connection: AsyncConnection[TupleRow], entries: Sequence[dict[str, Any]]) -> Head:
    """Add records, as the last statement of a transaction: until it ends no other one can add any."""
    return await _appended(await _append(connection, entries))


async def append_and_commit(connection: AsyncConnection[TupleRow], entries: Sequence[dict[str, Any]]) -> Head:
    """Add records in a transaction of their own, with its COMMIT in the same network packet.

    So the end of the chain is locked only while the database works, not until this process reads the reply.
    Raises CommitUnknown if the COMMIT got no reply.
    """
    try:
        async with connection.pipeline():
            cursor = await _append(connection, entries)
            await connection.commit()
    except psycopg.Error as error:
        if is_ending(error):
            raise CommitUnknown(f"COMMIT got no reply: {error!r}") from error
        raise
    return await _appended(cursor)


async def _append(connection: AsyncConnection[TupleRow], entries: Sequence[dict[str, Any]]) -> AsyncCursor[TupleRow]:
    return await connection.execute(_APPEND, [orjson.dumps(list(entries)).decode()])


async def _appended(cursor: AsyncCursor[TupleRow]) -> Head:
    row = await cursor.fetchone()
    assert row is not None  # noqa: S101  # a function with OUT parameters gives one row
    return Head(int(row[0]), bytes(row[1]).hex())


async def missing(connection: AsyncConnection[TupleRow], entries: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return which of the records are not in the log, after a COMMIT without a reply.

    Waits for the transaction that may still be adding them, and locks the end of the chain until this one ends.
    """
    await connection.execute(_APPEND, ["[]"])
    rows = await (await connection.execute(_MISSING, [orjson.dumps(list(entries)).decode()])).fetchall()
    return [entries[number - 1] for (number,) in rows]


async def read(connection: AsyncConnection[TupleRow], **wanted: Any) -> list[dict[str, Any]]:
    """Return records, newest first. wanted: subject, id, since, until (instants as ISO text), limit."""
    rows = await (await connection.execute(_READ, wanted)).fetchall()
    return [{"seq": seq, **body} for seq, body in rows]


async def broken_at(connection: AsyncConnection[TupleRow]) -> int | None:
    """Return the number of the first record that was changed or follows a gap; None if the chain is whole."""
    row = await (await connection.execute(_BROKEN)).fetchone()
    return None if row is None or row[0] is None else int(row[0])


async def head(connection: AsyncConnection[TupleRow]) -> Head:
    """Return the number and hash of the newest record."""
    row = await (await connection.execute("SELECT seq, hash FROM audit_head")).fetchone()
    assert row is not None  # noqa: S101  # the migration inserts it, and no role can delete it
    return Head(int(row[0]), bytes(row[1]).hex())

"""The audit log's rows: added in bulk by the one function that may, read by filters, checked as a chain."""

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
SELECT asked.place FROM jsonb_array_elements(%s::jsonb) WITH ORDINALITY AS asked (body, place) WHERE NOT EXISTS (
    SELECT FROM audit WHERE audit.body->>'at' = asked.body->>'at' AND audit.body = asked.body
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
# Every record fits what it says and the one before it; the last of them is the head; none is missing.
_BROKEN: Final[LiteralString] = """
WITH chain AS (
    SELECT seq, prev, hash, sha256(prev || int8send(seq) || convert_to(body::text, 'UTF8')) AS due,
           lag(hash, 1, sha256('')) OVER (ORDER BY seq) AS before, row_number() OVER (ORDER BY seq) AS place
    FROM audit
)
(SELECT seq FROM chain WHERE hash <> due OR prev <> before OR seq <> place ORDER BY seq LIMIT 1)
UNION ALL
SELECT head.seq FROM audit_head head
WHERE head.hash <> coalesce((SELECT hash FROM audit ORDER BY seq DESC LIMIT 1), sha256(''))
   OR head.seq <> coalesce((SELECT max(seq) FROM audit), 0)
LIMIT 1
"""


@dataclass(frozen=True)
class Head:
    """The newest record's place and hash. Kept elsewhere too, it proves that nothing before it was taken away."""

    seq: int
    hash: str


async def append(connection: AsyncConnection[TupleRow], entries: Sequence[dict[str, Any]]) -> Head:
    """Add records; they stand when the transaction is committed. Until then nobody else can add any: do it last."""
    return await _appended(await _append(connection, entries))


async def append_and_commit(connection: AsyncConnection[TupleRow], entries: Sequence[dict[str, Any]]) -> Head:
    """Add records in a transaction of their own, sent in one piece.

    The chain's end is then locked for as long as the database takes, and not until this process, which may be busy with
    others, has read the answer.  Raises CommitUnknown.
    """
    try:
        async with connection.pipeline():
            cursor = await _append(connection, entries)
            await connection.commit()
    except psycopg.Error as error:
        if is_ending(error):
            raise CommitUnknown(f"COMMIT was not answered: {error!r}") from error
        raise
    return await _appended(cursor)


async def _append(connection: AsyncConnection[TupleRow], entries: Sequence[dict[str, Any]]) -> AsyncCursor[TupleRow]:
    return await connection.execute(_APPEND, [orjson.dumps(list(entries)).decode()])


async def _appended(cursor: AsyncCursor[TupleRow]) -> Head:
    row = await cursor.fetchone()
    assert row is not None  # noqa: S101  # a function with OUT parameters gives one row
    return Head(int(row[0]), bytes(row[1]).hex())


async def missing(connection: AsyncConnection[TupleRow], entries: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return which of the records do not stand, after a COMMIT that was not answered.

    Waits for the transaction that may still be adding them, and keeps others from adding until this one ends.
    """
    await connection.execute(_APPEND, ["[]"])
    rows = await (await connection.execute(_MISSING, [orjson.dumps(list(entries)).decode()])).fetchall()
    return [entries[place - 1] for (place,) in rows]


async def read(connection: AsyncConnection[TupleRow], **wanted: Any) -> list[dict[str, Any]]:
    """Return records, newest first. wanted: subject, id, since, until (instants as ISO text), limit."""
    rows = await (await connection.execute(_READ, wanted)).fetchall()
    return [{"seq": seq, **body} for seq, body in rows]


async def broken_at(connection: AsyncConnection[TupleRow]) -> int | None:
    """Return the first record that was changed, or after which one is missing; None when the chain holds."""
    row = await (await connection.execute(_BROKEN)).fetchone()
    return None if row is None else int(row[0])


async def head(connection: AsyncConnection[TupleRow]) -> Head:
    """Return the newest record's place and hash."""
    row = await (await connection.execute("SELECT seq, hash FROM audit_head")).fetchone()
    assert row is not None  # noqa: S101  # the migration puts it there, and nobody can take it away
    return Head(int(row[0]), bytes(row[1]).hex())

"""Holdings and lots documents of accounts, read for requests, for publishing and for the daily comparison."""

from collections.abc import AsyncIterator, Sequence
from typing import Final

import pyarrow as pa
from psycopg import AsyncConnection, sql
from psycopg.rows import TupleRow

from services.taxlot.domain.holdings import HoldingRow, StoredHolding

_READ_ACCOUNTS: Final = 2_000
_STORED: Final = (
    "SELECT h.account_id, h.lots_version, h.hold_text, CASE WHEN h.hold_code IS NULL THEN l.document END"
    " FROM holding h LEFT JOIN lots l USING (account_id) WHERE h.account_id = ANY(%s)"
)
# Where the analyzer's copy is behind: its version or date is older, or it rests on another file of that date.
_OUTDATED: Final = """
SELECT h.account_id FROM unnest(%s::text[], %s::bigint[], %s::date[], %s::text[])
    AS s (account_id, lots_version, as_of, file_id) JOIN holding h USING (account_id)
WHERE h.lots_version > s.lots_version OR h.lots_version = s.lots_version
    AND (s.as_of IS NULL OR h.as_of > s.as_of OR h.as_of = s.as_of AND h.file_id::text IS DISTINCT FROM s.file_id)
ORDER BY 1
"""
_COMPARED: Final = ("account_id", "lots_version", "as_of", "file_id")
_STREAM: Final = """
COPY (
    SELECT h.account_id, a.enterprise_id, a.advisor_id, h.lots_version, h.as_of, h.cash_cents, h.hold_code, h.hold_text,
        CASE WHEN h.hold_code IS NULL THEN l.document END, h.file_id::text, f.received_at
    FROM holding h JOIN account a USING (account_id) LEFT JOIN lots l USING (account_id)
        LEFT JOIN file f ON f.file_id = h.file_id
    WHERE {chosen}
) TO STDOUT (FORMAT BINARY)
"""
_TYPES: Final = ["text", "text", "text", "int8", "date", "int8", "text", "text", "bytea", "text", "timestamptz"]


async def stored(connection: AsyncConnection[TupleRow], accounts: Sequence[str]) -> dict[str, StoredHolding]:
    """Return what is stored of each of these accounts that a file has named."""
    async with connection.cursor(binary=True) as cursor:
        await cursor.execute(_STORED, (list(accounts),))
        return {account: StoredHolding(version, hold, document) async for account, version, hold, document in cursor}


async def outdated(connection: AsyncConnection[TupleRow], standing: pa.RecordBatch) -> list[str]:
    """Return the accounts of STANDING rows whose holding here is newer than the analyzer's copy, by account id."""
    columns = [standing.column(name).to_pylist() for name in _COMPARED]
    return [row[0] async for row in await connection.execute(_OUTDATED, columns)]


def of_file(connection: AsyncConnection[TupleRow], file_id: int) -> AsyncIterator[list[HoldingRow]]:
    """Yield the accounts that a file was the last to cover, in groups."""
    return _stream(connection, sql.SQL("h.file_id = {}").format(file_id))


def of_accounts(connection: AsyncConnection[TupleRow], accounts: Sequence[str]) -> AsyncIterator[list[HoldingRow]]:
    """Yield these accounts, in groups."""
    return _stream(connection, sql.SQL("h.account_id = ANY({})").format(list(accounts)))


async def _stream(connection: AsyncConnection[TupleRow], chosen: sql.Composed) -> AsyncIterator[list[HoldingRow]]:
    """Yield the chosen accounts in groups of at most 2,000, from one COPY."""
    statement = sql.SQL(_STREAM).format(chosen=chosen)
    async with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.set_types(_TYPES)
        group: list[HoldingRow] = []
        async for row in copy.rows():
            group.append(row)
            if len(group) == _READ_ACCOUNTS:
                yield group
                group = []
        if group:
            yield group

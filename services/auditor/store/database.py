"""One look at all schemas: a read-only transaction that sees a single instant of every service's tables.

The role reads the columns that the services' migrations show it.  Tables are named with their schema, because this is
the one process that reads several.  Source: docs/decisions/0028-an-auditor-beside-the-system.md.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, TypeAlias

from psycopg import AsyncConnection, IsolationLevel
from psycopg.rows import DictRow, dict_row

from services.auditor.settings import SERVICE
from shared.postgres.pool import Use, arguments

Snapshot: TypeAlias = AsyncConnection[DictRow]
_USE: Final = Use(statement_s=60, lock_s=5, idle_s=60)
"""A pass is the least of the server's work: it gives up where users would begin to notice."""


@asynccontextmanager
async def snapshot(database_url: str) -> AsyncIterator[Snapshot]:
    """Open a session whose statements all see the same instant.  Raises psycopg.Error if the database is away."""
    session = arguments("pg_catalog", _USE, SERVICE)
    async with await AsyncConnection.connect(database_url, row_factory=dict_row, **session) as connection:
        await connection.set_isolation_level(IsolationLevel.REPEATABLE_READ)
        await connection.set_read_only(True)
        async with connection.transaction():
            yield connection


async def rows(connection: Snapshot, query: str, **values: Any) -> list[DictRow]:
    """Return the rows of a query, by column."""
    return await (await connection.execute(query.encode(), values)).fetchall()

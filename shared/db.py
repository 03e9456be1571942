"""PostgreSQL: a pool per service whose connections see only the service's own schema, and bulk writes by COPY."""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from urllib.parse import urlsplit, urlunsplit

from psycopg import AsyncConnection, sql
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool

from shared.tenancy import Scope, enter_async

Pool = AsyncConnectionPool[AsyncConnection[TupleRow]]


def pool(database_url: str, schema: str, *, size: int = 6) -> Pool:
    """Return a closed pool; open it in the running loop (`async with`). Sessions run in UTC on the service's schema."""

    async def prepare(connection: AsyncConnection[TupleRow]) -> None:
        await connection.execute(sql.SQL("SET search_path TO {}; SET timezone TO 'UTC'").format(sql.Identifier(schema)))
        await connection.commit()

    return AsyncConnectionPool(
        database_url,
        min_size=1,
        max_size=size,
        open=False,
        timeout=20.0,
        configure=prepare,
        check=AsyncConnectionPool.check_connection,
        kwargs={"application_name": f"rebalancer-{schema}"},
        name=schema,
    )


@asynccontextmanager
async def scoped(requests: Pool, scope: Scope) -> AsyncIterator[AsyncConnection[TupleRow]]:
    """Lend a connection in the scope of a user: committed at its end, rolled back when it raises."""
    async with requests.connection() as connection:
        await enter_async(connection, scope)
        yield connection


async def copy_rows(
    connection: AsyncConnection[TupleRow], table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]
) -> None:
    """COPY rows into `table` (of the search path), in one stream."""
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(table), sql.SQL(", ").join(sql.Identifier(column) for column in columns)
    )
    async with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            await copy.write_row(row)


def sqlalchemy_url(database_url: str) -> str:
    """Return the same address for SQLAlchemy with the psycopg 3 driver, which takes several hosts as parameters."""
    address = urlsplit(database_url)
    who, at, hosts = address.netloc.rpartition("@")
    if "," in hosts:
        named = "&".join(f"host={host}" for host in hosts.split(","))
        address = address._replace(netloc=who + at, query=f"{address.query}&{named}".lstrip("&"))
    return urlunsplit(address._replace(scheme="postgresql+psycopg"))

"""The database of the batch service: transactions in a scope, the outbox, and bulk writes by COPY.

Every transaction has a scope. The service's own work sees all rows; a user's transaction runs with a role to which
row-level security shows that scope's rows and no others. Queries carry the same predicate explicitly (`sees`), for
their plans and as a second safeguard.  Source: architecture "Tenancy".

The modules beside this one hold all SQL: a function takes the connection of the caller's transaction first.
"""

import asyncio
import io
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, Self

import psycopg
import pyarrow as pa
from psycopg import sql
from psycopg.rows import TupleRow
from pyarrow import csv
from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Text,
    all_,
    and_,
    any_,
    false,
    func,
    literal,
    or_,
    select,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.sql.expression import FromClause

from services.batch.settings import SERVICE
from shared.contracts.tenancy import READ_KEY, WHAT_ROLE_MAY, Scope, check_role, sealed
from shared.kafka.incarnation import READ, of_incarnation
from shared.kafka.messages import Outgoing
from shared.outbox import rows as outbox_rows
from shared.postgres.engines import CountingPool, export_engine, leave_demoted_servers, transaction_of
from shared.postgres.pool import EXPORTS, REQUESTS, WORK, Busy, Use, arguments, sqlalchemy_url

_ENTER = text("SELECT set_config('app.scope', :scope, true)")
_SEALED_WITH: Final = "sealed_with"  # of a connection that serves users: the key
_SNAPSHOT = text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
# Else a cursor is planned for its first tenth.
_WHOLE = text("SET LOCAL cursor_tuple_fraction = 1")
EXPORTS_BUSY: Final = (
    "Other files are being taken out, as many as can be at once: nothing was begun. Try again in a minute."
)


def sees(scope: Scope, rows: FromClause) -> ColumnElement[bool]:
    """Return the predicate of a scope over rows that name one enterprise and advisor, or lists of them."""
    if scope.service:
        return true()
    if not scope.enterprises or scope.advisors == ():
        return false()
    if "enterprise_id" in rows.c:
        mine = is_any(rows.c.enterprise_id, scope.enterprises)
        return mine if scope.advisors is None else and_(mine, is_any(rows.c.advisor_id, scope.advisors))
    mine = rows.c.enterprise_ids.contained_by(texts(scope.enterprises))
    return mine if scope.advisors is None else and_(mine, rows.c.advisor_ids.contained_by(texts(scope.advisors)))


def sees_part(scope: Scope, batches: FromClause, members: FromClause) -> ColumnElement[bool]:
    """Return the predicate that a batch has an account in scope, which `sees` says of all its accounts.

    members: the accounts of batches.  One enterprise of the scope and one advisor of it, in a batch of several
    enterprises, need not be those of one account.
    """
    if scope.service:
        return true()
    if not scope.enterprises or scope.advisors == ():
        return false()
    mine: ColumnElement[bool] = batches.c.enterprise_ids.overlap(texts(scope.enterprises))
    if scope.advisors is None:
        return mine
    found = select(true()).where(members.c.batch_id == batches.c.batch_id, sees(scope, members)).limit(1)
    has_one = or_(func.cardinality(batches.c.enterprise_ids) == 1, found.scalar_subquery())
    return and_(mine, batches.c.advisor_ids.overlap(texts(scope.advisors)), has_one)


def texts(values: Iterable[str]) -> BindParameter[Any]:
    """Return texts as one array parameter, whatever their number."""
    return literal(list(values), ARRAY(Text))


def is_any(column: ColumnElement[Any], values: Iterable[str]) -> ColumnElement[bool]:
    """Return the predicate that a column holds one of the values."""
    return column == any_(texts(values))


def is_none_of(column: ColumnElement[Any], values: Iterable[str]) -> ColumnElement[bool]:
    """Return the predicate that a column holds none of the values."""
    return column != all_(texts(values))


class Database:
    """Transactions on the schema of the batch service: one pool works on all rows, the others serve users.

    database_url: the role that handles events; requests_url: the role that row-level security restricts to a scope.
    exports_size: how many files may be taken out at once.
    """

    def __init__(
        self, database_url: str, requests_url: str, *, size: int = 8, requests_size: int = 8, exports_size: int = 2
    ) -> None:
        self.engine = _engine(database_url, WORK, size)
        self.requests = _engine(requests_url, REQUESTS, requests_size)
        export_engine(SERVICE, "work", self.engine, size)
        export_engine(SERVICE, "requests", self.requests, requests_size)
        self.exports = _engine(requests_url, EXPORTS, exports_size)
        export_engine(SERVICE, "exports", self.exports, exports_size)
        self._exporting = asyncio.Semaphore(exports_size)
        self._key: bytes | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.close()

    @asynccontextmanager
    async def transaction(self, scope: Scope) -> AsyncIterator[AsyncConnection]:
        """Run a transaction in `scope`: committed at its end, rolled back when it raises.

        Raises CommitUnknown, and RoleMayTooMuch when row-level security does not bind the role of requests.
        """
        if scope.service:
            async with transaction_of(self.engine) as connection:
                yield connection
            return
        entering = await self._entering(scope)
        async with transaction_of(self.requests) as connection:
            await connection.execute(_ENTER, entering)
            connection.info[_SEALED_WITH] = self._key
            yield connection

    @asynccontextmanager
    async def snapshot(self, scope: Scope) -> AsyncIterator[AsyncConnection]:
        """Read in the scope of a user: every query sees the same instant, so that rows, counts and totals agree."""
        entering = await self._entering(scope)
        async with self.requests.begin() as connection:
            await connection.execute(_SNAPSHOT)
            await connection.execute(_ENTER, entering)
            yield connection

    @asynccontextmanager
    async def export(self, scope: Scope) -> AsyncIterator[AsyncConnection]:
        """Read as in `snapshot`, for as long as a file is taken out.  Raises Busy at once while too many are."""
        if self._exporting.locked():
            raise Busy(EXPORTS_BUSY)
        async with self._exporting:
            entering = await self._entering(scope)
            async with self.exports.begin() as connection:
                await connection.execute(_SNAPSHOT)
                await connection.execute(_ENTER, entering)
                await connection.execute(_WHOLE)
                yield connection

    async def _entering(self, scope: Scope) -> dict[str, str]:
        """Return the parameters of _ENTER; the first call checks the role before any user is served."""
        if self._key is None:
            await self.check_role()
            async with self.engine.connect() as connection:
                self._key = bytes((await connection.execute(text(READ_KEY))).scalar_one())
        return {"scope": sealed(scope, self._key)}

    async def check_role(self) -> None:
        """Raise RoleMayTooMuch unless row-level security binds the role of requests."""
        async with self.requests.connect() as connection:
            check_role((await connection.execute(text(WHAT_ROLE_MAY))).one())

    async def ping(self) -> None:
        """Query the database.  Raises what the driver raises if it does not reply, and as check_role."""
        await self.check_role()
        async with self.engine.connect() as connection:
            await connection.execute(text("SELECT 1 FROM batch.batch LIMIT 1"))

    async def close(self) -> None:
        """Close all connections."""
        await self.engine.dispose()
        await self.requests.dispose()
        await self.exports.dispose()


def _engine(database_url: str, use: Use, size: int) -> AsyncEngine:
    engine = create_async_engine(
        sqlalchemy_url(database_url),
        poolclass=CountingPool,
        pool_size=size,
        max_overflow=0,
        pool_timeout=10,
        pool_pre_ping=True,
        connect_args=arguments(SERVICE, use, SERVICE),
    )
    leave_demoted_servers(engine)
    return engine


async def read_incarnation(connection: AsyncConnection) -> str:
    """Return the incarnation of the database, as of_incarnation takes it."""
    return str((await connection.execute(text(READ))).scalar_one())


async def send(connection: AsyncConnection, messages: Sequence[Outgoing]) -> None:
    """Put messages of this incarnation of the database into the outbox in the same transaction.

    Those of a user's command carry the service's seal.
    """
    if not messages:
        return
    sent = of_incarnation(messages, await read_incarnation(connection))
    await outbox_rows.enqueue(await driver(connection), sent, connection.info.get(_SEALED_WITH))


async def driver(connection: AsyncConnection) -> psycopg.AsyncConnection[TupleRow]:
    """Return the psycopg connection under SQLAlchemy's, in the same transaction: for COPY and binary values.

    Raises TypeError if the engine runs on another driver.
    """
    raw = await connection.get_raw_connection()
    psycopg_connection = raw.driver_connection
    if not isinstance(psycopg_connection, psycopg.AsyncConnection):
        raise TypeError(f"the engine runs on {type(psycopg_connection).__name__}, not on psycopg")
    return psycopg_connection


_KEYS: Final = ("batch_id", "account_id")  # join keys of temporary tables; other columns need no statistics


async def copy_table(connection: AsyncConnection, name: str, like: str, rows: pa.Table) -> None:
    """Fill the temporary table `name`, shaped like the SELECT `like`, with rows by COPY, in place of what it held.

    It is emptied at commit too.  It has an index by account: a planner that expects few rows (without statistics, or
    behind row-level security) would otherwise scan it once per account, which took 6 s of the first batch of 10,000.

    rows: columns of integers, texts, booleans, dates and instants, named as those of the temporary table.
    """
    psycopg_connection = await driver(connection)
    table = sql.Identifier(name)
    async with psycopg_connection.cursor() as cursor:
        await cursor.execute(
            sql.SQL("CREATE TEMP TABLE IF NOT EXISTS {} ON COMMIT DELETE ROWS AS {} WITH NO DATA").format(
                table, sql.SQL(like)
            )
        )
        await cursor.execute(sql.SQL("TRUNCATE {}").format(table))
        index = sql.Identifier(f"{name}_by_account")
        await cursor.execute(sql.SQL("CREATE INDEX IF NOT EXISTS {} ON {} (account_id)").format(index, table))
        columns = sql.SQL(", ").join(sql.Identifier(column) for column in rows.column_names)
        statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv)").format(table, columns)
        async with cursor.copy(statement) as copy:
            await copy.write(_csv(rows))
        keys = sql.SQL(", ").join(sql.Identifier(key) for key in _KEYS if key in rows.column_names)
        await cursor.execute(sql.SQL("ANALYZE {} ({})").format(table, keys))


def _csv(rows: pa.Table) -> bytes:
    """Return rows as CSV: a null is an unquoted empty field, an empty text a quoted one."""
    sink = io.BytesIO()
    # In one piece: where the first piece of a column is empty, pyarrow 26 writes zero bytes.
    csv.write_csv(rows.combine_chunks(), sink, csv.WriteOptions(include_header=False, quoting_style="needed"))
    return sink.getvalue()

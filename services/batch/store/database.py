"""The database of the batch service: an engine, transactions in somebody's scope, and bulk writes by COPY.

Every transaction says on whose behalf it runs. Row-level security lets it see that scope's rows and no others; queries
carry the same predicate explicitly, for plans and as a second lock on the door.  Source: architecture "Tenancy".
"""

import io
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any, Final

import psycopg
import pyarrow as pa
from psycopg import sql
from psycopg.rows import TupleRow
from pyarrow import csv
from sqlalchemy import BindParameter, ColumnElement, Text, all_, and_, any_, false, literal, text, true
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.sql.expression import FromClause

from shared.commits import begun, leave_demoted_servers
from shared.db import sqlalchemy_url
from shared.tenancy import SYSTEM, Scope

SCHEMA = "batch"

_ENTER = text(
    "SELECT set_config('batch.service', :service, true), set_config('batch.enterprises', :enterprises, true),"
    " set_config('batch.all_advisors', :all_advisors, true), set_config('batch.advisors', :advisors, true),"
    " set_config('batch.subject', :subject, true)"
)

_SNAPSHOT = text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")


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


def _settings(scope: Scope) -> dict[str, str]:
    """Return the settings that row-level security reads."""
    return {
        "service": "on" if scope.service else "off",
        "enterprises": ",".join(scope.enterprises),
        "all_advisors": "on" if scope.advisors is None else "off",
        "advisors": ",".join(scope.advisors or ()),
        "subject": scope.subject,
    }


def texts(values: Iterable[str]) -> BindParameter[Any]:
    """Return texts as one array parameter, however many they are."""
    return literal(list(values), ARRAY(Text))


def is_any(column: ColumnElement[Any], values: Iterable[str]) -> ColumnElement[bool]:
    """Return the predicate that a column holds one of the values."""
    return column == any_(texts(values))


def is_none_of(column: ColumnElement[Any], values: Iterable[str]) -> ColumnElement[bool]:
    """Return the predicate that a column holds none of the values."""
    return column != all_(texts(values))


class Database:
    """Transactions on the schema of the batch service."""

    def __init__(self, database_url: str, *, size: int = 8) -> None:
        self.url = database_url
        self.engine: AsyncEngine = create_async_engine(
            sqlalchemy_url(database_url),
            pool_size=size,
            max_overflow=0,
            pool_timeout=20,
            pool_pre_ping=True,
            connect_args={
                "options": f"-c search_path={SCHEMA} -c timezone=UTC",
                "application_name": "rebalancer-batch",
                "connect_timeout": 5,
                "target_session_attrs": "read-write",
            },
        )
        leave_demoted_servers(self.engine)

    @asynccontextmanager
    async def transaction(self, scope: Scope) -> AsyncIterator[AsyncConnection]:
        """Run a transaction in `scope`: committed at its end, rolled back when it raises.  Raises CommitUnknown."""
        async with begun(self.engine) as connection:
            await connection.execute(_ENTER, _settings(scope))
            yield connection

    @asynccontextmanager
    async def snapshot(self, scope: Scope) -> AsyncIterator[AsyncConnection]:
        """Read in `scope`: every query sees the same instant, so that rows, counts and totals agree."""
        async with self.engine.begin() as connection:
            await connection.execute(_SNAPSHOT)
            await connection.execute(_ENTER, _settings(scope))
            yield connection

    async def passes_by_security(self) -> bool:
        """Say whether row-level security does not bind this role (a superuser, or BYPASSRLS)."""
        async with self.transaction(SYSTEM) as connection:
            found = await connection.execute(
                text("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")
            )
            return bool(found.scalar_one())

    async def answers(self) -> None:
        """Ask the database something.  Raises what the driver raises when it does not answer."""
        async with self.engine.connect() as connection:
            await connection.execute(text("SELECT 1 FROM batch.batch LIMIT 1"))

    async def close(self) -> None:
        """Close all connections."""
        await self.engine.dispose()


async def driver(connection: AsyncConnection) -> psycopg.AsyncConnection[TupleRow]:
    """Return the psycopg connection below, in the same transaction."""
    raw = await connection.get_raw_connection()
    below = raw.driver_connection
    if not isinstance(below, psycopg.AsyncConnection):
        raise TypeError(f"the engine runs on {type(below).__name__}, not on psycopg")
    return below


_KEYS: Final = ("batch_id", "account_id")  # what temporary tables are joined by: the rest needs no statistics


async def copy_table(connection: AsyncConnection, name: str, like: str, rows: pa.Table) -> None:
    """Fill the temporary table `name` (made like the SELECT `like`) with rows by COPY; it is emptied at commit.

    It has an index by account: where the planner expects few rows beside it (before there are statistics, or behind
    row-level security) it would else be read whole once an account: 6 s of the first batch of 10,000.

    rows: columns of integers, texts, booleans, dates and instants, named as the temporary table's.
    """
    below = await driver(connection)
    table = sql.Identifier(name)
    async with below.cursor() as cursor:
        await cursor.execute(
            sql.SQL("CREATE TEMP TABLE IF NOT EXISTS {} ON COMMIT DELETE ROWS AS {} WITH NO DATA").format(
                table, sql.SQL(like)
            )
        )
        index = sql.Identifier(f"{name}_by_account")
        await cursor.execute(sql.SQL("CREATE INDEX IF NOT EXISTS {} ON {} (account_id)").format(index, table))
        columns = sql.SQL(", ").join(sql.Identifier(column) for column in rows.column_names)
        statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv)").format(table, columns)
        async with cursor.copy(statement) as copy:
            await copy.write(_csv(rows))
        keys = sql.SQL(", ").join(sql.Identifier(key) for key in _KEYS if key in rows.column_names)
        await cursor.execute(sql.SQL("ANALYZE {} ({})").format(table, keys))


def _csv(rows: pa.Table) -> bytes:
    """Return rows as CSV: a null is an unquoted empty field, texts are quoted."""
    sink = io.BytesIO()
    csv.write_csv(rows, sink, csv.WriteOptions(include_header=False, quoting_style="needed"))
    return sink.getvalue()

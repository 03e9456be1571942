"""Connections of the analyzer: plain ones, used by worker threads, so that the event loop never waits for a row."""

import asyncio
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Self, TypeAlias

from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool

from shared.tenancy import Scope, enter

SCHEMA = "analyzer"
Session: TypeAlias = Connection[TupleRow]

# Holds what a chunk brings before it is merged; emptied at the end of each transaction, made once a connection.
_INCOMING = """
SET search_path TO analyzer;
SET timezone TO 'UTC';
CREATE TEMP TABLE incoming_holdings (
    account_id text, enterprise_id text, advisor_id text, lots_version bigint, as_of date, file_id text,
    cash_cents bigint, hold_code text, hold_text text, holdings bytea
) ON COMMIT DELETE ROWS;
CREATE TEMP TABLE incoming_account (
    account_id text, enterprise_id text, advisor_id text, settings_version bigint, portfolio_no integer, custodian text,
    account_number text, title text, tax_household_id text, custody text, on_count integer, last_rebalanced date,
    settings bytea, settings_problem text, lot_picks text, settings_content bytea
) ON COMMIT DELETE ROWS;
CREATE TEMP TABLE incoming_flag (LIKE flag) ON COMMIT DELETE ROWS;
"""


def prepare(connection: Session) -> None:
    """Make a fresh connection ready for the store's statements."""
    connection.execute(_INCOMING)
    connection.commit()


class Database:
    """A pool of prepared connections; open it with `async with`, or `with` where there is no loop."""

    def __init__(self, database_url: str, *, size: int = 6) -> None:
        self._pool = ConnectionPool(
            database_url,
            min_size=1,
            max_size=size,
            open=False,
            timeout=20.0,
            configure=prepare,
            check=ConnectionPool.check_connection,
            kwargs={"application_name": "rebalancer-analyzer"},
            name=SCHEMA,
        )

    def session(self) -> AbstractContextManager[Session]:
        """Return a context manager that lends a connection: committed at its end, rolled back when it raises."""
        return self._pool.connection()

    @contextmanager
    def scoped(self, scope: Scope) -> Iterator[Session]:
        """Lend a connection in the scope of a user: committed at its end, rolled back when it raises."""
        with self._pool.connection() as connection:
            enter(connection, scope)
            yield connection

    def answers(self) -> bool:
        """Say whether the database answers a question now."""
        with self._pool.connection(timeout=2.0) as connection:
            return connection.execute("SELECT 1").fetchone() is not None

    def __enter__(self) -> Self:
        self._pool.open()
        return self

    def __exit__(self, *_error: object) -> None:
        self._pool.close()

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self._pool.open)
        return self

    async def __aexit__(self, *_error: object) -> None:
        await asyncio.to_thread(self._pool.close)

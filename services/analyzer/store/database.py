"""Connections of the analyzer: plain ones, used by worker threads, so that the event loop never waits for a row."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Self, TypeAlias

from psycopg import Connection, OperationalError
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool

from services.analyzer.settings import SERVICE
from shared.contracts.tenancy import ENTER, READ_KEY, WHAT_ROLE_MAY, Scope, check_role, sealed
from shared.postgres.commits import commit_now
from shared.postgres.pool import BULK, BUSY, PATIENCE_S, RECONNECT_S, REQUESTS, Busy, Use, arguments

Session: TypeAlias = Connection[TupleRow]

# Holds what a chunk brings before it is merged; emptied at the end of each transaction, made once a connection.
_INCOMING = """
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
    """A pool of prepared connections, and one for users' requests where any are served.

    Open it with `async with`, or `with` where there is no loop.
    """

    def __init__(
        self, database_url: str, requests_url: str | None = None, *, size: int = 6, requests_size: int = 6
    ) -> None:
        self._pool = _pool(database_url, size, BULK, prepare)
        self._requests = None if requests_url is None else Requests(requests_url, self, size=requests_size)

    def session(self) -> AbstractContextManager[Session]:
        """Return a context manager that lends a connection: committed at its end, rolled back when it raises.

        Raises CommitUnknown.
        """
        return self._pool.connection()

    def scoped(self, scope: Scope) -> AbstractContextManager[Session]:
        """Lend a connection in the scope of a user, as Requests.scoped.  Raises ValueError where none are served."""
        if self._requests is None:
            raise ValueError("this process serves no requests")
        return self._requests.scoped(scope)

    def answers(self) -> bool:
        """Say whether the database answers a question now.  Raises as Requests.check."""
        if self._requests is not None:
            self._requests.check()
        with self._pool.connection(timeout=2.0) as connection:
            return connection.execute("SELECT 1").fetchone() is not None

    def __enter__(self) -> Self:
        self._pool.open()
        if self._requests is not None:
            self._requests.open()
        return self

    def __exit__(self, *_error: object) -> None:
        if self._requests is not None:
            self._requests.close()
        self._pool.close()

    async def __aenter__(self) -> Self:
        return await asyncio.to_thread(self.__enter__)

    async def __aexit__(self, *_error: object) -> None:
        await asyncio.to_thread(self.__exit__)


class Requests:
    """Connections of the role that serves users; every transaction is in somebody's scope.

    work: the pool with which the key of scopes is read.
    """

    def __init__(self, database_url: str, work: Database, *, size: int) -> None:
        self._work = work
        self._pool = _pool(database_url, size, REQUESTS)
        self._free = threading.Semaphore(size)
        self._key: bytes | None = None

    def open(self) -> None:
        """Begin to connect."""
        self._pool.open()

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()

    @contextmanager
    def scoped(self, scope: Scope) -> Iterator[Session]:
        """Lend a connection in the scope of a user: committed at its end, rolled back when it raises.

        Raises Busy when none becomes free in time, RoleMayTooMuch when row-level security does not bind the role,
        CommitUnknown, and psycopg.OperationalError when the database does not answer.
        """
        key = self._key or self._begin()
        with self._connection() as connection:
            connection.execute(ENTER, [sealed(scope, key)])
            yield connection

    def check(self) -> None:
        """Look at the role.  Raises as `scoped` does."""
        with self._connection() as connection:
            check_role(connection.execute(WHAT_ROLE_MAY).fetchone())

    def _begin(self) -> bytes:
        """Return the key, read once; nobody is served before the role was looked at."""
        self.check()
        with self._work.session() as connection:
            row = connection.execute(READ_KEY).fetchone()
        if row is None:
            raise OperationalError("the schema holds no key of scopes: migrate it")
        self._key = bytes(row[0])
        return self._key

    @contextmanager
    def _connection(self) -> Iterator[Session]:
        """Lend a connection. A pool tells "all are lent" and "the database is away" with one word: we count."""
        if not self._free.acquire(timeout=PATIENCE_S):
            raise Busy(BUSY)
        try:
            with self._pool.connection(timeout=PATIENCE_S) as connection:
                yield connection
        finally:
            self._free.release()


class _CommittingConnectionPool(ConnectionPool[Session]):
    """A pool that tells a COMMIT which was not answered (CommitUnknown) from every other fault."""

    @contextmanager
    def connection(self, timeout: float | None = None) -> Iterator[Session]:
        """Lend a connection: committed at its end, rolled back when it raises."""
        with super().connection(timeout) as connection:
            yield connection
            commit_now(connection)


def _pool(
    database_url: str, size: int, use: Use, configure: Callable[[Session], None] | None = None
) -> ConnectionPool[Session]:
    return _CommittingConnectionPool(
        database_url,
        min_size=1,
        max_size=size,
        open=False,
        timeout=20.0,
        reconnect_timeout=RECONNECT_S,
        configure=configure,
        check=ConnectionPool.check_connection,
        kwargs=arguments(SERVICE, use, SERVICE),
        name=SERVICE,
    )

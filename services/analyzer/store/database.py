"""Connections of the analyzer: synchronous, used in worker threads, so that the event loop never waits for a row."""

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
from shared.kafka.incarnation import READ
from shared.postgres.commits import commit_now
from shared.postgres.pool import BULK, BUSY, PATIENCE_S, RECONNECT_S, REQUESTS, Busy, Use, arguments
from shared.postgres.pool_metrics import export_psycopg

Session: TypeAlias = Connection[TupleRow]

# Rows arrive here by COPY before they are merged; made once a connection, emptied at the end of each transaction.
_INCOMING = """
CREATE TEMP TABLE incoming_holdings (
    account_id text, enterprise_id text, advisor_id text, lots_version bigint, as_of date, file_id text,
    cash_cents bigint, hold_code text, hold_text text, holdings bytea, received_at timestamptz
) ON COMMIT DELETE ROWS;
CREATE TEMP TABLE incoming_account (
    account_id text, enterprise_id text, advisor_id text, settings_version bigint, portfolio_no integer, custodian text,
    account_number text, title text, tax_household_id text, custody text, on_count integer, last_rebalanced date,
    settings bytea, settings_problem text, lot_picks text, holding_roles bytea, settings_content bytea
) ON COMMIT DELETE ROWS;
CREATE TEMP TABLE incoming_flag (LIKE flag) ON COMMIT DELETE ROWS;
"""


def prepare(connection: Session) -> None:
    """Create the temporary tables that the store's statements use."""
    connection.execute(_INCOMING)
    connection.commit()


def read_incarnation(session: Session) -> str:
    """Return the incarnation of the database, as of_incarnation takes it."""
    row = session.execute(READ).fetchone()
    return "" if row is None else str(row[0])


class Database:
    """A pool of prepared connections, and a second pool for users' requests in a process that serves them.

    Open it with `async with`, or `with` where there is no loop.
    """

    def __init__(
        self, database_url: str, requests_url: str | None = None, *, size: int = 6, requests_size: int = 6
    ) -> None:
        self._pool = _pool(database_url, size, BULK, prepare)
        export_psycopg(SERVICE, "work", self._pool)
        self._requests = None if requests_url is None else SyncRequests(requests_url, self, size=requests_size)

    def session(self) -> AbstractContextManager[Session]:
        """Return a context manager that lends a connection: commits at the end, rolls back after an exception.

        Raises CommitUnknown.
        """
        return self._pool.connection()

    def scoped(self, scope: Scope) -> AbstractContextManager[Session]:
        """Lend a connection in the scope of a user, as SyncRequests.scoped.  Raises ValueError if none are served."""
        if self._requests is None:
            raise ValueError("this process serves no requests")
        return self._requests.scoped(scope)

    def responds(self) -> bool:
        """Return whether the database responds to a query now.  Raises as SyncRequests.check."""
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


class WaitingCount:
    """Counts threads inside the context."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0

    def __call__(self) -> float:
        """Return how many threads are inside."""
        return self._count

    def __enter__(self) -> None:
        with self._lock:
            self._count += 1

    def __exit__(self, *_error: object) -> None:
        with self._lock:
            self._count -= 1


class SyncRequests:
    """Connections of the role that serves users; every transaction has the scope of a user.

    work: the pool with which the key of scopes is read.
    """

    def __init__(self, database_url: str, work: Database, *, size: int) -> None:
        self._work = work
        self._pool = _pool(database_url, size, REQUESTS)
        self._free = threading.Semaphore(size)
        self._waiting = WaitingCount()
        export_psycopg(SERVICE, "requests", self._pool, self._waiting)
        self._key: bytes | None = None

    def open(self) -> None:
        """Start to connect."""
        self._pool.open()

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()

    @contextmanager
    def scoped(self, scope: Scope) -> Iterator[Session]:
        """Lend a connection in the scope of a user: commits at the end, rolls back when an exception leaves it.

        Raises Busy if none becomes free in time, RoleMayTooMuch if row-level security does not bind the role,
        CommitUnknown, and psycopg.OperationalError if the database does not respond.
        """
        key = self._key or self._read_key()
        with self._connection() as connection:
            connection.execute(ENTER, [sealed(scope, key)])
            yield connection

    def check(self) -> None:
        """Check the rights of the role.  Raises as `scoped`."""
        with self._connection() as connection:
            check_role(connection.execute(WHAT_ROLE_MAY).fetchone())

    def _read_key(self) -> bytes:
        """Return the key of scopes, read once, after the role has been checked.

        Raises as `check`, and OperationalError if the schema holds no key.
        """
        self.check()
        with self._work.session() as connection:
            row = connection.execute(READ_KEY).fetchone()
        if row is None:
            raise OperationalError("the schema holds no key of scopes: migrate it")
        self._key = bytes(row[0])
        return self._key

    @contextmanager
    def _connection(self) -> Iterator[Session]:
        """Lend a connection.  Raises Busy if all are lent: the pool cannot tell this from a database that is away."""
        with self._waiting:
            if not self._free.acquire(timeout=PATIENCE_S):
                raise Busy(BUSY)
        try:
            with self._pool.connection(timeout=PATIENCE_S) as connection:
                yield connection
        finally:
            self._free.release()


class _SyncCommittingConnectionPool(ConnectionPool[Session]):
    """A pool that raises CommitUnknown for a COMMIT without a reply, unlike for every other fault."""

    @contextmanager
    def connection(self, timeout: float | None = None) -> Iterator[Session]:
        """Lend a connection: commits at the end, rolls back when an exception leaves it.  Raises CommitUnknown."""
        with super().connection(timeout) as connection:
            yield connection
            commit_now(connection)


def _pool(
    database_url: str, size: int, use: Use, configure: Callable[[Session], None] | None = None
) -> ConnectionPool[Session]:
    return _SyncCommittingConnectionPool(
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

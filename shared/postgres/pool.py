"""PostgreSQL sessions: their options, a pool per service for its work, and another one for users' requests."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, Self, TypeVar
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool

from shared.contracts.problems import Unavailable
from shared.contracts.tenancy import ENTER, READ_KEY, WHAT_ROLE_MAY, Scope, check_role, sealed
from shared.postgres.commits import commit
from shared.postgres.pool_metrics import export_psycopg

Pool = AsyncConnectionPool[AsyncConnection[TupleRow]]
T = TypeVar("T")
BUSY: Final = "More is asked at once than can be done: nothing was changed. Try again in a moment."
# TCP keepalive: both sides notice a peer that vanished after idle + count x interval seconds.
_IDLE_S, _INTERVAL_S, _COUNT = 10, 5, 3
_UNACKNOWLEDGED_MS = 25_000
PATIENCE_S: Final = 10.0
"""Seconds a request waits for a connection."""
RECONNECT_S: Final = 5.0
"""Seconds for which a pool reconnects by itself; after that the next caller triggers a new attempt.  Its pauses double
meanwhile: with the library's default of five minutes a service would stay away that long after an outage."""


@dataclass(frozen=True)
class Use:
    """Time limits of sessions by their purpose, in seconds.

    statement_s: of a statement; lock_s: of waiting for a lock; idle_s: of being idle within a transaction;
    silent_s: of being idle outside a transaction, 0: none (sessions of pools are idle).
    """

    statement_s: int
    lock_s: int
    idle_s: int
    silent_s: int = 0


REQUESTS: Final = Use(statement_s=25, lock_s=15, idle_s=30)
"""For users: shorter than the gateway's timeout of 30 s, so that the response names the cause."""
EXPORTS: Final = Use(statement_s=120, lock_s=15, idle_s=120)
"""For files that users take out: a whole list is sorted once, and a slow line may take long over one part of it."""
WORK: Final = Use(statement_s=300, lock_s=60, idle_s=120)
"""For events: a group of messages is merged within seconds; failures are retried."""
BULK: Final = Use(statement_s=3600, lock_s=600, idle_s=900)
"""For files and shards: COPY of a large file, a statement over a whole book, computing between two statements."""
MIGRATION: Final = Use(statement_s=14_400, lock_s=2, idle_s=900)
"""For migrations: filling a table may take long, but a wait for a table lock keeps all others waiting behind it."""
RELAY: Final = Use(statement_s=60, lock_s=15, idle_s=30, silent_s=120)
"""For the session that holds the relay's lock: it loses the lock when it is silent for longer than a broker may be."""


class Busy(Unavailable):
    """All connections are in use: the database is up, but there are too many requests."""

    code, title = "busy", "Too much is asked for at once"


def arguments(schema: str, use: Use, name: str) -> dict[str, Any]:
    """Return the connection arguments of a session on a schema, in UTC.  name: shown in pg_stat_activity."""
    settings = {
        "search_path": f"{schema},pg_temp",  # last, so that no temporary table hides one of the service
        "timezone": "UTC",
        "statement_timeout": f"{use.statement_s}s",
        "lock_timeout": f"{use.lock_s}s",
        "idle_in_transaction_session_timeout": f"{use.idle_s}s",
        "idle_session_timeout": f"{use.silent_s}s",
        "tcp_keepalives_idle": _IDLE_S,
        "tcp_keepalives_interval": _INTERVAL_S,
        "tcp_keepalives_count": _COUNT,
        "tcp_user_timeout": _UNACKNOWLEDGED_MS,
        "client_connection_check_interval": f"{_INTERVAL_S}s",
    }
    return {
        "application_name": f"rebalancer-{name}",
        "connect_timeout": 5,
        "target_session_attrs": "read-write",  # after a failover: not the demoted server
        "keepalives": 1,
        "keepalives_idle": _IDLE_S,
        "keepalives_interval": _INTERVAL_S,
        "keepalives_count": _COUNT,
        "tcp_user_timeout": _UNACKNOWLEDGED_MS,
        "options": " ".join(f"-c {setting}={value}" for setting, value in settings.items()),
    }


class _WholeConnectionPool(AsyncConnectionPool[AsyncConnection[TupleRow]]):
    """A pool that gets every connection back, and that raises CommitUnknown for a COMMIT that was not acknowledged.

    A caller may be cancelled at any moment, and several times (a browser that goes away).  If that is while the library
    lends or takes back a connection, the connection may be lost to the pool, or be lent on without transactions.
    Therefore both are done to their end by tasks of their own.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._underway: set[asyncio.Task[Any]] = set()

    @asynccontextmanager
    async def connection(self, timeout: float | None = None) -> AsyncIterator[AsyncConnection[TupleRow]]:
        """Lend a connection; commit at the end, roll back on an exception.  Raises CommitUnknown."""
        async with super().connection(timeout) as connection:
            yield connection
            await commit(connection)

    async def getconn(self, timeout: float | None = None) -> AsyncConnection[TupleRow]:
        """Take a connection out of the pool, to be returned with `putconn`.  Raises PoolTimeout."""
        lending = self._apart(super().getconn(timeout))
        try:
            return await asyncio.shield(lending)
        except asyncio.CancelledError:
            self._apart(self._take_back(lending))
            raise

    async def putconn(self, conn: AsyncConnection[TupleRow]) -> None:
        """Return a connection to the pool."""
        await asyncio.shield(self._apart(super().putconn(conn)))

    async def close(self, timeout: float = 5.0) -> None:
        """Close the pool.  timeout: seconds to wait for its tasks, and for connections that are being returned."""
        await super().close(timeout)
        if self._underway:
            await asyncio.wait(self._underway, timeout=timeout)

    async def _take_back(self, lending: asyncio.Task[AsyncConnection[TupleRow]]) -> None:
        """Return the connection to the pool if one was lent although nobody wants it any more."""
        await asyncio.wait([lending])
        if lending.exception() is None:
            await super().putconn(lending.result())

    def _apart(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run work in a task of its own, which goes on whatever becomes of the caller."""
        task = asyncio.create_task(work)
        self._underway.add(task)
        task.add_done_callback(self._underway.discard)
        return task


def pool(database_url: str, schema: str, *, size: int = 6, use: Use = WORK) -> Pool:
    """Return a closed pool; open it in the running loop (`async with`).  Sessions run in UTC on the service's schema.

    Its transactions raise CommitUnknown if their COMMIT is not acknowledged.
    """
    made = _WholeConnectionPool(
        database_url,
        min_size=1,
        max_size=size,
        open=False,
        timeout=20.0,
        reconnect_timeout=RECONNECT_S,
        check=AsyncConnectionPool.check_connection,
        kwargs=arguments(schema, use, schema),
        name=schema,
    )
    if use is not REQUESTS:
        export_psycopg(schema, "work", made)
    return made


class Requests:
    """Connections of the role that serves users; every transaction runs in the scope of a user.

    Opened in the running loop (`async with`).  work: the pool that reads the key with which scopes are sealed.
    """

    def __init__(self, database_url: str, work: Pool, schema: str, *, size: int = 6) -> None:
        self._work = work
        self._pool = pool(database_url, schema, size=size, use=REQUESTS)
        self._free = asyncio.Semaphore(size)
        self._waiting = 0
        self._key: bytes | None = None
        export_psycopg(schema, "requests", self._pool, lambda: self._waiting)

    async def __aenter__(self) -> Self:
        await self._pool.open()
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._pool.close()

    @asynccontextmanager
    async def scoped(self, scope: Scope, patience_s: float = PATIENCE_S) -> AsyncIterator[AsyncConnection[TupleRow]]:
        """Lend a connection in the scope of a user; commit at the end, roll back on an exception.

        Raises Busy if none becomes free in time, RoleMayTooMuch if row-level security does not bind the role,
        CommitUnknown, and psycopg.OperationalError if the database does not respond.
        """
        key = self._key or await self._begin(patience_s)
        async with self._connection(patience_s) as connection:
            await connection.execute(ENTER, [sealed(scope, key)])
            yield connection

    async def check(self, patience_s: float = PATIENCE_S) -> None:
        """Check that row-level security binds the role.  Raises as `scoped`."""
        async with self._connection(patience_s) as connection:
            check_role(await (await connection.execute(WHAT_ROLE_MAY)).fetchone())

    async def _begin(self, patience_s: float) -> bytes:
        """Return the key, read once after the role was checked.

        Raises as `check`, and psycopg.OperationalError if the schema holds no key.
        """
        await self.check(patience_s)
        async with self._work.connection(patience_s) as connection:
            row = await (await connection.execute(READ_KEY)).fetchone()
        if row is None:
            raise psycopg.OperationalError("the schema holds no key of scopes: migrate it")
        self._key = bytes(row[0])
        return self._key

    @asynccontextmanager
    async def _connection(self, patience_s: float) -> AsyncIterator[AsyncConnection[TupleRow]]:
        """Lend a connection; count those in use, as a busy pool and an absent server raise the same error."""
        self._waiting += 1
        try:
            await asyncio.wait_for(self._free.acquire(), patience_s)
        except TimeoutError:
            raise Busy(BUSY) from None
        finally:
            self._waiting -= 1
        try:
            async with self._pool.connection(patience_s) as connection:
                yield connection
        finally:
            self._free.release()


def sqlalchemy_url(database_url: str) -> str:
    """Return the same address for SQLAlchemy with the psycopg 3 driver, which takes several hosts as parameters."""
    address = urlsplit(database_url)
    who, at, hosts = address.netloc.rpartition("@")
    if "," in hosts:
        named = "&".join(f"host={host}" for host in hosts.split(","))
        address = address._replace(netloc=who + at, query=f"{address.query}&{named}".lstrip("&"))
    return urlunsplit(address._replace(scheme="postgresql+psycopg"))

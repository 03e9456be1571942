"""SQLAlchemy engines: transactions whose outcome may be unknown, and leaving a server that was demoted."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
from sqlalchemy import event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.pool import AsyncAdaptedQueuePool, ConnectionPoolEntry

from shared.postgres.commits import CommitUnknown, is_ending
from shared.postgres.pool_metrics import PoolName, export


class CountingPool(AsyncAdaptedQueuePool):
    """SQLAlchemy's pool for asyncio, which also counts the callers that wait for a connection, or for a new one."""

    waiting = 0

    def _do_get(self) -> ConnectionPoolEntry:
        self.waiting += 1
        try:
            return super()._do_get()
        finally:
            self.waiting -= 1


def export_engine(service: str, name: PoolName, engine: AsyncEngine, most: int) -> None:
    """Have the metrics of an engine's pool computed at each scrape; the engine was made with CountingPool."""

    def pool() -> CountingPool:
        current = engine.sync_engine.pool  # another one after dispose()
        assert isinstance(current, CountingPool)  # noqa: S101  # said above
        return current

    export(service, name, lambda: pool().checkedout(), most, lambda: pool().waiting)


@asynccontextmanager
async def transaction_of(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Run a transaction: commit at the end, roll back on an exception.  Raises CommitUnknown."""
    async with engine.connect() as connection, connection.begin() as transaction:
        yield connection
        try:
            await transaction.commit()
        except DBAPIError as error:
            if error.connection_invalidated or is_ending(error.orig):
                raise CommitUnknown(f"COMMIT was not answered: {error.orig!r}") from error
            raise


def leave_demoted_servers(engine: AsyncEngine) -> None:
    """Reopen all connections when the server refuses a write because it is read-only.

    A demoted server still serves reads, so the pool would otherwise keep its connections to it after a failover.
    """

    @event.listens_for(engine.sync_engine, "handle_error")
    def look(context: ExceptionContext) -> None:
        if isinstance(context.original_exception, psycopg.errors.ReadOnlySqlTransaction):
            context.is_disconnect = True

"""SQLAlchemy engines: transactions whose outcome may be unknown, and leaving a server that was demoted."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
from sqlalchemy import event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared.postgres.commits import CommitUnknown, is_ending


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

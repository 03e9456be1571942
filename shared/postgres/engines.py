"""SQLAlchemy engines whose server may go away: their transactions, and leaving a server that was demoted."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
from sqlalchemy import event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared.postgres.commits import CommitUnknown, is_ending


@asynccontextmanager
async def begun(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Run a transaction: committed at its end, rolled back when it raises.  Raises CommitUnknown."""
    async with engine.connect() as connection, connection.begin() as transaction:
        yield connection
        try:
            await transaction.commit()
        except DBAPIError as error:
            if error.connection_invalidated or is_ending(error.orig):
                raise CommitUnknown(f"COMMIT was not answered: {error.orig!r}") from error
            raise


def leave_demoted_servers(engine: AsyncEngine) -> None:
    """Have all connections opened anew once a server refuses a change because it takes none any more.

    It answers every other question, so that nothing else would tell: after a failover the pool would keep to it.
    """

    @event.listens_for(engine.sync_engine, "handle_error")
    def look(context: ExceptionContext) -> None:
        if isinstance(context.original_exception, psycopg.errors.ReadOnlySqlTransaction):
            context.is_disconnect = True

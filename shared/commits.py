"""Transactions of an engine whose server may go away, and what is not known when it goes at COMMIT."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import psycopg
from sqlalchemy import event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared.problems import Unavailable

UNKNOWN: Final = (
    "the database went away while this was being made final: whether it was done is not known. Send the same request"
    " again with the same Idempotency-Key: it is done once"
)


class OutcomeUnknown(Unavailable):
    """Whether a command was carried out is not known; sent again under its key it acts once."""

    code, title = "outcome_unknown", "Whether this was done is not known; send it again, it is safe"


class CommitUnknown(psycopg.OperationalError):
    """The connection ended before COMMIT was answered: the transaction may hold or may not.

    What is idempotent is done again; of a command its sender is told (OutcomeUnknown).
    """


@asynccontextmanager
async def begun(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Run a transaction: committed at its end, rolled back when it raises.  Raises CommitUnknown."""
    async with engine.connect() as connection, connection.begin() as transaction:
        yield connection
        try:
            await transaction.commit()
        except DBAPIError as error:
            if error.connection_invalidated or _is_ending(error.orig):
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


def _is_ending(error: BaseException | None) -> bool:
    """Say whether the server ended the session, or nothing is known of it: no state (lost), class 08, 57P0x."""
    state = error.sqlstate if isinstance(error, psycopg.Error) else None
    return state is None or state.startswith(("08", "57P0"))

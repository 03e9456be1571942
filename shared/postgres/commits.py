"""Transactions whose COMMIT is not acknowledged because the database goes away: their outcome is unknown.

Idempotent work is repeated (`until_known`).  The sender of a command gets OutcomeUnknown, with the advice to send it
again; every command that writes acts once, by its Idempotency-Key or by its content.
Source: docs/decisions/0022-a-lost-answer-to-commit.md.
"""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

import psycopg
from psycopg import AsyncConnection, Connection
from psycopg.rows import TupleRow

from shared.contracts.problems import Unavailable

AWAY: Final = "The database does not answer just now: nothing was changed. Try again in a moment."
UNKNOWN: Final = (
    "the database went away while this was being made final: whether it was done is not known. Send the same request"
    " again with the same Idempotency-Key: it is done once"
)
T = TypeVar("T")


class OutcomeUnknown(Unavailable):
    """It is unknown whether a command was carried out; sent again it acts once."""

    code, title = "outcome_unknown", "Whether this was done is not known; send it again, it is safe"


class CommitUnknown(psycopg.OperationalError):
    """The connection ended before COMMIT was acknowledged: the transaction may be committed or not.

    Idempotent work is repeated; for a command it becomes OutcomeUnknown.
    """


async def commit(connection: AsyncConnection[TupleRow]) -> None:
    """Commit the connection's transaction, if there is one.  Raises CommitUnknown, and psycopg.Error if it failed."""
    try:
        await connection.commit()
    except psycopg.Error as error:
        if is_ending(error):
            raise CommitUnknown(f"COMMIT was not answered: {error!r}") from error
        raise


def commit_now(connection: Connection[TupleRow]) -> None:
    """Commit the transaction of a blocking connection, if there is one.  Raises as `commit`."""
    try:
        connection.commit()
    except psycopg.Error as error:
        if is_ending(error):
            raise CommitUnknown(f"COMMIT was not answered: {error!r}") from error
        raise


async def until_known(work: Callable[[], Awaitable[T]]) -> T:
    """Do idempotent work; repeat it once if its COMMIT is not acknowledged.

    Raises CommitUnknown if the repetition fails too, for whatever reason; otherwise what the work raises.
    """
    try:
        return await work()
    except CommitUnknown as unknown:
        try:
            return await work()
        except Exception as error:
            raise unknown from error


def until_known_now(work: Callable[[], T]) -> T:
    """Do the same with blocking work.  Raises as `until_known`."""
    try:
        return work()
    except CommitUnknown as unknown:
        try:
            return work()
        except Exception as error:
            raise unknown from error


@contextmanager
def before_it_begins() -> Iterator[None]:
    """Wrap what is written before a command: whatever became of it, the command itself has not started.

    Raises Unavailable in place of CommitUnknown.
    """
    try:
        yield
    except CommitUnknown as error:
        raise Unavailable(AWAY) from error


def is_ending(error: BaseException | None) -> bool:
    """Say whether the session ended or may have ended: no SQLSTATE (connection lost), class 08, or 57P0x."""
    state = error.sqlstate if isinstance(error, psycopg.Error) else None
    return state is None or state.startswith(("08", "57P0"))

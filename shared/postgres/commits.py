"""What is not known when the database goes away at COMMIT, and what is said and done about it.

Whatever is idempotent is done again (`until_known`).  Of a command its sender is told that nobody knows, and that
sending it again is safe; each command that writes is so, by its Idempotency-Key or by what it is about.
Source: docs/decisions/0022-a-lost-answer-to-commit.md.
"""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

import psycopg
from psycopg import AsyncConnection, Connection
from psycopg.rows import TupleRow

from shared.contracts.problems import Unavailable

AWAY: Final = "the database does not answer just now; nothing was changed, try again in a moment"
UNKNOWN: Final = (
    "the database went away while this was being made final: whether it was done is not known. Send the same request"
    " again with the same Idempotency-Key: it is done once"
)
T = TypeVar("T")


class OutcomeUnknown(Unavailable):
    """Whether a command was carried out is not known; sent again it acts once."""

    code, title = "outcome_unknown", "Whether this was done is not known; send it again, it is safe"


class CommitUnknown(psycopg.OperationalError):
    """The connection ended before COMMIT was answered: the transaction may hold or may not.

    What is idempotent is done again; of a command its sender is told (OutcomeUnknown).
    """


async def commit(connection: AsyncConnection[TupleRow]) -> None:
    """Commit the connection's transaction, if there is one.  Raises CommitUnknown."""
    try:
        await connection.commit()
    except psycopg.Error as error:
        if is_ending(error):
            raise CommitUnknown(f"COMMIT was not answered: {error!r}") from error
        raise


def commit_now(connection: Connection[TupleRow]) -> None:
    """Commit the connection's transaction, if there is one, where there is no loop.  Raises CommitUnknown."""
    try:
        connection.commit()
    except psycopg.Error as error:
        if is_ending(error):
            raise CommitUnknown(f"COMMIT was not answered: {error!r}") from error
        raise


async def until_known(work: Callable[[], Awaitable[T]]) -> T:
    """Do idempotent work, and once more when its COMMIT is not answered.

    Raises CommitUnknown when it is not known even then, whatever keeps it from being done again.
    """
    try:
        return await work()
    except CommitUnknown as unknown:
        try:
            return await work()
        except Exception as error:
            raise unknown from error


def until_known_now(work: Callable[[], T]) -> T:
    """Do the same where there is no loop."""
    try:
        return work()
    except CommitUnknown as unknown:
        try:
            return work()
        except Exception as error:
            raise unknown from error


@contextmanager
def before_it_begins() -> Iterator[None]:
    """Around what is written ahead of a command: lost at COMMIT or not, the command itself has not begun.

    Raises Unavailable in place of CommitUnknown.
    """
    try:
        yield
    except CommitUnknown as error:
        raise Unavailable(AWAY) from error


def is_ending(error: BaseException | None) -> bool:
    """Say whether the server ended the session, or nothing is known of it: no state (lost), class 08, 57P0x."""
    state = error.sqlstate if isinstance(error, psycopg.Error) else None
    return state is None or state.startswith(("08", "57P0"))

"""Classification of exceptions: the message's own fault (poison), an outside cause, or our code.

Poison is an explicit list.  A message that cannot be decoded, fails its schema, names something impossible or breaks a
business rule raises BadMessage or PartialFailure; in addition, database errors about a value count as poison.
Source: architecture "Poison is an explicit list".
"""

from collections.abc import Mapping
from enum import Enum
from typing import Final

import psycopg
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, RecordTooLargeError
from psycopg import errors
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from shared.kafka.messages import BadMessage


class RetryLater(Exception):
    """The handler cannot proceed yet, because another service is behind; the group is retried after a pause."""


class PartialFailure(Exception):
    """The handler finished the group except some messages: `problems` maps their index in it to what is wrong."""

    def __init__(self, problems: Mapping[int, BadMessage]) -> None:
        super().__init__("; ".join(str(problem) for problem in problems.values()))
        self.problems = problems


def refuse(reasons: Mapping[int, str], code: str = "bad_version") -> None:
    """Raise PartialFailure if there are reasons.  reasons: index in the group -> what is wrong with the message."""
    if reasons:
        raise PartialFailure({index: BadMessage(code, reason) for index, reason in reasons.items()})


class Stopped(Exception):
    """A group failed for too long and is not acknowledged; the process, or the consumer alone, must be restarted."""


class TopicHeld(Exception):
    """Consumption of the topic is suspended; the rest of the process continues.

    again_s: seconds after which the same messages are given to the processor again.
    """

    def __init__(self, reason: str, again_s: float) -> None:
        super().__init__(reason)
        self.again_s = again_s


class Blame(Enum):
    """Where a fault comes from."""

    MESSAGE = "message"  # poison: handled alone, it can never succeed
    OUTSIDE = "outside"  # another service, the database, its schema: may pass without a change of message or code
    OURS = "ours"  # everything else: probably a fault of our code


# The database refuses a value.
_VALUES: Final = (
    errors.NumericValueOutOfRange,
    errors.StringDataRightTruncation,
    errors.CharacterNotInRepertoire,
    errors.UntranslatableCharacter,
    errors.DatetimeFieldOverflow,
)
# The database is away or a standby, or its schema, rights or cached plans do not fit this release.
_OUTSIDE: Final = (
    RetryLater,
    KafkaError,
    OSError,
    TimeoutError,
    psycopg.OperationalError,
    psycopg.InterfaceError,
    OperationalError,
    InterfaceError,
    PoolTimeout,
    errors.SerializationFailure,
    errors.DeadlockDetected,
    errors.ReadOnlySqlTransaction,
    errors.InFailedSqlTransaction,
    errors.InsufficientPrivilege,
    errors.FeatureNotSupported,
    errors.InvalidSchemaName,
    errors.InvalidSqlStatementName,
    errors.UndefinedTable,
    errors.UndefinedColumn,
    errors.UndefinedFunction,
    errors.UndefinedObject,
    errors.InvalidColumnReference,
    errors.DatatypeMismatch,
    errors.BadCopyFileFormat,
    errors.InvalidTextRepresentation,
    errors.InvalidBinaryRepresentation,
)
# Subclasses of the above that one message can cause every time.
_TOO_MUCH: Final = (errors.ProgramLimitExceeded, MessageSizeTooLargeError, RecordTooLargeError)


def blame(error: BaseException) -> Blame:
    """Return where a fault comes from; meaningful only for a message that was handled alone."""
    if isinstance(error, BadMessage | PartialFailure):
        return Blame.MESSAGE
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    # psycopg refuses a NUL in a text by itself, with the base class.
    if isinstance(cause, _VALUES) or type(cause) is psycopg.DataError:
        return Blame.MESSAGE
    if isinstance(cause, _OUTSIDE) and not isinstance(cause, _TOO_MUCH):
        return Blame.OUTSIDE
    return Blame.OURS


def is_transient(error: BaseException) -> bool:
    """Say whether the same work may succeed later without a change of our code or data."""
    return blame(error) is Blame.OUTSIDE

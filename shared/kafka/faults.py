"""What a fault says about its message.  Poison is an explicit list; the rest is the world's fault or ours.

Poison: cannot be decoded, fails its schema, names what cannot be, or is refused by a rule of the business: all of these
are raised as BadMessage or PartialFailure.  Beside them only what the database says about a value and what no schema of
ours could cause.  Source: architecture "Poison is an explicit list".
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
    """A handler cannot go on just now (another service is behind); the group is handled again after a pause."""


class PartialFailure(Exception):
    """The handler has done the group but for some messages: `problems` gives their places in it, and what is wrong."""

    def __init__(self, problems: Mapping[int, BadMessage]) -> None:
        super().__init__("; ".join(str(problem) for problem in problems.values()))
        self.problems = problems


def refuse(reasons: Mapping[int, str], code: str = "bad_version") -> None:
    """Raise PartialFailure with the reasons by place in the group, if there are any."""
    if reasons:
        raise PartialFailure({place: BadMessage(code, reason) for place, reason in reasons.items()})


class Stopped(Exception):
    """A group could not be done for too long and is not acknowledged: the owner of the process stops it, or the
    consumer alone, and begins again."""


class Held(Exception):
    """The topic is not consumed any further, the rest of the process goes on.

    again_s: seconds after which the same messages are given to the guard again.
    """

    def __init__(self, because: str, again_s: float) -> None:
        super().__init__(because)
        self.again_s = again_s


class Blame(Enum):
    """Whose fault a fault is."""

    MESSAGE = "message"  # handled alone, it can never be done
    WORLD = "world"  # another service, the database, its schema: passes without a change of the message or of our code
    OURS = "ours"  # nothing says that the message is wrong; perhaps our code cannot do it


# A value that does not fit.
_VALUES: Final = (
    errors.NumericValueOutOfRange,
    errors.StringDataRightTruncation,
    errors.CharacterNotInRepertoire,
    errors.UntranslatableCharacter,
    errors.DatetimeFieldOverflow,
)
# The database is away, is a standby, or its schema, its rights or a plan of it are not what this release needs.
_WORLD: Final = (
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
# Kinds of the above that one message can cause for ever.
_TOO_MUCH: Final = (errors.ProgramLimitExceeded, MessageSizeTooLargeError, RecordTooLargeError)


def blame(error: BaseException) -> Blame:
    """Say whose fault it is; of a group's fault it only counts when a message has been handled alone."""
    if isinstance(error, BadMessage | PartialFailure):
        return Blame.MESSAGE
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    # psycopg itself refuses a NUL in a text before the server sees it, with the plain class.
    if isinstance(cause, _VALUES) or type(cause) is psycopg.DataError:
        return Blame.MESSAGE
    if isinstance(cause, _WORLD) and not isinstance(cause, _TOO_MUCH):
        return Blame.WORLD
    return Blame.OURS


def is_transient(error: BaseException) -> bool:
    """Say whether the same work may succeed later without anything of ours being changed."""
    return blame(error) is Blame.WORLD

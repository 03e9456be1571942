"""The requests of Kafka's protocol that make users and rights; aiokafka has some of them, one right at a time.

Source: Apache Kafka, messages AlterUserScramCredentials 0, DescribeAcls 1, CreateAcls 1, DeleteAcls 1.
"""

import hashlib
import secrets
from collections.abc import Collection, Iterable, Mapping
from dataclasses import astuple, dataclass
from typing import Any, Final

from aiokafka.conn import AIOKafkaConnection
from aiokafka.errors import for_code
from aiokafka.protocol.admin import CreateAclsRequest_v1, DeleteAclsRequest_v1, DescribeAclsRequest_v1
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    CompactArray,
    CompactBytes,
    CompactString,
    Int8,
    Int16,
    Int32,
    Schema,
    TaggedFields,
)

from shared.contracts.rights import Right
from shared.kafka.authorized import OPERATIONS

ITERATIONS: Final = 8192
"""Of the hash that makes a password slow to guess: twice the least that Kafka takes.  Passwords of ours are random."""
_SHA_512: Final = 2
_SCRAM: Final = 51
_TOPIC, _GROUP = 2, 3
_ANY, _LITERAL, _PREFIXED = 1, 3, 4
_ALLOW: Final = 3
_RESOURCES: Final = {"Topic": _TOPIC, "Group": _GROUP}
_TEXT: Final = CompactString("utf-8")


@dataclass(frozen=True, order=True)
class Entry:
    """One entry of the broker's list, by the numbers of its protocol."""

    resource: int
    name: str
    pattern: int
    principal: str
    host: str
    operation: int
    permission: int


def entry_of(user: str, right: Right) -> Entry:
    """Return the entry that gives a user a right, from every host."""
    pattern = _PREFIXED if right.prefixed else _LITERAL
    operation = OPERATIONS[right.operation]
    return Entry(_RESOURCES[right.resource], right.name, pattern, principal(user), "*", operation, _ALLOW)


def principal(user: str) -> str:
    """Return the name by which the list knows a user."""
    return f"User:{user}"


async def entries(connection: AIOKafkaConnection) -> set[Entry]:
    """Return the broker's whole list.  Raises KafkaError."""
    question = DescribeAclsRequest_v1(_ANY, None, _ANY, None, None, _ANY, _ANY)
    reply: Any = await connection.send(_Ready(question))
    _check(reply.error_code, reply.error_message)
    return {
        Entry(resource, name, pattern, *given) for resource, name, pattern, every in reply.resources for given in every
    }


async def create(connection: AIOKafkaConnection, wanted: Collection[Entry]) -> None:
    """Add entries to the list.  Raises KafkaError."""
    if wanted:
        reply: Any = await connection.send(_Ready(CreateAclsRequest_v1([astuple(entry) for entry in sorted(wanted)])))
        _check_each(reply.creation_responses)


async def delete(connection: AIOKafkaConnection, unwanted: Collection[Entry]) -> None:
    """Take entries from the list.  Raises KafkaError."""
    if unwanted:
        reply: Any = await connection.send(_Ready(DeleteAclsRequest_v1([astuple(entry) for entry in sorted(unwanted)])))
        _check_each((code, text) for code, text, _ in reply.filter_responses)


async def set_passwords(connection: AIOKafkaConnection, passwords: Mapping[str, str]) -> None:
    """Make users that are missing and set the password of all.  Raises KafkaError.

    The broker is given a salted hash; it never learns a password from us.
    """
    reply: Any = await connection.send(
        _Ready(_Scram([], [_upsertion(*user) for user in sorted(passwords.items())], {}))
    )
    _check_each((code, f"{user}: {text}") for user, code, text, _ in reply.results)


def _upsertion(user: str, password: str) -> tuple[Any, ...]:
    salt = secrets.token_bytes(32)
    salted = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, ITERATIONS)
    return (user, _SHA_512, ITERATIONS, salt, salted, {})


def _check_each(results: Iterable[tuple[int, str | None]]) -> None:
    for code, text in results:
        _check(code, text)


def _check(code: int, text: str | None) -> None:
    """Raise the error of a code that is not 0."""
    if code:
        raise for_code(code)(text or "")


class _ScramReply(Response):  # type: ignore[misc]  # aiokafka has no types
    API_KEY = _SCRAM
    API_VERSION = 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "results",
            CompactArray(("user", _TEXT), ("error_code", Int16), ("error_message", _TEXT), ("tags", TaggedFields)),
        ),
        ("tags", TaggedFields),
    )


class _Scram(RequestStruct):  # type: ignore[misc]  # as above
    FLEXIBLE_VERSION = True
    API_KEY = _SCRAM
    API_VERSION = 0
    RESPONSE_TYPE = _ScramReply
    SCHEMA = Schema(
        ("deletions", CompactArray(("name", _TEXT), ("mechanism", Int8), ("tags", TaggedFields))),
        (
            "upsertions",
            CompactArray(
                ("name", _TEXT),
                ("mechanism", Int8),
                ("iterations", Int32),
                ("salt", CompactBytes),
                ("salted_password", CompactBytes),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class _Ready(Request[RequestStruct]):  # type: ignore[misc]  # as above
    """A request whose version is chosen."""

    API_KEY = -1

    def __init__(self, request: RequestStruct) -> None:
        self._request = request

    def prepare(self, versions: dict[int, tuple[int, int]]) -> RequestStruct:
        return self._request

    def build(self, request_struct_class: type[RequestStruct]) -> RequestStruct:
        return self._request

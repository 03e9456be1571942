"""Making the broker's users and rights what the table of topics asks for."""

import asyncio
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from typing import Final

from aiokafka.conn import AIOKafkaConnection
from aiokafka.errors import KafkaError

from deploy.acls import protocol
from deploy.acls.protocol import Entry
from shared.contracts.rights import USERS, rights_of, rights_of_subscriber
from shared.kafka.access import connected, explained, refused_for_good
from shared.runtime.broker import Broker

PATIENCE_S: Final = 300.0
_PAUSE_S: Final = 0.5


class Refused(RuntimeError):
    """The broker does not let us make users or rights; the reason and what to do are the message."""


@dataclass(frozen=True)
class Changes:
    """What `apply` did: users whose password was set, and entries of the list."""

    users: tuple[str, ...]
    created: int
    deleted: int


def wanted(users: Iterable[str]) -> set[Entry]:
    """Return the entries of these users; one that is not of ours is a subscriber.  Raises ValueError for a bad name."""
    return {
        protocol.entry_of(user, right)
        for user in users
        for right in (rights_of(user) if user in USERS else rights_of_subscriber(user))
    }


async def apply(broker: Broker, passwords: Mapping[str, str]) -> Changes:
    """Give these users their passwords and exactly their rights; others are left as they are.

    broker: as a super user.  Raises TimeoutError when no broker answers, Refused when it refuses, ValueError for a user
    that cannot be one.
    """
    entries = wanted(passwords)
    async with asyncio.timeout(PATIENCE_S):
        connection = await _waited_for(broker)
    try:
        await protocol.set_passwords(connection, passwords)
        created, deleted = await _change(connection, entries, {protocol.principal(user) for user in passwords})
    except KafkaError as error:
        raise Refused(await explained(broker, error)) from error
    finally:
        connection.close()
    return Changes(tuple(sorted(passwords)), created, deleted)


async def _change(connection: AIOKafkaConnection, entries: Set[Entry], principals: Set[str]) -> tuple[int, int]:
    """Create what is missing before what is too much is deleted, so that nobody is refused meanwhile."""
    present = {entry for entry in await protocol.entries(connection) if entry.principal in principals}
    await protocol.create(connection, entries - present)
    await protocol.delete(connection, present - entries)
    return len(entries - present), len(present - entries)


async def _waited_for(broker: Broker) -> AIOKafkaConnection:
    """Return a connection; wait for a broker that is away.  Raises Refused."""
    while True:
        try:
            return await connected(broker)
        except (KafkaError, OSError, TimeoutError) as error:
            if found := await refused_for_good(broker):
                raise Refused("; ".join(found)) from error
            await asyncio.sleep(_PAUSE_S)

"""Messages that our code cannot handle, counted over new starts, and what somebody on call says of them.

The broker keeps the note, as the metadata of an offset in a consumer group of its own: it is there for every service,
outlives the process, and `kafka-consumer-groups` shows it.  Nothing here is opened before there is a suspect.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError
from aiokafka.structs import OffsetAndMetadata

from shared.messages import Incoming, incoming

Place = tuple[str, int, int]  # topic, partition, offset
_NOTE_BYTES: Final = 2000  # the broker keeps up to 4096
_TRIES: Final = 20
_TRY_AGAIN_S: Final = 0.5
_BEHIND_MS: Final = 1000


@dataclass(frozen=True)
class Suspect:
    """A message that could not be handled: how many new starts it has cost, and who wants it skipped, if anybody."""

    starts: int = 0
    skip: str | None = None


class Suspects:
    """The suspects of one service: at most one a partition, because what stands behind it is not handled."""

    def __init__(self, kafka_url: str, service: str) -> None:
        self._url = kafka_url
        self._group = f"rebalancer-{service}-suspects"

    async def known(self) -> Mapping[Place, Suspect]:
        """Return all suspects by topic, partition and offset.  Raises KafkaError when the broker does not answer."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self._url)
        await admin.start()
        try:
            noted = await self._noted(admin)
        finally:
            await admin.close()
        return {(at.topic, at.partition, one.offset): _read(one.metadata) for at, one in noted.items() if one.metadata}

    async def _noted(self, admin: AIOKafkaAdminClient) -> Mapping[TopicPartition, OffsetAndMetadata]:
        for _ in range(_TRIES):
            try:
                return dict(await admin.list_consumer_group_offsets(self._group))
            except GroupCoordinatorNotAvailableError:  # a broker's very first group: it makes a place for them
                await asyncio.sleep(_TRY_AGAIN_S)
        return dict(await admin.list_consumer_group_offsets(self._group))

    async def note(self, at: Place, suspect: Suspect, why: str) -> None:
        """Keep what is known of the message; `why` is the fault.  Raises KafkaError when the broker does not answer."""
        text = orjson.dumps({"starts": suspect.starts, "skip": suspect.skip, "why": why[:_NOTE_BYTES]}).decode()
        async with AIOKafkaConsumer(bootstrap_servers=self._url, group_id=self._group, enable_auto_commit=False) as one:
            place = TopicPartition(*at[:2])
            one.assign([place])
            await one.commit({place: OffsetAndMetadata(at[2], text)})

    async def skip(self, topic: str, partition: int, offset: int, who: str) -> None:
        """Ask that this one message be put aside the next time its guard gives it up.  who: name and reason."""
        known = (await self.known()).get((topic, partition, offset), Suspect())
        await self.note((topic, partition, offset), Suspect(known.starts, who[:_NOTE_BYTES]), "skipped by hand")

    async def behind(self, message: Incoming, most: int) -> Sequence[Incoming]:
        """Return up to `most` messages that stand behind this one in its partition."""
        async with AIOKafkaConsumer(bootstrap_servers=self._url, enable_auto_commit=False) as one:
            place = TopicPartition(message.topic, message.partition)
            one.assign([place])
            one.seek(place, message.offset + 1)
            fetched = await one.getmany(place, timeout_ms=_BEHIND_MS, max_records=most)
        return [incoming(record) for records in fetched.values() for record in records]


def _read(metadata: str) -> Suspect:
    note = orjson.loads(metadata)
    return Suspect(note["starts"], note["skip"])

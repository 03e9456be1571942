"""Notes that people on call and processes of a service leave with the broker, each at a place in a topic.

A note is the metadata of an offset in a consumer group of its own: it is there for every service, outlives the process,
and `kafka-consumer-groups` shows it.  The broker forgets it some days after the last one of its group.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError
from aiokafka.structs import OffsetAndMetadata

Place = tuple[str, int, int]  # topic, partition, offset
Note = Mapping[str, Any]
LONGEST: Final = 2000  # bytes of a text in a note: the broker keeps up to 4096 of the whole
_TRIES: Final = 20
_TRY_AGAIN_S: Final = 0.5


class Notes:
    """The notes of one group, at most one a partition."""

    def __init__(self, kafka_url: str, group: str) -> None:
        self._url = kafka_url
        self._group = group

    async def read(self) -> Mapping[Place, Note]:
        """Return all notes by topic, partition and offset.  Raises KafkaError when the broker does not answer."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self._url)
        await admin.start()
        try:
            noted = await self._noted(admin)
        finally:
            await admin.close()
        return {
            (at.topic, at.partition, one.offset): orjson.loads(one.metadata)
            for at, one in noted.items()
            if one.metadata
        }

    async def _noted(self, admin: AIOKafkaAdminClient) -> Mapping[TopicPartition, OffsetAndMetadata]:
        for _ in range(_TRIES):
            try:
                return dict(await admin.list_consumer_group_offsets(self._group))
            except GroupCoordinatorNotAvailableError:  # a broker's very first group: it makes a place for them
                await asyncio.sleep(_TRY_AGAIN_S)
        return dict(await admin.list_consumer_group_offsets(self._group))

    async def leave(self, at: Place, note: Note) -> None:
        """Leave a note in place of the one before.  Raises KafkaError when the broker does not answer."""
        async with AIOKafkaConsumer(bootstrap_servers=self._url, group_id=self._group, enable_auto_commit=False) as one:
            place = TopicPartition(*at[:2])
            one.assign([place])
            await one.commit({place: OffsetAndMetadata(at[2], orjson.dumps(note).decode())})

"""Notes that processes of a service and people on call store in the broker, each at a position in a topic.

A note is the metadata of a committed offset in a consumer group of its own.  So it needs no database, outlives the
process, and `kafka-consumer-groups` shows it.  The broker deletes a group's notes some days after its last commit.
"""

from collections.abc import Mapping
from typing import Any, Final

import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError
from aiokafka.structs import OffsetAndMetadata

from shared.kafka.connection import client_options
from shared.runtime.broker import Broker
from shared.runtime.pause import pause

Position = tuple[str, int, int]  # topic, partition, offset
Note = Mapping[str, Any]
LONGEST: Final = 2000  # characters of a text in a note: the broker stores up to 4096 bytes of the whole
_ATTEMPTS: Final = 20
_PAUSE_S: Final = 0.5


class Notes:
    """The notes of one group, at most one per partition."""

    def __init__(self, broker: Broker, group: str) -> None:
        self._broker = broker
        self._group = group

    async def read(self) -> Mapping[Position, Note]:
        """Return all notes by topic, partition and offset.  Raises KafkaError if the broker does not answer."""
        admin = AIOKafkaAdminClient(**client_options(self._broker))
        await admin.start()
        try:
            noted = await self._noted(admin)
        finally:
            await admin.close()
        return {
            (partition.topic, partition.partition, committed.offset): orjson.loads(committed.metadata)
            for partition, committed in noted.items()
            if committed.metadata
        }

    async def _noted(self, admin: AIOKafkaAdminClient) -> Mapping[TopicPartition, OffsetAndMetadata]:
        for _ in range(_ATTEMPTS):
            try:
                return dict(await admin.list_consumer_group_offsets(self._group))
            except GroupCoordinatorNotAvailableError:  # the broker is creating its first consumer group
                await pause(_PAUSE_S)
        return dict(await admin.list_consumer_group_offsets(self._group))

    async def leave(self, at: Position, note: Note) -> None:
        """Store a note in place of the partition's earlier one.  Raises KafkaError if the broker does not answer."""
        client = AIOKafkaConsumer(**client_options(self._broker), group_id=self._group, enable_auto_commit=False)
        async with client as consumer:
            partition = TopicPartition(*at[:2])
            consumer.assign([partition])
            await consumer.commit({partition: OffsetAndMetadata(at[2], orjson.dumps(note).decode())})

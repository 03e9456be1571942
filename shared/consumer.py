"""Plain consumption in groups for services that are not Faust workers: fetch many, handle by topic, then commit."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import CommitFailedError, KafkaError

from shared import log
from shared.guard import Guard
from shared.messages import Incoming

_log = log.get(__name__)


class GroupConsumer:
    """Consumes the topics of its guards in one consumer group; at least once, committed after the effect."""

    def __init__(self, kafka_url: str, group: str, guards: Sequence[Guard], *, max_records: int = 500) -> None:
        self._url = kafka_url
        self._group = group
        self._guards = {guard.topic.name: guard for guard in guards}
        self._max = max_records
        self.assigned = False

    async def run(self) -> None:
        """Consume until cancelled; an unreachable broker is waited for."""
        while True:
            consumer = AIOKafkaConsumer(
                bootstrap_servers=self._url,
                group_id=self._group,
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                session_timeout_ms=10_000,
                heartbeat_interval_ms=2_000,
                max_poll_interval_ms=600_000,
                max_partition_fetch_bytes=8 * 1024 * 1024,
            )
            consumer.subscribe(list(self._guards), listener=_Assigned(self))
            try:
                await consumer.start()
                await self._loop(consumer)
            except KafkaError as error:
                _log.warning("consumer.restarts", group=self._group, error=str(error))
                await asyncio.sleep(1.0)
            finally:
                self.assigned = False
                await _close(consumer)

    async def _loop(self, consumer: AIOKafkaConsumer) -> None:
        while True:
            fetched = await consumer.getmany(timeout_ms=500, max_records=self._max)
            by_topic: dict[str, list[Incoming]] = defaultdict(list)
            ends: dict[TopicPartition, int] = {}
            for partition, records in fetched.items():
                for record in records:
                    by_topic[record.topic].append(
                        Incoming(
                            record.topic,
                            record.partition,
                            record.offset,
                            record.key,
                            record.value,
                            tuple(record.headers),
                            record.timestamp,
                        )
                    )
                ends[partition] = records[-1].offset + 1
            for topic, messages in by_topic.items():
                await self._guards[topic].run(messages)
            if ends:
                try:
                    await consumer.commit(ends)
                except CommitFailedError as error:
                    # The group moved these partitions while we worked: they are handled again, which is harmless.
                    _log.warning("consumer.commit_refused", group=self._group, error=str(error))


async def _close(consumer: AIOKafkaConsumer) -> None:
    """Close a consumer in a task of its own: with the broker away its own cancelled tasks would end ours."""
    closing = asyncio.ensure_future(consumer.stop())
    await asyncio.wait([closing])
    if not closing.cancelled() and closing.exception() is not None:
        _log.warning("consumer.close_failed", error=repr(closing.exception()))


class _Assigned(ConsumerRebalanceListener):
    def __init__(self, owner: GroupConsumer) -> None:
        self._owner = owner

    async def on_partitions_revoked(self, revoked: object) -> None:
        self._owner.assigned = False

    async def on_partitions_assigned(self, assigned: object) -> None:
        self._owner.assigned = True

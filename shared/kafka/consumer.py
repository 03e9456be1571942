"""Consumption in groups for services that are not Faust workers: fetch many messages, handle by topic, commit."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Collection, Container, Mapping, Sequence
from functools import partial
from typing import Final

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import CommitFailedError, KafkaError

from shared.contracts.topics import MIB
from shared.kafka.access import REFUSED_PAUSE_S, is_refusal
from shared.kafka.connection import client_options
from shared.kafka.faults import TopicHeld
from shared.kafka.header_names import accept_any_header_name
from shared.kafka.messages import Incoming, incoming
from shared.kafka.metadata_backoff import add_metadata_backoff
from shared.kafka.processor import MessageProcessor
from shared.runtime import log, metrics
from shared.runtime.broker import Broker
from shared.runtime.components import Heartbeat, no_heartbeat
from shared.runtime.pause import pause

# A client has one fetch request at a broker at a time, for the partitions of which it has no records.  Records that
# arrive in another partition wait until that fetch returns: with longer waits (Faust's default is 1.5 s) a series of
# chunks stalled several times for half a second and more while both sides were idle.
FETCH_WAIT_MS: Final = 100
_QUIET_S: Final = 8.0
_PATIENCE_S: Final = 60.0  # for a call of the client: a fetch, a commit
_STOP_S: Final = 10.0
_log = log.get(__name__)


class StuckError(Exception):
    """The topic has messages that the client does not fetch."""

    is_text_plain = True  # for the log: it names partitions and offsets


class GroupConsumer:
    """Consumes the topics of its processors in one consumer group; at least once, committed after the effect.

    quiet_s: seconds without a message after which end offsets are compared with positions.  After the death of a
    broker, aiokafka clients were observed that never fetched again; if two comparisons find the same messages waiting,
    the client is replaced.
    pause_s: seconds to wait before the next fetch after a group that was not full, unless half a group waits already:
    a single message is handled at once, a stream in fewer and larger groups, and a backlog without pauses.
    """

    def __init__(
        self,
        broker: Broker,
        group: str,
        processors: Sequence[MessageProcessor],
        *,
        max_records: int = 500,
        quiet_s: float = _QUIET_S,
        pause_s: float = 0.0,
    ) -> None:
        self._broker = broker
        self._group = group
        self._processors = {processor.topic.name: processor for processor in processors}
        self._max = max_records
        self._quiet_s = quiet_s
        self._pause_s = pause_s
        self.assigned = False
        metrics.GROUP_PARTITIONS.labels(group).set(0)
        self._held: dict[str, float] = {}  # held topic -> monotonic time at which it is resumed
        self._read_s: dict[TopicPartition, float] = {}  # monotonic time of the oldest uncommitted read
        for processor in processors:
            # Computed at every scrape, so that it also grows while the broker is away and this loop waits for it.
            age = metrics.UNCOMMITTED_AGE.labels(processor.service, processor.topic.name)
            age.set_function(partial(self._uncommitted_s, processor.topic.name))

    @property
    def name(self) -> str:
        """The consumer group."""
        return self._group

    @property
    def topics(self) -> list[str]:
        """The names of the topics it consumes."""
        return list(self._processors)

    def held(self) -> list[str]:
        """Return a sentence for each topic that is held: which topic, and why."""
        return [processor.held for processor in self._processors.values() if processor.held is not None]

    async def run(self, heartbeat: Heartbeat = no_heartbeat) -> None:
        """Consume until cancelled; wait for an unreachable broker.

        heartbeat: called after each step.  Raises Stopped if a processor stops; a new run handles the unacknowledged
        messages again.
        """
        while True:
            consumer = self.client()
            consumer.subscribe(list(self._processors), listener=_Assigned(self))
            try:
                async with asyncio.timeout(_PATIENCE_S):
                    await consumer.start()
                await self._loop(consumer, heartbeat)
            except (KafkaError, TimeoutError, StuckError) as error:
                _log.warning("consumer.restarts", group=self._group, error=error)
                heartbeat()
                await pause(REFUSED_PAUSE_S if is_refusal(error) else 1.0)
            finally:
                self.revoke()
                await _close(consumer)

    def client(self) -> AIOKafkaConsumer:
        """Return a client of the group, not started."""
        accept_any_header_name()
        client = AIOKafkaConsumer(
            **client_options(self._broker),
            group_id=self._group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            session_timeout_ms=10_000,
            heartbeat_interval_ms=2_000,
            max_poll_interval_ms=600_000,
            max_partition_fetch_bytes=2 * MIB,  # four chunks of the largest size
            fetch_max_wait_ms=FETCH_WAIT_MS,
        )
        add_metadata_backoff(client._client)  # noqa: SLF001  # a consumer, unlike a producer, has no public attribute for it
        return client

    def _uncommitted_s(self, topic: str) -> float:
        """Return the age in seconds of the topic's oldest message that was read and is not committed, 0 if none."""
        now_s = time.monotonic()
        return max((now_s - since for at, since in list(self._read_s.items()) if at.topic == topic), default=0.0)

    def assign(self, partitions: Collection[TopicPartition]) -> None:
        """Note the partitions of this consumer; reads of other partitions are no longer waiting for a commit."""
        self.assigned = True
        metrics.GROUP_REBALANCES.labels(self._group).inc()
        metrics.GROUP_PARTITIONS.labels(self._group).set(len(partitions))
        self._read_s = {at: since for at, since in self._read_s.items() if at in partitions}

    def revoke(self) -> None:
        """Note that this consumer has no partitions: its group is being rebalanced, or it has left it."""
        self.assigned = False
        metrics.GROUP_PARTITIONS.labels(self._group).set(0)

    async def _loop(self, consumer: AIOKafkaConsumer, heartbeat: Heartbeat) -> None:
        """Fetch and hand over messages for ever.  Raises StuckError if messages wait that are not fetched."""
        seen_s, waiting = time.monotonic(), dict[TopicPartition, int]()
        next_of: dict[TopicPartition, int] = {}  # offset of each partition up to which everything is done
        while True:
            self._release(consumer)
            async with asyncio.timeout(_PATIENCE_S):
                fetched = await consumer.getmany(timeout_ms=500, max_records=self._max)
            heartbeat()
            if fetched:
                seen_s, waiting = time.monotonic(), {}
            elif time.monotonic() - seen_s > self._quiet_s:
                before, waiting = waiting, await _unfetched(consumer, self._held)
                if still := before.items() & waiting.items():
                    raise StuckError(f"not fetched, by partition and offset: {still}")
                seen_s = time.monotonic()
            by_topic: dict[str, list[Incoming]] = defaultdict(list)
            ends: dict[TopicPartition, int] = {}
            for partition, records in fetched.items():
                by_topic[partition.topic] += map(incoming, records)
                ends[partition] = records[-1].offset + 1
                self._read_s.setdefault(partition, time.monotonic())
            for topic, messages in by_topic.items():
                try:
                    await self._processors[topic].run(messages)
                except TopicHeld as error:
                    self._hold(consumer, topic, messages, error.again_s)
                    ends = {partition: end for partition, end in ends.items() if partition.topic != topic}
                heartbeat()
            if ends:
                try:
                    async with asyncio.timeout(_PATIENCE_S):
                        await consumer.commit(ends)
                except CommitFailedError as error:
                    # The group reassigned these partitions meanwhile; handling their messages again is harmless.
                    _log.warning("consumer.commit_refused", group=self._group, error=error)
                self._read_s = {at: since for at, since in self._read_s.items() if at not in ends}
                next_of = {at: end for at, end in (next_of | ends).items() if at.topic not in self._held}
                if sum(map(len, fetched.values())) < self._max and _backlog(consumer, next_of) < self._max / 2:
                    await pause(self._pause_s)

    def _hold(self, consumer: AIOKafkaConsumer, topic: str, messages: Sequence[Incoming], again_s: float) -> None:
        """Pause the topic and seek back to the first of these messages in each partition."""
        self._held[topic] = time.monotonic() + again_s
        self._read_s = {at: since for at, since in self._read_s.items() if at.topic != topic}
        consumer.pause(*(partition for partition in consumer.assignment() if partition.topic == topic))
        for message in reversed(messages):
            partition = TopicPartition(topic, message.partition)
            if partition in consumer.assignment():
                consumer.seek(partition, message.offset)

    def _release(self, consumer: AIOKafkaConsumer) -> None:
        """Resume held topics whose pause is over."""
        for topic, again in list(self._held.items()):
            if time.monotonic() > again:
                del self._held[topic]
                consumer.resume(*(partition for partition in consumer.paused() if partition.topic == topic))


def _backlog(consumer: AIOKafkaConsumer, next_of: Mapping[TopicPartition, int]) -> int:
    """Return how many messages wait beyond `next_of`, by the end offsets of the client's last fetches."""
    mine = consumer.assignment()
    ends = {partition: consumer.highwater(partition) for partition in next_of if partition in mine}
    return sum(max(0, end - next_of[partition]) for partition, end in ends.items() if end is not None)


async def _unfetched(consumer: AIOKafkaConsumer, held: Container[str]) -> dict[TopicPartition, int]:
    """Return the next offset of each partition that has messages to fetch, except of held topics.

    Raises TimeoutError if the broker does not answer.
    """
    async with asyncio.timeout(_PATIENCE_S):
        assigned = [partition for partition in consumer.assignment() if partition.topic not in held]
        ends = await consumer.end_offsets(assigned) if assigned else {}
        positions = {partition: await consumer.position(partition) for partition in ends}
    return {partition: position for partition, position in positions.items() if position < ends[partition]}


async def _close(consumer: AIOKafkaConsumer) -> None:
    """Close a consumer in a task of its own: if the broker is away, cancelled tasks of aiokafka would cancel ours."""
    stopping = asyncio.ensure_future(consumer.stop())
    await asyncio.wait([stopping], timeout=_STOP_S)
    if not stopping.done():
        stopping.cancel()
        _log.warning("consumer.close_hangs")
    elif not stopping.cancelled() and stopping.exception() is not None:
        _log.warning("consumer.close_failed", error=stopping.exception())


class _Assigned(ConsumerRebalanceListener):
    def __init__(self, owner: GroupConsumer) -> None:
        self._owner = owner

    async def on_partitions_revoked(self, revoked: object) -> None:
        self._owner.revoke()

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        self._owner.assign(assigned)

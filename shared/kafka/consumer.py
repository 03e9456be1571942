"""Plain consumption in groups for services that are not Faust workers: fetch many, handle by topic, then commit."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Collection, Container, Mapping, Sequence
from functools import partial
from typing import Final

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import CommitFailedError, KafkaError

from shared.contracts.topics import MIB
from shared.kafka.faults import Held
from shared.kafka.header_names import take_any_header
from shared.kafka.messages import Incoming, incoming
from shared.kafka.metadata_backoff import pace
from shared.kafka.processor import MessageProcessor
from shared.runtime import log, metrics
from shared.runtime.components import Beat, unheard

# A client has one fetch at a time with a broker, for the partitions it has nothing of.  What comes into a partition
# while its last records are in work waits until that fetch returns: a long row of chunks stood still several times for
# half a second and more (Faust asks for 1.5 s), with nothing to do on either side.
FETCH_WAIT_MS: Final = 100
_QUIET_S = 8.0
_PATIENCE_S = 60.0  # for what a client does by itself: one fetch, one commit
_CLOSING_S = 10.0
_log = log.get(__name__)


class StuckError(Exception):
    """Messages wait in the topic and the client fetches none of them."""


class GroupConsumer:
    """Consumes the topics of its guards in one consumer group; at least once, committed after the effect.

    quiet_s: after so many seconds without a message it is looked whether there really is none.  After a broker's death
    a client was seen that went on without ever fetching again; where two looks find the same messages waiting, it is
    replaced by a fresh one.
    pause_s: after a group with room for more, the next one is fetched so much later, unless half a group waits already:
    what comes alone is handled at once, a stream in fewer and larger groups, and what has piled up without a pause.
    """

    def __init__(
        self,
        kafka_url: str,
        group: str,
        guards: Sequence[MessageProcessor],
        *,
        max_records: int = 500,
        quiet_s: float = _QUIET_S,
        pause_s: float = 0.0,
    ) -> None:
        self._url = kafka_url
        self._group = group
        self._guards = {guard.topic.name: guard for guard in guards}
        self._max = max_records
        self._quiet_s = quiet_s
        self._pause_s = pause_s
        self.assigned = False
        self._held: dict[str, float] = {}  # topics that are held, and when they are given to their guards again
        self._read_s: dict[TopicPartition, float] = {}  # since when what was read of a partition is not committed
        for guard in guards:
            # Asked when somebody looks: it goes on while the broker is away and nothing here gets on.
            age = metrics.UNCOMMITTED_AGE.labels(guard.service, guard.topic.name)
            age.set_function(partial(self._uncommitted_s, guard.topic.name))

    @property
    def name(self) -> str:
        """The name of its group."""
        return self._group

    def held(self) -> list[str]:
        """Return which topics are not consumed any further, and why."""
        return [guard.held for guard in self._guards.values() if guard.held is not None]

    async def run(self, beat: Beat = unheard) -> None:
        """Consume until cancelled; an unreachable broker is waited for.

        beat: called each time it has got on.  Raises Stopped when a guard stops: begun again, it goes on with what was
        in work.
        """
        while True:
            consumer = self.client()
            consumer.subscribe(list(self._guards), listener=_Assigned(self))
            try:
                async with asyncio.timeout(_PATIENCE_S):
                    await consumer.start()
                await self._loop(consumer, beat)
            except (KafkaError, TimeoutError, StuckError) as error:
                _log.warning("consumer.restarts", group=self._group, error=repr(error)[:300])
                beat()
                await asyncio.sleep(1.0)
            finally:
                self.assigned = False
                await _close(consumer)

    def client(self) -> AIOKafkaConsumer:
        """Return a client of the group that is not started."""
        take_any_header()
        client = AIOKafkaConsumer(
            bootstrap_servers=self._url,
            group_id=self._group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            session_timeout_ms=10_000,
            heartbeat_interval_ms=2_000,
            max_poll_interval_ms=600_000,
            max_partition_fetch_bytes=2 * MIB,  # four answered chunks of the largest size
            fetch_max_wait_ms=FETCH_WAIT_MS,
        )
        pace(client._client)  # noqa: SLF001  # a consumer, unlike a producer, does not show it
        return client

    def _uncommitted_s(self, topic: str) -> float:
        """Return the longest time for which a partition of the topic with messages read has been without a commit."""
        now_s = time.monotonic()
        return max((now_s - since for at, since in list(self._read_s.items()) if at.topic == topic), default=0.0)

    def given(self, partitions: Collection[TopicPartition]) -> None:
        """Take note of the partitions that are ours now: what was read of others is no more ours to commit."""
        self.assigned = True
        self._read_s = {at: since for at, since in self._read_s.items() if at in partitions}

    async def _loop(self, consumer: AIOKafkaConsumer, beat: Beat) -> None:
        seen_s, waiting = time.monotonic(), dict[TopicPartition, int]()
        next_of: dict[TopicPartition, int] = {}  # the offset of each partition up to which everything is done
        while True:
            self._release(consumer)
            async with asyncio.timeout(_PATIENCE_S):
                fetched = await consumer.getmany(timeout_ms=500, max_records=self._max)
            beat()
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
                    await self._guards[topic].run(messages)
                except Held as error:
                    self._hold(consumer, topic, messages, error.again_s)
                    ends = {partition: end for partition, end in ends.items() if partition.topic != topic}
                beat()
            if ends:
                try:
                    async with asyncio.timeout(_PATIENCE_S):
                        await consumer.commit(ends)
                except CommitFailedError as error:
                    # The group moved these partitions while we worked: they are handled again, which is harmless.
                    _log.warning("consumer.commit_refused", group=self._group, error=str(error))
                self._read_s = {at: since for at, since in self._read_s.items() if at not in ends}
                next_of = {at: end for at, end in (next_of | ends).items() if at.topic not in self._held}
                if sum(map(len, fetched.values())) < self._max and _piled_up(consumer, next_of) < self._max / 2:
                    await asyncio.sleep(self._pause_s)

    def _hold(self, consumer: AIOKafkaConsumer, topic: str, messages: Sequence[Incoming], again_s: float) -> None:
        """Read no more of the topic, and go back to the first of these messages in each partition."""
        self._held[topic] = time.monotonic() + again_s
        self._read_s = {at: since for at, since in self._read_s.items() if at.topic != topic}
        consumer.pause(*(one for one in consumer.assignment() if one.topic == topic))
        for message in reversed(messages):
            place = TopicPartition(topic, message.partition)
            if place in consumer.assignment():
                consumer.seek(place, message.offset)

    def _release(self, consumer: AIOKafkaConsumer) -> None:
        """Read on in topics whose time has come."""
        for topic, again in list(self._held.items()):
            if time.monotonic() > again:
                del self._held[topic]
                consumer.resume(*(one for one in consumer.paused() if one.topic == topic))


def _piled_up(consumer: AIOKafkaConsumer, next_of: Mapping[TopicPartition, int]) -> int:
    """Return how many messages wait, as far as the client has been told; a fetch brings only some of them."""
    mine = consumer.assignment()
    ends = {one: consumer.highwater(one) for one in next_of if one in mine}
    return sum(max(0, end - next_of[one]) for one, end in ends.items() if end is not None)


async def _unfetched(consumer: AIOKafkaConsumer, held: Container[str]) -> dict[TopicPartition, int]:
    """Return the next offset of each partition in which messages wait, but for topics that are held.

    Raises TimeoutError when nobody can say.
    """
    async with asyncio.timeout(_PATIENCE_S):
        assigned = [one for one in consumer.assignment() if one.topic not in held]
        ends = await consumer.end_offsets(assigned) if assigned else {}
        positions = {one: await consumer.position(one) for one in ends}
    return {one: position for one, position in positions.items() if position < ends[one]}


async def _close(consumer: AIOKafkaConsumer) -> None:
    """Close a consumer in a task of its own: with the broker away its own cancelled tasks would end ours."""
    closing = asyncio.ensure_future(consumer.stop())
    await asyncio.wait([closing], timeout=_CLOSING_S)
    if not closing.done():
        closing.cancel()
        _log.warning("consumer.close_hangs")
    elif not closing.cancelled() and closing.exception() is not None:
        _log.warning("consumer.close_failed", error=repr(closing.exception()))


class _Assigned(ConsumerRebalanceListener):
    def __init__(self, owner: GroupConsumer) -> None:
        self._owner = owner

    async def on_partitions_revoked(self, revoked: object) -> None:
        self._owner.assigned = False

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        self._owner.given(assigned)

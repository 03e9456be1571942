"""How far consumer groups are behind, seen from outside: it shows also while a group is dead, stuck or not yet there.

Committed offsets and ends of partitions are compared.  The broker keeps no time of an offset that can be had without
reading messages of up to 4 MiB, so the time at which each end was first seen is remembered instead: a message is as old
as that sighting, to within the pause between two samples.  What waited before this process began counts from then.
"""

import time
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError

from shared.contracts.topics import TOPICS
from shared.kafka.connection import client_options
from shared.kafka.metadata_backoff import add_metadata_backoff
from shared.kafka.partitions import partitions_of
from shared.runtime import metrics
from shared.runtime.broker import Broker

EVERY_S: Final = 10.0
WORKERS: Final = ("analyzer", "proposer", "taxlot")
"""Services that are Faust workers, each one consumer group."""
_MOST_SIGHTINGS: Final = 2000

Groups = Mapping[str, Iterable[str]]
"""Of each consumer group, the topics it reads."""


def worker_group(service: str) -> str:
    """Return the consumer group of a Faust worker."""
    return f"rebalancer-{service}"


def worker_groups() -> Groups:
    """Return the groups of all Faust workers by the table of topics."""
    return {worker_group(name): [topic.name for topic in TOPICS if name in topic.consumers] for name in WORKERS}


class Sightings:
    """When each end of a partition was first seen: offsets ascending, each with its time in seconds.

    Beyond `most` every second sighting is dropped: a message then counts as younger, by a pause between two samples.
    """

    def __init__(self, most: int = _MOST_SIGHTINGS) -> None:
        self._most = most
        self._ends: list[int] = []
        self._seen_s: list[float] = []

    def note(self, end: int, now_s: float) -> None:
        """Note the end offset that is seen now.  An end below the last one is of a topic that was made anew."""
        if self._ends and end < self._ends[-1]:
            self._ends, self._seen_s = [], []
        if not self._ends or end > self._ends[-1]:
            self._ends.append(end)
            self._seen_s.append(now_s)
        if len(self._ends) > self._most:
            del self._ends[1::2], self._seen_s[1::2]

    def first_seen_s(self, offset: int) -> float | None:
        """Return when the message at `offset` was first seen, None if the partition ends before it."""
        index = bisect_right(self._ends, offset)
        return self._seen_s[index] if index < len(self._ends) else None

    def forget(self, committed: int) -> None:
        """Drop what no group needs any more; `committed`: the least next offset of all groups."""
        index = min(bisect_right(self._ends, committed), len(self._ends) - 1)
        if index > 0:
            del self._ends[:index], self._seen_s[:index]


class LagWatch:
    """Compares the committed offsets of groups with the ends of their topics and sets the metrics."""

    def __init__(self, broker: Broker, groups: Groups) -> None:
        self._broker = broker
        self._groups = {group: sorted(topics) for group, topics in groups.items()}
        self._sightings: dict[TopicPartition, Sightings] = {}
        self._since_s: dict[tuple[str, str], float | None] = {}  # of a group and topic: since when its oldest waits
        for group, topics in self._groups.items():
            for topic in topics:
                metrics.LAG_SECONDS.labels(group, topic).set_function(partial(self.age_s, group, topic))

    async def sample(self) -> None:
        """Compare once.  Raises KafkaError if the broker does not reply."""
        consumer = AIOKafkaConsumer(**client_options(self._broker), group_id=None, enable_auto_commit=False)
        add_metadata_backoff(consumer._client)  # noqa: SLF001  # a consumer has no public attribute for it
        admin = AIOKafkaAdminClient(**client_options(self._broker))
        try:
            await consumer.start()
            await admin.start()
            partitions = await partitions_of(consumer, {topic for topics in self._groups.values() for topic in topics})
            # Committed offsets first: a message committed between the two looks must not count as negative.
            committed = {group: await _committed(admin, group) for group in self._groups}
            begins = await consumer.beginning_offsets(partitions)
            ends = await consumer.end_offsets(partitions)
        finally:
            await admin.close()
            await consumer.stop()
        self.compare(committed, begins, ends, time.monotonic())

    def compare(
        self,
        committed: Mapping[str, Mapping[TopicPartition, int]],
        begins: Mapping[TopicPartition, int],
        ends: Mapping[TopicPartition, int],
        now_s: float,
    ) -> None:
        """Set the metrics.  A group that has committed nothing in a partition reads it from its beginning."""
        by_topic: dict[str, list[TopicPartition]] = defaultdict(list)
        for at, end in ends.items():
            self._sightings.setdefault(at, Sightings()).note(end, now_s)
            by_topic[at.topic].append(at)
        least: dict[TopicPartition, int] = {}
        for group, topics in self._groups.items():
            for topic in topics:
                behind, sightings = 0, list[float]()
                for at in by_topic.get(topic, ()):
                    offset = max(begins[at], committed[group].get(at, begins[at]))
                    behind += max(0, ends[at] - offset)
                    first_s = self._sightings[at].first_seen_s(offset)
                    sightings += [] if first_s is None else [first_s]
                    least[at] = min(offset, least.get(at, offset))
                metrics.LAG_RECORDS.labels(group, topic).set(behind)
                self._since_s[group, topic] = min(sightings, default=None)
        for at, offset in least.items():
            self._sightings[at].forget(offset)

    def age_s(self, group: str, topic: str) -> float:
        """Return the age in seconds of the oldest message that a group has not committed, as of the last comparison."""
        since_s = self._since_s.get((group, topic))
        return 0.0 if since_s is None else time.monotonic() - since_s


async def _committed(admin: AIOKafkaAdminClient, group: str) -> Mapping[TopicPartition, int]:
    """Return the next offset of each partition in which the group has committed; none while no group has a home.

    Raises KafkaError if the broker does not reply.
    """
    try:
        offsets = await admin.list_consumer_group_offsets(group)
    except GroupCoordinatorNotAvailableError:  # the broker is creating its first consumer group
        return {}
    return {at: entry.offset for at, entry in offsets.items() if entry.offset >= 0}

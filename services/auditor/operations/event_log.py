"""Topics of the event log read once, each from its beginning to where it ended when the reading began."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Final

from aiokafka import AIOKafkaConsumer

from services.auditor.operations.reader import assign, reader
from shared.runtime.broker import Broker

_PATIENCE_S: Final = 30.0  # for one reply of the broker
Records = Sequence[Any]
"""aiokafka's records of one partition, in the order of their offsets."""


class EventLog:
    """A client that reads topics without a group.

    progress: called with the name of the topic, how many offsets are read and how many there are; begins: by topic, the
    `ce_time` of the first message of each partition that the broker has cut off at its beginning.
    """

    def __init__(self, consumer: AIOKafkaConsumer, progress: Callable[[str, int, int], None]) -> None:
        self._consumer = consumer
        self._progress = progress
        self.begins: dict[str, list[str]] = {}
        self.messages = 0

    def has_partitions(self, topic: str) -> bool:
        """Say whether the topic that was read last is this one, and there is such a topic."""
        return any(at.topic == topic for at in self._consumer.assignment())

    async def read(self, topic: str) -> AsyncIterator[Records]:
        """Yield the messages of a topic.  Raises KafkaError or TimeoutError if the broker does not reply."""
        consumer = self._consumer
        async with asyncio.timeout(_PATIENCE_S):
            begins, ends = await assign(consumer, topic)
        for at in begins:
            consumer.seek(at, begins[at])
        left = {at: ends[at] for at in begins if begins[at] < ends[at]}
        cut = {at for at in left if begins[at] > 0}
        total, done = sum(ends[at] - begins[at] for at in left), dict.fromkeys(left, 0)
        while left:
            async with asyncio.timeout(_PATIENCE_S):
                fetched = await consumer.getmany(timeout_ms=1000)
            for at, records in fetched.items():
                if at in cut:
                    cut.remove(at)
                    named = dict(records[0].headers).get("ce_time", b"").decode(errors="replace")
                    self.begins.setdefault(topic, []).append(named)
                wanted = [record for record in records if record.offset < ends[at]]
                if wanted:
                    self.messages += len(wanted)
                    yield wanted
                if at in done:
                    done[at] = min(records[-1].offset + 1, ends[at]) - begins[at]
            # The end may lie behind offsets that compaction took: the position says so, the messages do not.
            for at in list(left):
                if await consumer.position(at) >= ends[at]:
                    del left[at]
                    done[at] = ends[at] - begins[at]
            self._progress(topic, sum(done.values()), total)


@asynccontextmanager
async def event_log(broker: Broker, progress: Callable[[str, int, int], None]) -> AsyncIterator[EventLog]:
    """Open a client.  Raises KafkaError or TimeoutError if no broker replies."""
    consumer = reader(broker)
    try:
        async with asyncio.timeout(_PATIENCE_S):
            await consumer.start()
        yield EventLog(consumer, progress)
    finally:
        await asyncio.wait([asyncio.ensure_future(consumer.stop())], timeout=_PATIENCE_S)


def cut_after(begins: Sequence[str], instant: datetime) -> str | None:
    """Return where a topic begins, if that is after an instant: what came before it is gone; else None."""
    late = [text for text in begins if text and datetime.fromisoformat(text) > instant]
    return max(late) if late else None

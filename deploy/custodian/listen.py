"""Reading topics from outside: all messages up to the present end, or until an expected message is seen."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TypeVar

from aiokafka import AIOKafkaConsumer
from pydantic import BaseModel, ValidationError

from shared.contracts.topics import Topic
from shared.kafka.connection import client_options
from shared.runtime.broker import Broker, url_of

M = TypeVar("M", bound=BaseModel)
POLL_MS = 200


class NoTopic(RuntimeError):
    """The topic does not exist: the system was never started on this broker."""


@asynccontextmanager
async def consumer_of(broker: Broker, topic: Topic) -> AsyncIterator[AIOKafkaConsumer]:
    """Give a consumer of all partitions of a topic that belongs to no group.  Raises NoTopic."""
    # A client waits a minute for a missing topic that it names, so the list of all topics is read first.
    async with _started(AIOKafkaConsumer(**client_options(broker))) as looking:
        if topic.name not in await looking.topics():
            raise NoTopic(f"{topic.name} does not exist at {url_of(broker)}: is this the broker of a started system?")
    reader = AIOKafkaConsumer(
        topic.name, **client_options(broker), group_id=None, enable_auto_commit=False, auto_offset_reset="earliest"
    )
    async with _started(reader) as consumer:
        yield consumer


@asynccontextmanager
async def _started(consumer: AIOKafkaConsumer) -> AsyncIterator[AIOKafkaConsumer]:
    try:
        await consumer.start()
        yield consumer
    finally:
        await consumer.stop()


async def read_new(
    broker: Broker, topic: Topic, model: type[M], offsets: Mapping[int, int], say: Callable[[str], None]
) -> tuple[list[M], dict[int, int]]:
    """Return all messages from `offsets` (by partition, else from the beginning) to the end, and the next offsets.

    A message that cannot be decoded is reported and skipped.
    """
    found: list[M] = []
    reached: dict[int, int] = {}
    async with consumer_of(broker, topic) as consumer:
        begins = await consumer.beginning_offsets(consumer.assignment())
        ends = await consumer.end_offsets(consumer.assignment())
        for partition in sorted(consumer.assignment()):
            position = max(offsets.get(partition.partition, 0), begins[partition])
            consumer.seek(partition, position)
            while position < ends[partition]:
                for record in (await consumer.getmany(partition, timeout_ms=POLL_MS)).get(partition, ()):
                    _keep(found, model, record.value, f"{topic.name}/{record.partition}/{record.offset}", say)
                position = await consumer.position(partition)
            reached[partition.partition] = position
    return found, reached


class Watch:
    """Watches a topic from the moment it is opened; `until` waits for messages seen since then."""

    def __init__(self, consumer: AIOKafkaConsumer, model: type[BaseModel], say: Callable[[str], None]) -> None:
        self._consumer, self._model, self._say = consumer, model, say

    async def until(self, enough: Callable[[BaseModel], bool], timeout_s: float) -> bool:
        """Feed every new message to `enough` until it returns True; False when the time is up."""
        limit = time.monotonic() + timeout_s
        while time.monotonic() < limit:
            for records in (await self._consumer.getmany(timeout_ms=POLL_MS)).values():
                seen: list[BaseModel] = []
                for record in records:
                    _keep(seen, self._model, record.value, f"{record.topic}/{record.offset}", self._say)
                if any(enough(message) for message in seen):
                    return True
        return False


@asynccontextmanager
async def watch(
    broker: Broker, topic: Topic, model: type[BaseModel], say: Callable[[str], None], *, from_start: bool = False
) -> AsyncIterator[Watch]:
    """Open a watch at the topic's present end, or at its beginning."""
    async with consumer_of(broker, topic) as consumer:
        if from_start:
            await consumer.seek_to_beginning()
        else:
            await consumer.seek_to_end()
        # The offset is fixed here, not at the first fetch, so every message from now on is seen.
        await asyncio.gather(*(consumer.position(partition) for partition in consumer.assignment()))
        yield Watch(consumer, model, say)


def _keep(found: list[M], model: type[M], value: bytes | None, where: str, say: Callable[[str], None]) -> None:
    if value is None:
        return
    try:
        found.append(model.model_validate_json(value))
    except ValidationError as error:
        say(f"passed over {where}: {error.error_count()} errors, first {error.errors()[0]['msg']}")

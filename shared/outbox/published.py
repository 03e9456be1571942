"""Finding messages that are already at the ends of their topics, before they are sent a second time."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition

from shared.kafka.connection import client_options
from shared.kafka.messages import Outgoing
from shared.kafka.metadata_backoff import add_metadata_backoff
from shared.kafka.publisher import Publisher
from shared.runtime import log

_ID: Final = "ce_id"
_SKEW_S: Final = 300  # largest difference between the clocks of creator and sender
_PATIENCE_S: Final = 20.0
_MOST_BYTES: Final = 64 * 1024 * 1024
_log = log.get(__name__)


async def found_at_end(publisher: Publisher, messages: Sequence[Outgoing], since: datetime, most: int) -> set[int]:
    """Return the indices of messages that are among the last `most` of their partition and not older than `since`.

    Messages are compared by event id; one without is never found.  After _PATIENCE_S seconds the search ends with what
    was found; a message may then be sent twice.  Raises KafkaError if the broker does not answer.
    """
    wanted: dict[TopicPartition, dict[str, int]] = defaultdict(dict)
    partitions = await publisher.partitions_of(messages)
    for index, (message, partition) in enumerate(zip(messages, partitions, strict=True)):
        if _ID in message.headers:
            wanted[TopicPartition(message.topic, partition)][message.headers[_ID]] = index
    if not wanted:
        return set()
    consumer = AIOKafkaConsumer(**client_options(publisher.broker), group_id=None, enable_auto_commit=False)
    add_metadata_backoff(consumer._client)  # noqa: SLF001  # a consumer, unlike a producer, has no public attribute for it
    found: set[int] = set()
    try:
        await consumer.start()
        consumer.assign(list(wanted))
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await _look(consumer, wanted, int((since.timestamp() - _SKEW_S) * 1000), most, found)
        except TimeoutError:
            _log.warning("published.looked_too_long", found=len(found), asked=len(messages))
    finally:
        await consumer.stop()
    return found


async def _look(
    consumer: AIOKafkaConsumer,
    wanted: dict[TopicPartition, dict[str, int]],
    since_ms: int,
    most: int,
    found: set[int],
) -> None:
    """Add the indices of messages that are there to `found`."""
    ends = await consumer.end_offsets(list(wanted))
    begins = await consumer.beginning_offsets(list(wanted))
    recent = await consumer.offsets_for_times(dict.fromkeys(wanted, since_ms))
    left: dict[TopicPartition, int] = {}
    for at, end in ends.items():
        first: Any = recent.get(at)  # None: no message is that new
        start = end if first is None else max(begins[at], int(first.offset), end - most)
        if start < end:
            consumer.seek(at, start)
            left[at] = end
        else:
            consumer.pause(at)
    read = 0
    while left and read < _MOST_BYTES:
        for at, records in (await consumer.getmany(timeout_ms=200)).items():
            for record in records:
                read += len(record.value or b"")
                event = dict(record.headers).get(_ID, b"").decode(errors="replace")
                if event in wanted[at]:
                    found.add(wanted[at][event])
        left = {at: end for at, end in left.items() if await consumer.position(at) < end}

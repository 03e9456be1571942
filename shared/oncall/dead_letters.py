"""Reading dead letters: the original message byte for byte, and which dead letters have been replayed.

shared.kafka.dead_letters writes them and describes their headers.  A replay is recorded in the dead-letter topic
itself, by a message with the key MARK and the offsets of the replayed dead letters: this needs no database, and the
record is kept as long as they are.
"""

import base64
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import orjson
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from shared.contracts.topics import dead_letters
from shared.kafka.connection import client_options
from shared.kafka.partitions import partitions_of
from shared.runtime.broker import Broker

MARK: Final = b"dlq-replayed"
REPLAYED_FROM: Final = "dlq-replayed-from"
_OWN: Final = "dlq-"
_FETCH_MS: Final = 500

RawHeaders = list[tuple[str, bytes | None]]


@dataclass(frozen=True)
class Entry:
    """One dead letter without its body.

    offset: in the dead-letter topic; topic, partition, source_offset: of the original; bytes: its size;
    is_stub: the original was too large to be copied; replayed_from: position of the dead letter whose replay failed
    again and became this one.
    """

    offset: int
    at: datetime
    topic: str
    partition: int
    source_offset: int
    code: str
    reason: str
    key: bytes | None
    bytes: int
    is_stub: bool
    replayed_at: datetime | None = None
    replayed_from: str | None = None


@dataclass(frozen=True)
class DeadLetter:
    """A whole dead letter: key, value and headers of the original as they were sent.

    sha256: of a stub, which has no value: digest of the value that remains in the original topic.
    """

    entry: Entry
    key: bytes | None
    value: bytes | None
    headers: RawHeaders
    sha256: str | None = field(default=None)


async def index(broker: Broker, service: str) -> list[Entry]:
    """Return every dead letter of a service, oldest first.  Raises KafkaError if the broker does not answer."""
    entries: dict[int, Entry] = {}
    replayed: dict[int, datetime] = {}
    async for record in _records(broker, dead_letters(service).name, 0):
        if record.key == MARK:
            replayed |= dict.fromkeys(orjson.loads(record.value or b"[]"), _instant(record))
        else:
            entry = dead_letter_of(record).entry
            entries[entry.offset] = entry
    return [_with(entry, replayed.get(entry.offset)) for entry in entries.values()]


async def read(broker: Broker, service: str, entries: Sequence[Entry]) -> AsyncIterator[DeadLetter]:
    """Yield these dead letters whole, in order of offset.  Raises KafkaError if the broker does not answer."""
    wanted = {entry.offset: entry for entry in entries}
    if not wanted:
        return
    async for record in _records(broker, dead_letters(service).name, min(wanted), max(wanted) + 1):
        if record.offset in wanted:
            found = dead_letter_of(record)
            yield DeadLetter(wanted[record.offset], found.key, found.value, found.headers, found.sha256)


async def original(broker: Broker, entry: Entry) -> ConsumerRecord[bytes, bytes] | None:
    """Return the original message from its topic, None if it was deleted.  Raises KafkaError."""
    found = None
    async for record in _records(broker, entry.topic, entry.source_offset, entry.source_offset + 1, entry.partition):
        if record.offset == entry.source_offset:
            found = record  # no break: an abandoned async generator is not closed in time
    return found


async def is_there(broker: Broker, topic: str, partition: int, offset: int) -> bool:
    """Say whether a partition holds a message at this offset.  Raises KafkaError."""
    at = TopicPartition(topic, partition)
    async with _consumer(broker) as consumer:
        if at not in await partitions_of(consumer, [topic]):
            return False
        first, last = await consumer.beginning_offsets([at]), await consumer.end_offsets([at])
        return bool(first[at] <= offset < last[at])


def dead_letter_of(record: Any) -> DeadLetter:
    """Return a record of a dead-letter topic as a dead letter."""
    about = {name: (value or b"").decode(errors="replace") for name, value in record.headers if name.startswith(_OWN)}
    nulls = about.get("dlq-null", "").split(",")
    key = None if "key" in nulls else record.key or b""
    value = None if "value" in nulls else record.value or b""
    headers: RawHeaders = [(name, part) for name, part in record.headers if not name.startswith(_OWN)]
    if "dlq-headers" in about:
        kept = orjson.loads(about["dlq-headers"])
        headers = [(name, None if part is None else base64.b64decode(part)) for name, part in kept]
    replayed_from = about.get(REPLAYED_FROM)
    replayed_from = next((part.decode() for name, part in headers if name == REPLAYED_FROM and part), replayed_from)
    is_stub = "dlq-stub" in about
    entry = Entry(
        record.offset,
        _instant(record),
        about.get("dlq-topic", ""),
        int(about.get("dlq-partition", 0)),
        int(about.get("dlq-offset", -1)),
        about.get("dlq-code", ""),
        about.get("dlq-reason", ""),
        key,
        int(about["dlq-size"]) if is_stub else len(key or b"") + len(value or b""),
        is_stub,
        replayed_from=replayed_from,
    )
    plain = [(name, part) for name, part in headers if name != REPLAYED_FROM]
    return DeadLetter(entry, key, value, plain, about.get("dlq-sha256"))


def _with(entry: Entry, replayed_at: datetime | None) -> Entry:
    return entry if replayed_at is None else Entry(**{**vars(entry), "replayed_at": replayed_at})


def _instant(record: Any) -> datetime:
    return datetime.fromtimestamp(record.timestamp / 1000, UTC)


async def _records(
    broker: Broker, topic: str, begin: int, end: int | None = None, partition: int = 0
) -> AsyncIterator[ConsumerRecord[bytes, bytes]]:
    """Yield the records of a partition from offset `begin` to before `end`, None: up to its present end."""
    at = TopicPartition(topic, partition)
    async with _consumer(broker) as consumer:
        consumer.assign([at])
        first = (await consumer.beginning_offsets([at]))[at]
        last = (await consumer.end_offsets([at]))[at]
        last = last if end is None else min(last, end)
        consumer.seek(at, max(begin, first))
        while await consumer.position(at) < last:
            for records in (await consumer.getmany(at, timeout_ms=_FETCH_MS)).values():
                for record in records:
                    if record.offset < last:
                        yield record


@asynccontextmanager
async def _consumer(broker: Broker) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(**client_options(broker), enable_auto_commit=False, group_id=None)
    try:
        await consumer.start()
        yield consumer
    finally:
        await consumer.stop()

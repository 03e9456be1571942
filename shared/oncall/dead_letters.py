"""Reading dead letters back: what the original message was, byte for byte, and which letters have been replayed.

A letter is written by the guard (its headers are described there).  That a letter has been replayed is noted in the
dead-letter topic itself, by a message with the key MARK and the letters' offsets: the note needs no database and lives
as long as the letters do.
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

MARK: Final = b"dlq-replayed"
REPLAYED_FROM: Final = "dlq-replayed-from"
_OWN: Final = "dlq-"
_PATIENCE_MS: Final = 500

RawHeaders = list[tuple[str, bytes | None]]


@dataclass(frozen=True)
class Entry:
    """One letter without its body.  offset: in the dead-letter topic; topic, partition, place: where it came from."""

    offset: int
    at: datetime
    topic: str
    partition: int
    place: int
    code: str
    reason: str
    key: bytes | None
    bytes: int
    is_stub: bool
    replayed_at: datetime | None = None
    replayed_from: str | None = None  # the letter that was replayed and came back as this one


@dataclass(frozen=True)
class Letter:
    """A letter whole: the original's key, value and headers as they were sent; of a stub the value is not here."""

    entry: Entry
    key: bytes | None
    value: bytes | None
    headers: RawHeaders
    sha256: str | None = field(default=None)  # of a stub: the digest of the value that stayed where it was


async def index(kafka_url: str, service: str) -> list[Entry]:
    """Return every letter of a service, oldest first, and which of them have been replayed.  Raises KafkaError."""
    entries: dict[int, Entry] = {}
    replayed: dict[int, datetime] = {}
    async for record in _records(kafka_url, dead_letters(service).name, 0):
        if record.key == MARK:
            replayed |= dict.fromkeys(orjson.loads(record.value or b"[]"), _instant(record))
        else:
            entry = letter_of(record).entry
            entries[entry.offset] = entry
    return [_with(one, replayed.get(one.offset)) for one in entries.values()]


async def read(kafka_url: str, service: str, entries: Sequence[Entry]) -> AsyncIterator[Letter]:
    """Yield these letters whole, in order, reading over what lies between them.  Raises KafkaError."""
    wanted = {one.offset: one for one in entries}
    if not wanted:
        return
    async for record in _records(kafka_url, dead_letters(service).name, min(wanted), max(wanted) + 1):
        if record.offset in wanted:
            letter = letter_of(record)
            yield Letter(wanted[record.offset], letter.key, letter.value, letter.headers, letter.sha256)


async def original(kafka_url: str, entry: Entry) -> ConsumerRecord[bytes, bytes] | None:
    """Return the message where it stood, None when the topic no longer has it.  Raises KafkaError."""
    found = None
    async for record in _records(kafka_url, entry.topic, entry.place, entry.place + 1, entry.partition):
        if record.offset == entry.place:
            found = record  # and on to the end: a generator that is left half way is not closed in time
    return found


async def is_there(kafka_url: str, topic: str, partition: int, offset: int) -> bool:
    """Say whether a partition holds a message at this offset.  Raises KafkaError."""
    place = TopicPartition(topic, partition)
    async with _consumer(kafka_url) as consumer:
        first, last = await consumer.beginning_offsets([place]), await consumer.end_offsets([place])
        return bool(first[place] <= offset < last[place])


def letter_of(record: Any) -> Letter:
    """Return the letter that a record of a dead-letter topic is."""
    about = {name: (value or b"").decode(errors="replace") for name, value in record.headers if name.startswith(_OWN)}
    nulls = about.get("dlq-null", "").split(",")
    key = None if "key" in nulls else record.key or b""
    value = None if "value" in nulls else record.value or b""
    headers: RawHeaders = [(name, part) for name, part in record.headers if not name.startswith(_OWN)]
    if "dlq-headers" in about:
        kept = orjson.loads(about["dlq-headers"])
        headers = [(name, None if part is None else base64.b64decode(part)) for name, part in kept]
    came = next((part.decode() for name, part in headers if name == REPLAYED_FROM and part), about.get(REPLAYED_FROM))
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
        replayed_from=came,
    )
    plain = [(name, part) for name, part in headers if name != REPLAYED_FROM]
    return Letter(entry, key, value, plain, about.get("dlq-sha256"))


def _with(entry: Entry, replayed_at: datetime | None) -> Entry:
    return entry if replayed_at is None else Entry(**{**vars(entry), "replayed_at": replayed_at})


def _instant(record: Any) -> datetime:
    return datetime.fromtimestamp(record.timestamp / 1000, UTC)


async def _records(
    kafka_url: str, topic: str, begin: int, end: int | None = None, partition: int = 0
) -> AsyncIterator[ConsumerRecord[bytes, bytes]]:
    """Yield the records of a partition from `begin` to `end`, None: to what is its end now."""
    place = TopicPartition(topic, partition)
    async with _consumer(kafka_url) as consumer:
        consumer.assign([place])
        first = (await consumer.beginning_offsets([place]))[place]
        last = (await consumer.end_offsets([place]))[place]
        last = last if end is None else min(last, end)
        consumer.seek(place, max(begin, first))
        while await consumer.position(place) < last:
            for records in (await consumer.getmany(place, timeout_ms=_PATIENCE_MS)).values():
                for record in records:
                    if record.offset < last:
                        yield record


@asynccontextmanager
async def _consumer(kafka_url: str) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka_url, enable_auto_commit=False, group_id=None)
    try:
        await consumer.start()
        yield consumer
    finally:
        await consumer.stop()

"""Replaying dead letters: the original bytes, key and headers are sent to the original topic and partition, once.

Handlers are idempotent, so a second replay has no effect; still, dead letters marked as replayed are left out unless
requested again.  A message that fails again becomes a new dead letter.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import orjson
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from shared.contracts.topics import MIB, TOPICS, dead_letters
from shared.kafka.connection import client_options
from shared.oncall.dead_letters import MARK, REPLAYED_FROM, DeadLetter, Entry, original, read
from shared.runtime.broker import Broker

_GROUP: Final = 100  # dead letters sent before they are marked as replayed
_KNOWN: Final = {topic.name for topic in TOPICS}


@dataclass
class ReplayOutcome:
    """Offsets of the replayed dead letters, and of each other one why it was not replayed."""

    replayed: list[int] = field(default_factory=list)
    failed: dict[int, str] = field(default_factory=dict)


async def replay(
    broker: Broker, service: str, entries: Sequence[Entry], progress: Callable[[int, int], None]
) -> ReplayOutcome:
    """Send dead letters again, oldest first, and mark them as replayed.  progress: called with (done, total).

    Raises KafkaError if the broker is away; dead letters sent by then are marked or, at worst, are sent again later.
    """
    outcome, waiting = ReplayOutcome(), list[int]()
    producer = AIOKafkaProducer(**client_options(broker), acks="all", enable_idempotence=True, max_request_size=4 * MIB)
    await producer.start()
    try:
        async for letter in read(broker, service, entries):
            offset = letter.entry.offset
            problem = await _send(broker, service, producer, letter)
            if problem is None:
                waiting.append(offset)
                outcome.replayed.append(offset)
            else:
                outcome.failed[offset] = problem
            if len(waiting) == _GROUP:
                await _mark(producer, service, waiting)
            progress(len(outcome.replayed) + len(outcome.failed), len(entries))
        await _mark(producer, service, waiting)
    finally:
        await producer.stop()
    missing = {entry.offset for entry in entries} - set(outcome.replayed) - set(outcome.failed)
    outcome.failed |= dict.fromkeys(sorted(missing), "the letter is gone: its topic keeps letters for 30 days")
    return outcome


async def _send(broker: Broker, service: str, producer: AIOKafkaProducer, letter: DeadLetter) -> str | None:
    """Send one dead letter to its origin; return why that failed, None if it was acknowledged.

    Raises KafkaError if the broker may take it later.
    """
    entry, key, value, headers = letter.entry, letter.key, letter.value, letter.headers
    if entry.topic not in _KNOWN:
        return f"no topic of ours is named {entry.topic!r}"
    if entry.is_stub:
        record = await original(broker, entry)
        if record is None:
            return f"it was too large for a letter, and {entry.topic} no longer has offset {entry.source_offset}"
        key, value, headers = record.key, record.value, list(record.headers)
        if letter.sha256 is not None and hashlib.sha256(value or b"").hexdigest() != letter.sha256:
            return f"what stands at {entry.topic}/{entry.partition}/{entry.source_offset} is another message"
    if key is None and value is None:
        return "it has neither key nor value: there is nothing in it to be handled"
    position = f"{dead_letters(service).name}/0/{entry.offset}".encode()
    sent = [*headers, (REPLAYED_FROM, position)]
    try:
        await producer.send_and_wait(entry.topic, value, key, entry.partition, headers=sent)
    except KafkaError as error:
        if error.retriable:
            raise
        return f"the broker refuses it: {error!r}"
    return None


async def _mark(producer: AIOKafkaProducer, service: str, offsets: list[int]) -> None:
    if offsets:
        await producer.send_and_wait(dead_letters(service).name, orjson.dumps(offsets), MARK, 0)
        offsets.clear()

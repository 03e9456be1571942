"""Replaying dead letters: the original bytes under the original key to the original place, once.

Handlers are idempotent, so a message that is replayed twice has no second effect; what is noted as replayed is passed
over all the same, unless it is asked for again.  A message that fails again comes back as a new letter.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import orjson
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from shared.contracts.topics import MIB, TOPICS, dead_letters
from shared.oncall.dead_letters import MARK, REPLAYED_FROM, Entry, Letter, original, read

_AT_ONCE: Final = 100  # letters sent before they are noted as replayed
_KNOWN: Final = {topic.name for topic in TOPICS}


@dataclass
class Outcome:
    """What became of the chosen letters: offsets that were replayed, and why others were not."""

    replayed: list[int] = field(default_factory=list)
    failed: dict[int, str] = field(default_factory=dict)


async def replay(
    kafka_url: str, service: str, entries: Sequence[Entry], progress: Callable[[int, int], None]
) -> Outcome:
    """Send the letters again, oldest first, and note them as replayed; progress is told (done, of).

    Raises KafkaError when the broker is away: what was sent until then is noted or, at worst, is sent once more.
    """
    outcome, waiting = Outcome(), list[int]()
    producer = AIOKafkaProducer(
        bootstrap_servers=kafka_url, acks="all", enable_idempotence=True, max_request_size=4 * MIB
    )
    await producer.start()
    try:
        async for letter in read(kafka_url, service, entries):
            offset = letter.entry.offset
            problem = await _send(kafka_url, service, producer, letter)
            if problem is None:
                waiting.append(offset)
                outcome.replayed.append(offset)
            else:
                outcome.failed[offset] = problem
            if len(waiting) == _AT_ONCE:
                await _note(producer, service, waiting)
            progress(len(outcome.replayed) + len(outcome.failed), len(entries))
        await _note(producer, service, waiting)
    finally:
        await producer.stop()
    missing = {one.offset for one in entries} - set(outcome.replayed) - set(outcome.failed)
    outcome.failed |= dict.fromkeys(sorted(missing), "the letter is gone: its topic keeps letters for 30 days")
    return outcome


async def _send(kafka_url: str, service: str, producer: AIOKafkaProducer, letter: Letter) -> str | None:
    """Send one letter to where it came from; return why not, None when it is there."""
    entry, key, value, headers = letter.entry, letter.key, letter.value, letter.headers
    if entry.topic not in _KNOWN:
        return f"no topic of ours is named {entry.topic!r}"
    if entry.is_stub:
        record = await original(kafka_url, entry)
        if record is None:
            return f"it was too large for a letter, and {entry.topic} no longer has offset {entry.place}"
        key, value, headers = record.key, record.value, list(record.headers)
        if letter.sha256 is not None and hashlib.sha256(value or b"").hexdigest() != letter.sha256:
            return f"what stands at {entry.topic}/{entry.partition}/{entry.place} is another message"
    if key is None and value is None:
        return "it has neither key nor value: there is nothing in it to be handled"
    place = f"{dead_letters(service).name}/0/{entry.offset}".encode()
    sent = [*headers, (REPLAYED_FROM, place)]
    try:
        await producer.send_and_wait(entry.topic, value, key, entry.partition, headers=sent)
    except KafkaError as error:
        if error.retriable:
            raise
        return f"the broker refuses it: {error!r}"
    return None


async def _note(producer: AIOKafkaProducer, service: str, offsets: list[int]) -> None:
    if offsets:
        await producer.send_and_wait(dead_letters(service).name, orjson.dumps(offsets), MARK, 0)
        offsets.clear()

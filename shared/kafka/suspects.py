"""Messages at which our own code failed, counted over restarts, and requests of people on call to skip them.

The broker stores them (shared.kafka.notes).  No connection is opened before there is a suspect.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition

from shared.kafka.connection import client_options
from shared.kafka.messages import Incoming, incoming
from shared.kafka.notes import LONGEST, Notes, Position
from shared.runtime.broker import Broker

_FETCH_MS: Final = 1000


@dataclass(frozen=True)
class Suspect:
    """A message that could not be handled.  starts: restarts it has caused; skip: who wants it skipped and why."""

    starts: int = 0
    skip: str | None = None


class Suspects:
    """The suspects of one service: at most one per partition, because messages behind it are not handled."""

    def __init__(self, broker: Broker, service: str) -> None:
        self._broker = broker
        self._notes = Notes(broker, f"rebalancer-{service}-suspects")

    async def known(self) -> Mapping[Position, Suspect]:
        """Return all suspects by topic, partition and offset.  Raises KafkaError if the broker does not answer."""
        return {at: Suspect(note["starts"], note["skip"]) for at, note in (await self._notes.read()).items()}

    async def note(self, at: Position, suspect: Suspect, why: str) -> None:
        """Store a suspect.  why: the fault.  Raises KafkaError if the broker does not answer."""
        await self._notes.leave(at, {"starts": suspect.starts, "skip": suspect.skip, "why": why[:LONGEST]})

    async def skip(self, topic: str, partition: int, offset: int, who: str) -> None:
        """Request that this message becomes a dead letter the next time its processor fails at it.

        who: name and reason.  Raises KafkaError if the broker does not answer.
        """
        known = (await self.known()).get((topic, partition, offset), Suspect())
        await self.note((topic, partition, offset), Suspect(known.starts, who[:LONGEST]), "skipped by hand")

    async def others(self, message: Incoming, most: int) -> Sequence[Incoming]:
        """Return up to `most` other messages of the topic: those behind it in its partition, then the newest ones.

        On a quiet topic nothing follows a suspect; messages that were handled before show as well what our code can do.
        """
        async with AIOKafkaConsumer(**client_options(self._broker), enable_auto_commit=False) as consumer:
            own = TopicPartition(message.topic, message.partition)
            consumer.assign([own])
            consumer.seek(own, message.offset + 1)
            found = _incoming(await consumer.getmany(own, timeout_ms=_FETCH_MS, max_records=most))
            if len(found) < most:
                found += await _newest(consumer, message.topic, most - len(found))
        by_offset = {(other.partition, other.offset): other for other in found}  # both queries may find the same
        by_offset.pop((message.partition, message.offset), None)
        return list(by_offset.values())


async def _newest(consumer: AIOKafkaConsumer, topic: str, most: int) -> list[Incoming]:
    """Return up to `most` of the messages at the ends of the topic's partitions."""
    partitions = [TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic) or ())]
    consumer.assign(partitions)
    ends, begins = await consumer.end_offsets(partitions), await consumer.beginning_offsets(partitions)
    filled = [partition for partition in partitions if ends[partition] > begins[partition]]
    found: list[Incoming] = []
    for partition in filled:
        consumer.seek(partition, max(begins[partition], ends[partition] - max(1, most // len(filled))))
        found += _incoming(await consumer.getmany(partition, timeout_ms=_FETCH_MS, max_records=most))
    return found[:most]


def _incoming(fetched: Mapping[TopicPartition, Sequence[Any]]) -> list[Incoming]:
    return [incoming(record) for records in fetched.values() for record in records]

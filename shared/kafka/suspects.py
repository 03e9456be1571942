"""Messages that our code cannot handle, counted over new starts, and what somebody on call says of them.

The note is kept by the broker (shared.kafka.notes).  Nothing here is opened before there is a suspect.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition

from shared.kafka.messages import Incoming, incoming
from shared.kafka.notes import LONGEST, Notes, Place

_BEHIND_MS: Final = 1000


@dataclass(frozen=True)
class Suspect:
    """A message that could not be handled: how many new starts it has cost, and who wants it skipped, if anybody."""

    starts: int = 0
    skip: str | None = None


class Suspects:
    """The suspects of one service: at most one a partition, because what stands behind it is not handled."""

    def __init__(self, kafka_url: str, service: str) -> None:
        self._url = kafka_url
        self._notes = Notes(kafka_url, f"rebalancer-{service}-suspects")

    async def known(self) -> Mapping[Place, Suspect]:
        """Return all suspects by topic, partition and offset.  Raises KafkaError when the broker does not answer."""
        return {at: Suspect(note["starts"], note["skip"]) for at, note in (await self._notes.read()).items()}

    async def note(self, at: Place, suspect: Suspect, why: str) -> None:
        """Keep what is known of the message; `why` is the fault.  Raises KafkaError when the broker does not answer."""
        await self._notes.leave(at, {"starts": suspect.starts, "skip": suspect.skip, "why": why[:LONGEST]})

    async def skip(self, topic: str, partition: int, offset: int, who: str) -> None:
        """Ask that this one message be put aside the next time its guard gives it up.  who: name and reason."""
        known = (await self.known()).get((topic, partition, offset), Suspect())
        await self.note((topic, partition, offset), Suspect(known.starts, who[:LONGEST]), "skipped by hand")

    async def others(self, message: Incoming, most: int) -> Sequence[Incoming]:
        """Return up to `most` other messages of its topic: those behind it in its partition, then the newest there are.

        On a quiet topic nothing comes behind a suspect; what was handled before says as much of our code.
        """
        async with AIOKafkaConsumer(bootstrap_servers=self._url, enable_auto_commit=False) as one:
            own = TopicPartition(message.topic, message.partition)
            one.assign([own])
            one.seek(own, message.offset + 1)
            found = _incoming(await one.getmany(own, timeout_ms=_BEHIND_MS, max_records=most))
            if len(found) < most:
                found += await _newest(one, message.topic, most - len(found))
        by_place = {(other.partition, other.offset): other for other in found}  # the newest may be those behind it
        by_place.pop((message.partition, message.offset), None)
        return list(by_place.values())


async def _newest(one: AIOKafkaConsumer, topic: str, most: int) -> list[Incoming]:
    """Return up to `most` of the messages at the ends of the topic's partitions."""
    places = [TopicPartition(topic, number) for number in sorted(one.partitions_for_topic(topic) or ())]
    one.assign(places)
    ends, begins = await one.end_offsets(places), await one.beginning_offsets(places)
    filled = [place for place in places if ends[place] > begins[place]]
    found: list[Incoming] = []
    for place in filled:
        one.seek(place, max(begins[place], ends[place] - max(1, most // len(filled))))
        found += _incoming(await one.getmany(place, timeout_ms=_BEHIND_MS, max_records=most))
    return found[:most]


def _incoming(fetched: Mapping[TopicPartition, Sequence[Any]]) -> list[Incoming]:
    return [incoming(record) for records in fetched.values() for record in records]

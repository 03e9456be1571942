"""The topic of released orders, as a subscriber reads it: from its beginning, without a group or commits."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from services.auditor.columns.orders import of_event
from services.auditor.domain.orders import OrderTotals
from services.auditor.operations.reader import assign, reader
from shared.contracts import topics
from shared.runtime.broker import Broker
from shared.runtime.clock import Clock

MOST_BACK: Final = 250_000
"""Messages of a partition that the first pass reads at most; what is older was compared when it was new."""
_MOST: Final = 50_000  # of a pass
_PATIENCE_S: Final = 20.0  # for one reply of the broker
_OVERLAP: Final = timedelta(minutes=10)
"""Decisions that overlap leave the outbox in another order than their instants."""


@dataclass(frozen=True)
class OrderMessage:
    """An event.  at: where it lies, as topic/partition/offset; unreadable: why it is no event of orders."""

    at: str
    batch_id: int = 0
    account_id: str = ""
    totals: OrderTotals | None = None
    unreadable: str = ""


@dataclass(frozen=True)
class Reading:
    """What a pass read.  is_whole: up to the ends that the topic had when the pass began."""

    messages: list[OrderMessage]
    is_whole: bool


class OrderStream:
    """Reads on from where the last reading ended.

    decided_from: orders of decisions before it are passed over, and none are expected of them.
    """

    def __init__(
        self,
        broker: Broker,
        clock: Clock,
        *,
        topic: str = topics.ORDERS.name,
        most_back: int = MOST_BACK,
        decided_from: datetime | None = None,
    ) -> None:
        self._broker = broker
        self._topic = topic
        self._clock = clock
        self._most_back = most_back
        self._decided_from = decided_from
        self._consumer: AIOKafkaConsumer | None = None
        self._next: dict[TopicPartition, int] = {}
        self._cut: dict[TopicPartition, datetime | None] = {}

    @property
    def since(self) -> datetime | None:
        """The instant after whose decisions all orders must be on the topic; None: of all decisions.

        Where a partition is not read from offset 0, the topic no longer keeps what is older, or it is too much.
        """
        cuts = [cut for cut in self._cut.values() if cut is not None]
        since = [max(cuts) + _OVERLAP] if cuts else []
        return max([*since, *([self._decided_from] if self._decided_from else [])], default=None)

    async def read(self) -> Reading:
        """Read what is new.  Raises KafkaError or TimeoutError if the broker does not reply; the next call goes on."""
        try:
            return await self._read(await self._open())
        except (KafkaError, TimeoutError, OSError):
            await self.close()
            raise

    async def close(self) -> None:
        """Close the client."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await asyncio.wait([asyncio.ensure_future(consumer.stop())], timeout=_PATIENCE_S)

    async def _open(self) -> AIOKafkaConsumer:
        if self._consumer is not None:
            return self._consumer
        consumer = reader(self._broker)
        self._consumer = consumer
        async with asyncio.timeout(_PATIENCE_S):
            await consumer.start()
            begins, ends = await assign(consumer, self._topic)
        for at in begins:
            start = max(begins[at], ends[at] - self._most_back)
            known = self._next.get(at)
            if known is None or not start <= known <= ends[at]:  # the first reading, or the topic was made anew
                self._next[at] = start
                # Until a message is read that says when it was decided: nothing from before now is expected.
                self._cut[at] = self._clock.now() if start > 0 else None
            consumer.seek(at, self._next[at])
        return consumer

    async def _read(self, consumer: AIOKafkaConsumer) -> Reading:
        async with asyncio.timeout(_PATIENCE_S):
            ends = await consumer.end_offsets(list(self._next))
        found: list[OrderMessage] = []
        while self._left(ends) and len(found) < _MOST:
            async with asyncio.timeout(_PATIENCE_S):
                fetched = await consumer.getmany(timeout_ms=1000)
                while not fetched:
                    fetched = await consumer.getmany(timeout_ms=1000)
            for at, records in fetched.items():
                self._note_cut(at, records[0])
                self._next[at] = records[-1].offset + 1
                counting = [record for record in records if self._counts(record)]
                found += await asyncio.to_thread(lambda some: [_message(record) for record in some], counting)
        return Reading(found, not self._left(ends))

    def _left(self, ends: Mapping[TopicPartition, int]) -> bool:
        return any(self._next[at] < end for at, end in ends.items())

    def _counts(self, record: Any) -> bool:
        """Say whether a message is of a decision that is compared; one that does not say when it was decided is."""
        decided = _decided(record)
        return self._decided_from is None or decided is None or decided > self._decided_from

    def _note_cut(self, at: TopicPartition, record: Any) -> None:
        """Note when the first message of a partition that is not read from its beginning was decided."""
        cut, decided = self._cut.get(at), _decided(record)
        if cut is not None and decided is not None:
            self._cut[at] = min(cut, decided)


def _decided(record: Any) -> datetime | None:
    """Return when the decision of a message was made, None if it does not say."""
    said = dict(record.headers).get("ce_time", b"").decode(errors="replace")
    return datetime.fromisoformat(said) if said else None


def _message(record: Any) -> OrderMessage:
    at = f"{record.topic}/{record.partition}/{record.offset}"
    try:
        batch_id, account_id, totals = of_event(record.value or b"")
    except ValueError as error:
        return OrderMessage(at, unreadable=str(error)[:200])
    return OrderMessage(at, batch_id, account_id, totals)

"""The ends of chains, kept on a topic: outside of the database that they are to prove."""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from aiokafka import AIOKafkaProducer

from services.auditor.operations.event_log import event_log
from shared.contracts import topics
from shared.contracts.events import ChainHead
from shared.kafka.connection import client_options
from shared.kafka.metadata_backoff import add_metadata_backoff
from shared.rules.history_chain import End
from shared.runtime import log
from shared.runtime.broker import Broker
from shared.runtime.clock import Clock

AUDIT_LOG: Final = "audit log"
_HISTORY: Final = "history of "
_PATIENCE_S: Final = 20.0
_log = log.get(__name__)


class KeptHeads:
    """Reads once what was kept, then keeps what is new.

    seen_from: ends seen before it are passed over: of before a restore that was dealt with.
    """

    def __init__(
        self, broker: Broker, clock: Clock, *, topic: str = topics.CHAIN_HEADS.name, seen_from: datetime | None = None
    ) -> None:
        self._broker = broker
        self._clock = clock
        self._topic = topic
        self._seen_from = seen_from
        self._kept: dict[str, End] | None = None

    @property
    def are_read(self) -> bool:
        """Whether it is known what was kept: until then an end that was cut off looks like any other."""
        return self._kept is not None

    async def read(self) -> Mapping[str, End]:
        """Return the ends that were kept, by chain.

        Raises KafkaError, TimeoutError or OSError if the broker does not reply, LookupError if there is no such topic,
        ValueError if a message is no end of a chain.
        """
        newest: dict[str, ChainHead] = {}
        async with event_log(self._broker, lambda *_: None) as kept:
            async for records in kept.read(self._topic):
                heads = [ChainHead.model_validate_json(record.value or b"") for record in records]
                newest |= {head.chain: head for head in heads}
            if not kept.has_partitions(self._topic):
                raise LookupError(f"there is no topic {self._topic}; `python -m deploy.topics` makes it")
        counts = {
            name: (head.position, bytes.fromhex(head.sha256))
            for name, head in newest.items()
            if self._seen_from is None or head.seen_at > self._seen_from
        }
        _log.info("audit.heads_read", heads=len(counts), passed_over=len(newest) - len(counts))
        self._kept = counts
        return counts

    async def keep(self, heads: Mapping[str, End]) -> None:
        """Keep the ends that are not kept yet; nothing before `read`, which they would overwrite.

        Raises KafkaError, TimeoutError or OSError if the broker does not acknowledge them.
        """
        if self._kept is None:
            return
        news = {name: head for name, head in heads.items() if self._kept.get(name) != head}
        if not news:
            return
        producer = AIOKafkaProducer(**client_options(self._broker), acks="all", enable_idempotence=True)
        add_metadata_backoff(producer.client)
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await producer.start()
                at = self._clock.now()
                sent = [
                    await producer.send(self._topic, _body(name, head, at), name.encode())
                    for name, head in news.items()
                ]
                await asyncio.gather(*sent)
        finally:
            await asyncio.wait([asyncio.ensure_future(producer.stop())], timeout=_PATIENCE_S)
        self._kept |= news


def history_of(enterprise_id: str) -> str:
    """Return the name of the chain of an enterprise's decisions."""
    return f"{_HISTORY}{enterprise_id}"


def histories(heads: Mapping[str, End]) -> dict[str, End]:
    """Return the ends of the chains of decisions, by enterprise."""
    return {name.removeprefix(_HISTORY): head for name, head in heads.items() if name.startswith(_HISTORY)}


def _body(name: str, head: End, at: datetime) -> bytes:
    said = ChainHead(chain=name, position=head[0], sha256=head[1].hex(), seen_at=at)
    return said.model_dump_json().encode()

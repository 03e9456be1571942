"""Chunks in, chunks out: the engine runs beside the event loop; what it makes is cut to the size a chunk may have."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import pyarrow as pa

from services.proposer.chunk import propose
from shared.clock import Clock
from shared.contracts.chunks import MAX_CHUNK_BYTES
from shared.contracts.topics import Topic
from shared.ids import event_id
from shared.kafka import Publisher
from shared.messages import Chunk, Outgoing, chunk, trade_day_of

SERVICE: Final = "proposer"


@dataclass(frozen=True)
class Handlers:
    """Handlers of requests that carry facts and lots."""

    publisher: Publisher
    clock: Clock

    def on_lots(self, answer: Topic) -> Callable[[Sequence[Chunk]], Awaitable[None]]:
        """Return the handler that proposes for chunks and publishes to `answer`."""

        async def propose_all(received: Sequence[Chunk]) -> None:
            for one in received:
                messages = await asyncio.to_thread(self._proposed, one, answer)
                await self.publisher.send(messages)

        return propose_all

    def _proposed(self, received: Chunk, answer: Topic) -> list[Outgoing]:
        meta = received.meta
        rows = propose(received.rows, trade_day_of(meta))
        return [_message(part, meta, answer, self.clock.now()) for part in cut(rows)]


def _message(part: pa.RecordBatch, meta: Mapping[str, str], answer: Topic, at: datetime) -> Outgoing:
    first: str = part.column("account_id")[0].as_py()
    identity = event_id("trades", meta.get("batch_id", ""), meta.get("attempt"), first)
    return chunk(answer, first, part, meta, event_id=identity, source=SERVICE, at=at)


def cut(rows: pa.RecordBatch) -> list[pa.RecordBatch]:
    """Return the rows in parts of at most MAX_CHUNK_BYTES each; a single row is never cut."""
    if rows.num_rows <= 1 or rows.nbytes <= MAX_CHUNK_BYTES:
        return [rows] if rows.num_rows else []
    half = rows.num_rows // 2
    return cut(rows.slice(0, half)) + cut(rows.slice(half))

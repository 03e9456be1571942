"""Chunks in, chunks out: the engine runs beside the event loop; what it makes is cut to the size a chunk may have."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
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
        key = meta.get("batch_id", "")
        rows = propose(received.rows, trade_day_of(meta))
        return [
            chunk(
                answer,
                key,
                part,
                meta,
                event_id=event_id("trades", key, meta.get("attempt"), part.column("account_id")[0].as_py()),
                source=SERVICE,
                at=self.clock.now(),
            )
            for part in cut(rows)
        ]


def cut(rows: pa.RecordBatch) -> list[pa.RecordBatch]:
    """Return the rows in parts of at most MAX_CHUNK_BYTES each; a single row is never cut."""
    if rows.num_rows <= 1 or rows.nbytes <= MAX_CHUNK_BYTES:
        return [rows] if rows.num_rows else []
    half = rows.num_rows // 2
    return cut(rows.slice(0, half)) + cut(rows.slice(half))

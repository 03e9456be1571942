"""Handlers: LOTS chunks in, TRADES chunks out.  The engine runs in a thread; results are cut to chunk size."""

import asyncio
from dataclasses import dataclass

import pyarrow as pa

from services.proposer.columns.proposals import propose
from services.proposer.settings import SERVICE
from shared.contracts import chunks
from shared.contracts.topics import Topic
from shared.kafka import messages
from shared.kafka.isolation import failed, isolate_rows, too_large
from shared.kafka.messages import Chunk, Outgoing, trade_day_of
from shared.kafka.processor import Handler, concurrently
from shared.kafka.publisher import Publisher
from shared.runtime import trace
from shared.runtime.clock import Clock


@dataclass(frozen=True)
class Handlers:
    """Handlers of requests that carry facts and lots."""

    publisher: Publisher
    clock: Clock

    def on_lots(self, results: Topic) -> Handler:
        """Return the handler that proposes for chunks and publishes to `results`."""

        async def proposed(received: Chunk) -> None:
            with trace.within(received.span):
                await self.publisher.send(await asyncio.to_thread(self._proposed, received, results))

        return concurrently(proposed)

    def _proposed(self, received: Chunk, results: Topic) -> list[Outgoing]:
        """Return the result chunks.  An account that raises, or whose result is too large for a chunk, fails alone."""
        meta = received.meta
        day = trade_day_of(meta)

        def unproposed(row: pa.RecordBatch, code: str, text: str) -> pa.RecordBatch:
            return propose(failed(row.select(chunks.LOTS.names), code, text), day)

        rows = isolate_rows("propose", received.rows, lambda part: propose(part, day), unproposed)
        at = self.clock.now()
        return messages.result_chunks(results, rows, meta, source=SERVICE, at=at, too_large=too_large(unproposed))

"""Chunks in, chunks out: the engine runs beside the event loop; what it makes is cut to the size a chunk may have."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from services.proposer.chunk import propose
from shared import messages
from shared.clock import Clock
from shared.contracts.topics import Topic
from shared.kafka import Publisher
from shared.messages import Chunk, Outgoing, trade_day_of

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
                await self.publisher.send(await asyncio.to_thread(self._proposed, one, answer))

        return propose_all

    def _proposed(self, received: Chunk, answer: Topic) -> list[Outgoing]:
        meta = received.meta
        rows = propose(received.rows, trade_day_of(meta))
        return messages.answer(answer, rows, meta, source=SERVICE, at=self.clock.now())

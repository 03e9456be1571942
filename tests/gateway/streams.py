"""Push in tests: streams as a browser sees them, changes to publish, and the feed from the real topics."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import orjson

from services.gateway.domain.changes import Change, SomeOfBatch
from services.gateway.push.feed import Feed
from services.gateway.push.hub import Hub
from shared.runtime.components import Heartbeat, no_heartbeat

ALIVE = {"event": "alive", "data": "{}"}


@dataclass
class Stream:
    """An open stream. `read` returns the fields of the next event; a heartbeat is ALIVE; None at the end."""

    response: httpx.Response

    def __post_init__(self) -> None:
        self._lines = self.response.aiter_lines()

    async def read(self) -> dict[str, str] | None:
        async with asyncio.timeout(10):
            fields: dict[str, str] = {}
            async for line in self._lines:
                if not line and fields:
                    return fields
                name, _, value = line.partition(":")
                fields[name] = value.strip()
            return None

    async def changed(self) -> tuple[str, dict[str, Any]]:
        fields = await self.read()
        assert fields is not None
        return fields["event"], orjson.loads(fields["data"])


@asynccontextmanager
async def streaming(client: httpx.AsyncClient, last_id: str | None = None) -> AsyncIterator[Stream]:
    headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last_id} if last_id else {})
    async with client.stream("GET", "/api/v1/events", headers=headers) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        stream = Stream(response)
        assert await stream.read() == {"retry": "2000"}
        assert await stream.read() == ALIVE
        yield stream


def batch(number: int, version: int = 1, enterprise: str = "E1") -> Change:
    return Change("batch", str(number), version, SomeOfBatch(frozenset([enterprise]), frozenset(["V1"])))


@asynccontextmanager
async def feeding(kafka_url: str, hub: Hub, beat: Heartbeat = no_heartbeat) -> AsyncIterator[None]:
    task = asyncio.create_task(Feed(kafka_url, hub).run(beat))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

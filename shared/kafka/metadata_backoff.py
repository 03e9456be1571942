"""A pause between two metadata requests of an aiokafka client, which makes none by itself."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

PAUSE_S: Final = 0.1
"""Shortest time between two metadata requests of one client."""


def add_metadata_backoff(client: Any) -> None:
    """Make an AIOKafkaClient, of a producer or a consumer, pause between two metadata requests."""
    client.force_metadata_update = MetadataBackoff(client.force_metadata_update)


class MetadataBackoff:
    """Requests metadata with a pause between two requests; concurrent callers share one request.

    While a partition has no leader, aiokafka's sender and fetcher repeat the request as soon as a reply arrives.
    After an orderly shutdown of a broker that meant thousands of refused connections a second until it was back.
    """

    def __init__(self, request: Callable[[], Awaitable[bool]]) -> None:
        self._request = request
        self._pending: asyncio.Task[bool] | None = None
        self._replied_s = -PAUSE_S

    def __call__(self) -> asyncio.Future[Any]:
        """Return a future of the reply; calls before it arrives get the same future."""
        if self._pending is None or self._pending.done():
            self._pending = asyncio.ensure_future(self._after_pause())
        return asyncio.shield(self._pending)

    async def _after_pause(self) -> bool:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(self._replied_s + PAUSE_S - loop.time())  # noqa: TID251  # inside the client library, which cancels its own tasks
        try:
            return await self._request()
        finally:
            self._replied_s = loop.time()

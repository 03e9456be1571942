"""A pause between two questions for metadata: aiokafka's clients make none."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

PAUSE_S: Final = 0.1


def pace(client: Any) -> None:
    """Make an AIOKafkaClient, of a producer or of a consumer, ask for metadata with a pause between two answers."""
    client.force_metadata_update = MetadataBackoff(client.force_metadata_update)


class MetadataBackoff:
    """Asks for metadata with a pause between two answers.

    While a partition has no leader, aiokafka's sender and its fetcher ask again the moment they are answered, and a
    broker that has shut down in order may have told them so: thousands of refused connections a second until it is
    back.
    """

    def __init__(self, ask: Callable[[], Awaitable[bool]]) -> None:
        self._ask = ask
        self._under_way: asyncio.Task[bool] | None = None
        self._answered_at = -PAUSE_S

    def __call__(self) -> asyncio.Future[Any]:
        """Return the answer to come; who asks meanwhile gets the same."""
        if self._under_way is None or self._under_way.done():
            self._under_way = asyncio.ensure_future(self._patiently())
        return asyncio.shield(self._under_way)

    async def _patiently(self) -> bool:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(self._answered_at + PAUSE_S - loop.time())
        try:
            return await self._ask()
        finally:
            self._answered_at = loop.time()

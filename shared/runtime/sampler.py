"""Gauges that are read from a database or the broker: by a timer of their own, never by a scrape.

So a scrape costs nothing, whoever asks however often, and a gauge does not depend on the work it measures.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

from shared.runtime import log, metrics
from shared.runtime.components import Heartbeat, no_heartbeat
from shared.runtime.pause import pause

_PATIENCE_S: Final = 20.0
_log = log.get(__name__)


class Sampler:
    """Calls `sample` every `every_s` seconds, for ever; what it raises is logged, and its gauges keep their values.

    rebalancer_sample_age_seconds says how long ago it last succeeded.
    """

    def __init__(self, service: str, name: str, sample: Callable[[], Awaitable[None]], every_s: float) -> None:
        self.name = f"{name}-sampler"
        self._sample = sample
        self._every_s = every_s
        self._succeeded_s = time.monotonic()
        metrics.SAMPLE_AGE.labels(service, name).set_function(lambda: time.monotonic() - self._succeeded_s)

    async def run(self, heartbeat: Heartbeat = no_heartbeat) -> None:
        """Sample until cancelled.  heartbeat: called before each sample."""
        while True:
            heartbeat()
            try:
                async with asyncio.timeout(_PATIENCE_S):
                    await self._sample()
                self._succeeded_s = time.monotonic()
            except Exception as error:  # noqa: BLE001  # a gauge that cannot be read must stop nothing
                _log.warning("sample.failed", sampler=self.name, error=error)
            await pause(self._every_s)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Sample while the context is open."""
        sampling = asyncio.create_task(self.run(), name=self.name)
        try:
            yield
        finally:
            sampling.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await sampling

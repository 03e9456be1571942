"""Faust's consumer with a fetch that waits as long as our own consumers' and no longer, and not for what it may have.

A partition whose buffer is nearly full is left out of the next fetch, and that may wait for a second, as Faust itself
does where none is left: that the buffer has long been empty would be noticed only afterwards.
"""

from typing import Any, Final

from aiokafka import AIOKafkaConsumer
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Consumer, Transport

from shared.kafka.consumer import FETCH_WAIT_MS
from shared.kafka.header_names import take_any_header
from shared.kafka.metadata_backoff import pace

_LOOK_AGAIN_S: Final = 0.02  # while a buffer is full


class _ConsumerThread(AIOKafkaConsumerThread):
    def _create_worker_consumer(self, transport: Any) -> AIOKafkaConsumer:
        take_any_header()
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS  # noqa: SLF001  # Faust writes a number of its own, no setting
        pace(consumer._client)  # noqa: SLF001  # a consumer, unlike a producer, does not show it
        return consumer


class _Consumer(Consumer):
    async def _wait_next_records(self, timeout: float) -> Any:
        if not self._buffered_partitions:
            return await super()._wait_next_records(timeout)
        if self.flow_active and not self._get_active_partitions():
            await self.sleep(_LOOK_AGAIN_S)
            return {}, set()
        return await super()._wait_next_records(min(timeout, _LOOK_AGAIN_S))

    def _new_consumer_thread(self) -> AIOKafkaConsumerThread:
        return _ConsumerThread(self, loop=self.loop, beacon=self.beacon)


class PromptTransport(Transport):
    """Faust's transport whose fetches wait FETCH_WAIT_MS at most."""

    Consumer = _Consumer

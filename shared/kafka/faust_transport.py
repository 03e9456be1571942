"""Faust's transport with short fetches, and how it connects.

Faust leaves partitions with full buffers out of the next fetch, and that fetch may then block for a second (Faust also
sleeps for a second if no partition is left).  This consumer waits only briefly in both cases, so that it notices a
drained buffer sooner.
"""

from typing import Any, Final

import faust
from aiokafka import AIOKafkaConsumer
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Consumer, Transport

from shared.kafka.connection import tls
from shared.kafka.consumer import FETCH_WAIT_MS
from shared.kafka.header_names import accept_any_header_name
from shared.kafka.metadata_backoff import add_metadata_backoff
from shared.runtime.broker import Broker, SecuredBroker, url_of

_LOOK_AGAIN_S: Final = 0.02  # seconds between two fetches while a buffer is full


class _ConsumerThread(AIOKafkaConsumerThread):
    def _create_worker_consumer(self, transport: Any) -> AIOKafkaConsumer:
        accept_any_header_name()
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS  # noqa: SLF001  # Faust hard-codes a value
        add_metadata_backoff(consumer._client)  # noqa: SLF001  # a consumer, unlike a producer, has no public attribute for it
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
    """Faust's transport with fetches of at most FETCH_WAIT_MS."""

    Consumer = _Consumer


def worker_options(broker: Broker) -> dict[str, Any]:
    """Return the arguments of a Faust app that `client_options` gives to other clients."""
    address = {"broker": f"aiokafka://{url_of(broker)}"}
    if not isinstance(broker, SecuredBroker):
        return address
    credentials = faust.SASLCredentials(
        username=broker.user, password=broker.password, ssl_context=tls(broker), mechanism=broker.mechanism
    )
    return {**address, "broker_credentials": credentials}

"""Publishing to Kafka: acknowledged, idempotent, patient while the broker is away."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Self

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from shared import log, metrics
from shared.contracts.topics import MIB
from shared.messages import Outgoing

_METADATA_PAUSE_S = 0.1
_log = log.get(__name__)


class NotOpenError(KafkaError):
    """The publisher is not open yet, or no more: a worker's agents may begin before it and end after it."""


class Publisher:
    """Sends messages and waits for the broker's acknowledgement (acks=all, idempotent, murmur2 partitions by key)."""

    def __init__(self, kafka_url: str, service: str) -> None:
        self._service = service
        self._url = kafka_url
        self._producer: AIOKafkaProducer | None = None

    async def start(self) -> None:
        """Connect, waiting for as long as the broker is away."""
        delay_s = 0.25
        while True:
            producer = AIOKafkaProducer(
                bootstrap_servers=self._url,
                acks="all",
                enable_idempotence=True,
                linger_ms=2,
                max_request_size=4 * MIB,
                compression_type=None,
                request_timeout_ms=20_000,
            )
            producer.client.force_metadata_update = _Paced(producer.client.force_metadata_update)
            try:
                await producer.start()
            except KafkaError as error:
                await producer.stop()
                _log.warning("kafka.away", error=str(error))
                await asyncio.sleep(delay_s)
                delay_s = min(delay_s * 2, 5.0)
            else:
                self._producer = producer
                return

    async def stop(self) -> None:
        """Flush and disconnect."""
        if self._producer is not None:
            await self._producer.stop()
            self._producer = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.stop()

    async def send(self, messages: Iterable[Outgoing]) -> None:
        """Publish all messages in order and return once every one is acknowledged.

        Raises KafkaError (KafkaTimeoutError in a long outage, NotOpenError) when one could not be sent: none of them
        may then be taken as sent, sending them all again is harmless because their ids repeat.
        """
        if self._producer is None:
            raise NotOpenError("the publisher is not open")
        waiting: list[asyncio.Future[object]] = []
        refused: BaseException | None = None
        topics: list[str] = []
        for message in messages:
            headers = [(name, value.encode()) for name, value in message.headers.items()]
            try:
                waiting.append(
                    await self._producer.send(message.topic, message.value, key=message.key, headers=headers)
                )
            except KafkaError as error:
                refused = error  # those before it are under way: wait for them, so that none is left behind
                break
            topics.append(message.topic)
        results: Sequence[object] = await asyncio.gather(*waiting, return_exceptions=True)
        for failure in (*results, refused):
            if isinstance(failure, BaseException):
                raise failure
        for topic, count in Counter(topics).items():
            metrics.PUBLISHED.labels(self._service, topic).inc(count)


class _Paced:
    """Asks for metadata with a pause between two answers.

    While a partition has no leader, aiokafka's sender asks again the moment it is answered, and a broker that has shut
    down in order has told it so: thousands of refused connections a second until it is back.
    """

    def __init__(self, ask: Callable[[], Awaitable[bool]]) -> None:
        self._ask = ask
        self._under_way: asyncio.Task[bool] | None = None
        self._answered_at = -_METADATA_PAUSE_S

    def __call__(self) -> asyncio.Future[Any]:
        """Return the answer to come; who asks meanwhile gets the same."""
        if self._under_way is None or self._under_way.done():
            self._under_way = asyncio.ensure_future(self._patiently())
        return asyncio.shield(self._under_way)

    async def _patiently(self) -> bool:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(self._answered_at + _METADATA_PAUSE_S - loop.time())
        try:
            return await self._ask()
        finally:
            self._answered_at = loop.time()


def is_refused_for_ever(error: BaseException) -> bool:
    """Say whether sending the same message again can never succeed."""
    return isinstance(error, MessageSizeTooLargeError)

"""A Faust worker whose handler never returns says so, with partition and offset; one that is idle says nothing."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import faust
import httpx
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from prometheus_client import REGISTRY

from shared.contracts import topics
from shared.contracts.platform import PricesPublished
from shared.http import app as http_app
from shared.kafka import faust_worker
from shared.kafka.processor import MessageProcessor
from shared.kafka.publisher import Publisher
from shared.kafka.stall_watch import StallWatch
from shared.runtime.settings import ServiceSettings
from tests.runtime.harness import price_set
from tests.waiting import until_async, until_so

pytestmark = pytest.mark.asyncio
STUCK_S, LOOKS = 0.6, 12  # a look every 0.05 s


class _Noted(StallWatch):
    """Notes what each look found."""

    def __init__(self, *settings: Any) -> None:
        super().__init__(*settings)
        self.looks: list[list[str]] = []

    async def _look(self, passed_s: float) -> None:
        await super()._look(passed_s)
        self.looks.append(self.stuck())


@dataclass
class Prices:
    """Takes in price sets, until it meets the one at which it never returns."""

    kafka_url: str
    number: int = field(default_factory=lambda: 3_000_000 + uuid.uuid4().int % 1_000_000)
    service: str = field(default_factory=lambda: f"test-{uuid.uuid4().hex}")
    met: asyncio.Event = field(default_factory=asyncio.Event)
    released: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, items: Sequence[PricesPublished]) -> None:
        if any(item.price_set == self.number for item in items):
            self.met.set()
            await self.released.wait()

    async def send(self, publisher: Publisher) -> int:
        """Publish the set at which it stops and return its offset."""
        await publisher.send([price_set(self.number)])
        async with AIOKafkaConsumer(bootstrap_servers=self.kafka_url) as consumer:
            partition = TopicPartition(topics.PRICE.name, 0)
            return int((await consumer.end_offsets([partition]))[partition]) - 1

    @asynccontextmanager
    async def works(self, publisher: Publisher) -> AsyncIterator[tuple[_Noted, httpx.AsyncClient]]:
        """Run one worker of the group and yield its watch and a client of its probes."""
        settings = ServiceSettings(kafka_url=self.kafka_url, http_port=0, stuck_s=STUCK_S)
        app: faust.App = faust_worker.build_worker(self.service, settings)
        faust_worker.consume(app, MessageProcessor("gateway", topics.PRICE, self.handle, publisher))
        watch = _Noted(app, publisher, self.service, settings)
        probes = httpx.ASGITransport(http_app.create_app(self.service, _ready, watch.stuck))
        async with watch, httpx.AsyncClient(transport=probes, base_url="http://worker") as client:
            await app.start()
            try:
                yield watch, client
            finally:
                await app.stop()

    def age_s(self) -> float:
        labels = {"service": self.service, "topic": topics.PRICE.name}
        return REGISTRY.get_sample_value("rebalancer_uncommitted_age_seconds", labels) or 0.0


async def _ready() -> list[str]:
    return []


async def _alive(client: httpx.AsyncClient) -> tuple[int, Any]:
    response = await client.get("/healthz")
    return response.status_code, response.json()


async def test_a_handler_that_never_returns_fails_the_liveness_and_an_idle_worker_does_not(kafka_url: str) -> None:
    prices = Prices(kafka_url)
    async with Publisher(kafka_url, "gateway") as publisher, prices.works(publisher) as (watch, client):
        offset = await prices.send(publisher)
        async with asyncio.timeout(60):
            await prices.met.wait()
        _, said = await until_async(lambda: _alive(client), lambda seen: seen[0] == 503)
        assert said["status"] == "stuck" and len(said["because"]) == 1
        assert said["because"][0].startswith(f"{topics.PRICE.name}-0: nothing ")
        assert said["because"][0].endswith(f"and messages up to offset {offset} have been read")
        assert prices.age_s() > STUCK_S
        prices.released.set()
        assert (await until_async(lambda: _alive(client), lambda seen: seen[0] == 200))[1] == {"status": "alive"}
        assert prices.age_s() == 0
        # Idle for several times its patience, it is well at every look ...
        first = len(watch.looks)
        await until_async(lambda: _count(watch), lambda looks: looks > first + 60)
        assert watch.looks[first:] == [[]] * (len(watch.looks) - first)
        # ... and the next message has the whole patience: idle time before it does not count.
        prices.met.clear()
        prices.released.clear()
        offset = await prices.send(publisher)
        async with asyncio.timeout(60):
            await prices.met.wait()
        met = len(watch.looks)
        await until_async(lambda: _count(watch), lambda _: any(watch.looks[met:]))
        well = next(index for index, said in enumerate(watch.looks[met:]) if said)
        assert well >= LOOKS - 2, f"stuck after {well} looks"
        assert watch.looks[met + well][0].endswith(f"and messages up to offset {offset} have been read")
        prices.released.set()
        await until_so(prices.age_s, lambda age_s: age_s == 0)


class _Unanswered(Publisher):
    """Publishes, and has no answer from the broker when it asks for one."""

    async def responds(self, within_s: float) -> bool:
        """Say no."""
        return False


async def test_what_is_not_committed_is_told_while_the_broker_does_not_answer_and_excuses_the_worker(
    kafka_url: str,
) -> None:
    prices = Prices(kafka_url)
    async with _Unanswered(kafka_url, "gateway") as publisher, prices.works(publisher) as (watch, client):
        await prices.send(publisher)
        async with asyncio.timeout(60):
            await prices.met.wait()
        await until_so(prices.age_s, lambda age_s: age_s > 2 * STUCK_S)
        assert (await _alive(client))[0] == 200
        assert not any(watch.looks)
        prices.released.set()
        await until_so(prices.age_s, lambda age_s: age_s == 0)


async def test_a_rebalance_begins_anew_and_what_is_still_stuck_is_found_again(kafka_url: str) -> None:
    prices = Prices(kafka_url)
    async with Publisher(kafka_url, "gateway") as publisher, prices.works(publisher) as (watch, client):
        await prices.send(publisher)
        await until_async(lambda: _alive(client), lambda seen: seen[0] == 503)
        first = len(watch.looks)
        async with prices.works(publisher) as (other, _):
            await until_async(lambda: _count(watch), lambda _: [] in watch.looks[first:])
            well = first + watch.looks[first:].index([])
            await until_async(lambda: _count(watch), lambda _: any(watch.looks[well:]) or any(other.looks))
            prices.released.set()


async def _count(watch: _Noted) -> int:
    return len(watch.looks)

"""A worker's agents: what they are given at once, what is acknowledged, and that a full buffer makes none deaf."""

import asyncio
import hashlib
import tempfile
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from shared.contracts import topics
from shared.contracts.platform import PricesPublished
from shared.kafka.faust_worker import build_worker, consume
from shared.kafka.messages import Outgoing
from shared.kafka.processor import MessageProcessor
from shared.kafka.publisher import Publisher
from shared.runtime.settings import ServiceSettings
from tests.runtime.harness import partitions, price_set
from tests.waiting import until_async, until_so

pytestmark = pytest.mark.asyncio


class _Heard:
    """Takes in the price sets of one test, in the groups they were given in."""

    def __init__(self) -> None:
        self.first = 1000 * (10_000 + uuid.uuid4().int % 1_000_000_000)
        self.groups: list[list[int]] = []

    async def handle(self, items: Sequence[PricesPublished]) -> None:
        """Keep which of ours are among the items."""
        self.groups.append([item.price_set - self.first for item in items if self.asked(item)])

    def asked(self, item: PricesPublished) -> bool:
        """Say whether the item is of this test: the topic holds others' as well."""
        return 0 <= item.price_set - self.first < 1000

    @property
    def indices(self) -> list[int]:
        """Return all places in the order in which they came."""
        return [index for group in self.groups for index in group]

    def message(self, index: int) -> Outgoing:
        """Return the message of one place; all are of one partition."""
        return price_set(self.first + index)


@asynccontextmanager
async def _running(
    kafka_url: str, publisher: Publisher, handle: Callable[[Sequence[Any]], Any], *, group: int, buffer: int = 16
) -> AsyncIterator[str]:
    """Run a worker with one agent in this process; give the name of its consumer group."""
    settings: Any = ServiceSettings.model_construct(kafka_url=kafka_url)
    name = f"test-{uuid.uuid4().hex}"
    app = build_worker(name, settings, stream_buffer=buffer)
    app.conf.broker_max_poll_records = 2 * buffer
    consume(app, MessageProcessor("gateway", topics.PRICE, handle, publisher), group=group)
    await app.start()
    try:
        yield f"rebalancer-{name}"
    finally:
        await app.stop()


async def _unacknowledged(kafka_url: str, group: str) -> int:
    """Return how many messages of the topic the group has not acknowledged."""
    client = AIOKafkaConsumer(bootstrap_servers=kafka_url, group_id=group, enable_auto_commit=False)
    await client.start()
    try:
        partition = TopicPartition(topics.PRICE.name, 0)
        ends = await client.end_offsets([partition])
        return int(ends[partition]) - int(await client.committed(partition) or 0)
    finally:
        await client.stop()


async def test_a_full_buffer_does_not_make_a_worker_deaf(kafka_url: str) -> None:
    """The buffer fills up and empties a hundred times: with Faust's own wait of up to a second each, in minutes."""
    heard = _Heard()

    async def handle(items: Sequence[PricesPublished]) -> None:
        await asyncio.to_thread(hashlib.pbkdf2_hmac, "sha256", b"work", b"", 10_000)
        await heard.handle(items)

    async with Publisher(kafka_url, "gateway") as publisher:
        await publisher.send([heard.message(index) for index in range(400)])
        async with _running(kafka_url, publisher, handle, group=1, buffer=2):
            await until_async(lambda: _later(lambda: len(heard.indices)), lambda count: count >= 400)
    assert heard.indices == list(range(400))


async def test_a_group_is_what_has_come_and_is_acknowledged_when_it_is_handled(kafka_url: str) -> None:
    heard, let_go, at_work = _Heard(), asyncio.Event(), asyncio.Event()

    async def handle(items: Sequence[PricesPublished]) -> None:
        if any(map(heard.asked, items)):
            at_work.set()
            await let_go.wait()
        await heard.handle(items)

    async with (
        Publisher(kafka_url, "gateway") as publisher,
        _running(kafka_url, publisher, handle, group=3) as group,
    ):
        await until_async(lambda: _unacknowledged(kafka_url, group), lambda count: count == 0)
        await publisher.send([heard.message(0)])
        await at_work.wait()
        await publisher.send([heard.message(index) for index in range(1, 8)])
        assert await _unacknowledged(kafka_url, group) == 8
        let_go.set()
        await until_async(lambda: _unacknowledged(kafka_url, group), lambda count: count == 0)
    assert next(group for group in heard.groups if group) == [0]
    assert heard.indices == list(range(8))
    assert max(map(len, heard.groups)) <= 3


async def test_its_share_of_the_partitions_is_measured(kafka_url: str) -> None:
    heard = _Heard()
    async with (
        Publisher(kafka_url, "gateway") as publisher,
        _running(kafka_url, publisher, heard.handle, group=1) as group,
    ):
        await until_so(lambda: partitions(group), lambda seen: seen == (1, 1))


async def test_a_worker_whose_partitions_are_taken_shows_none_until_it_is_given_others() -> None:
    settings: Any = ServiceSettings.model_construct(kafka_url="127.0.0.1:1")
    app = build_worker(f"test-{uuid.uuid4().hex}", settings)
    group, many = app.conf.id, {TopicPartition(topics.PRICE.name, number) for number in range(3)}
    assert partitions(group) == (0, 0)
    await app.on_partitions_assigned.send(many)
    assert partitions(group) == (1, 3)
    await app.on_partitions_revoked.send(many)
    assert partitions(group) == (1, 0)
    await app.on_partitions_assigned.send(set())
    assert partitions(group) == (2, 0)


async def test_small_messages_are_gathered_in_large_groups(kafka_url: str) -> None:
    """A group larger than the usual buffer holds is filled, though the messages reach the buffer one by one."""
    heard = _Heard()
    async with Publisher(kafka_url, "gateway") as publisher:
        await publisher.send([heard.message(index) for index in range(300)])
        async with _running(kafka_url, publisher, heard.handle, group=100):
            await until_async(lambda: _later(lambda: len(heard.indices)), lambda count: count >= 300)
    assert heard.indices == list(range(300))
    assert max(map(len, heard.groups)) > 16


async def _later(ask: Callable[[], int]) -> int:
    return ask()


async def test_a_worker_makes_no_directory(kafka_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that is killed cannot clean up, and the root of a container cannot be written to."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    async with (
        Publisher(kafka_url, "gateway") as publisher,
        _running(kafka_url, publisher, _Heard().handle, group=1),
    ):
        assert list(tmp_path.iterdir()) == []

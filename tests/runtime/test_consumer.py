"""A client that has stopped fetching, though it is in its group and messages wait, is replaced by a fresh one."""

import asyncio
import uuid
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from psycopg.errors import UndefinedColumn

from shared.contracts import topics
from shared.contracts.platform import ModelChanged, PricesPublished
from shared.kafka.consumer import GroupConsumer
from shared.kafka.messages import Outgoing
from shared.kafka.processor import MessageProcessor
from shared.kafka.publisher import Publisher
from shared.kafka.topic_hold import Releases
from shared.runtime.components import ComponentRunner
from shared.runtime.settings import ProcessorLimits
from tests.commands import run_dlq
from tests.runtime.harness import partitions, price_set
from tests.waiting import until_async, until_so

pytestmark = pytest.mark.asyncio


class _Deaf(AIOKafkaConsumer):
    """Joins its group, and never fetches anything."""

    async def getmany(self, *_partitions: Any, timeout_ms: int = 0, **_more: Any) -> Any:
        self.pause(*self.assignment())
        return await super().getmany(timeout_ms=timeout_ms)


class _FirstDeaf(GroupConsumer):
    """Its first client is deaf."""

    made = 0

    def client(self) -> AIOKafkaConsumer:
        """Return the next client."""
        sound = super().client()
        self.made += 1
        if self.made == 1:
            sound.__class__ = _Deaf
        return sound


async def test_messages_that_wait_are_fetched_by_a_fresh_client(kafka_url: str) -> None:
    number = 1_000_000 + uuid.uuid4().int % 1_000_000
    got = asyncio.Event()

    async def handle(items: Sequence[PricesPublished]) -> None:
        if any(item.price_set == number for item in items):
            got.set()

    async with Publisher(kafka_url, "gateway") as publisher:
        await publisher.send([price_set(number)])
        processor = MessageProcessor("gateway", topics.PRICE, handle, publisher)
        consumer = _FirstDeaf(kafka_url, f"test-{uuid.uuid4().hex}", [processor], quiet_s=0.2)
        running = asyncio.create_task(consumer.run())
        async with asyncio.timeout(60):
            await got.wait()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert consumer.made == 2


async def test_what_comes_alone_is_handled_at_once_and_a_stream_in_few_groups(kafka_url: str) -> None:
    """A long pause after a group with room for more: what is sent meanwhile, message by message, comes together."""
    numbers = [2_000_000 + uuid.uuid4().int % 1_000_000 + index for index in range(21)]
    groups: list[list[int]] = []
    got = asyncio.Condition()

    async def handle(items: Sequence[PricesPublished]) -> None:
        async with got:
            groups.append([item.price_set for item in items if item.price_set in numbers])
            got.notify_all()

    async def handled(many: int) -> None:
        async with asyncio.timeout(60), got:
            await got.wait_for(lambda: sum(map(len, groups)) == many)

    async with Publisher(kafka_url, "gateway") as publisher:
        processor = MessageProcessor("gateway", topics.PRICE, handle, publisher)
        consumer = GroupConsumer(kafka_url, f"test-{uuid.uuid4().hex}", [processor], pause_s=5.0)
        running = asyncio.create_task(consumer.run())
        await publisher.send([price_set(numbers[0])])
        await handled(1)
        for number in numbers[1:]:
            await publisher.send([price_set(number)])
        await handled(21)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert [number for group in groups for number in group] == numbers
    # The client has fetched the first of the stream before the pause began, and the others when it is over.
    assert len([group for group in groups if group]) <= 3


async def test_its_share_of_the_partitions_is_measured_and_ends_with_it(kafka_url: str) -> None:
    async def handle(_items: Sequence[PricesPublished]) -> None:
        pass

    group = f"test-{uuid.uuid4().hex}"
    async with Publisher(kafka_url, "gateway") as publisher:
        processor = MessageProcessor("gateway", topics.PRICE, handle, publisher)
        consumer = GroupConsumer(kafka_url, group, [processor])
        assert partitions(group) == (0, 0)
        running = asyncio.create_task(consumer.run())
        await until_so(lambda: partitions(group), lambda seen: seen == (1, 1))
        other = GroupConsumer(kafka_url, group, [processor]).client()
        other.subscribe([topics.PRICE.name])
        await other.start()
        await until_so(lambda: partitions(group)[0], lambda times: times >= 2)
        await other.stop()
        await until_so(lambda: partitions(group), lambda seen: seen[0] >= 3 and seen[1] == 1)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert partitions(group)[1] == 0


async def test_what_has_piled_up_is_handled_without_a_pause(kafka_url: str) -> None:
    """Ten messages of a megabyte and a half wait, a fetch brings one or two of them, a group may have four.

    After a group the pause, of an hour, is made only when fewer than two more wait: so at least nine are handled.
    """
    numbers = [4_000_000 + uuid.uuid4().int % 1_000_000 + index for index in range(10)]
    groups: list[list[int]] = []
    enough = asyncio.Event()

    async def handle(items: Sequence[PricesPublished]) -> None:
        groups.append([item.price_set for item in items if item.price_set in numbers])
        if sum(map(len, groups)) >= 9:
            enough.set()

    async with Publisher(kafka_url, "gateway") as publisher:
        processor = MessageProcessor("gateway", topics.PRICE, handle, publisher)
        for number in numbers:
            await publisher.send([price_set(number, 35_000)])
        consumer = GroupConsumer(kafka_url, f"test-{uuid.uuid4().hex}", [processor], max_records=4, pause_s=3600.0)
        running = asyncio.create_task(consumer.run())
        async with asyncio.timeout(60):
            await enough.wait()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert len([group for group in groups if group]) >= 3, "every fetch brought a full group: nothing was tried"


@pytest.mark.parametrize("fault", [UndefinedColumn("no such column"), KeyError("ours")])
async def test_a_fault_of_ours_loses_nothing_and_puts_nothing_aside(kafka_url: str, fault: Exception) -> None:
    """Whatever a handler raises: the consumer stops, is begun again with what it was handling, and then it is done."""
    number = 5_000_000 + uuid.uuid4().int % 1_000_000
    got, runner, troubles = (
        asyncio.Event(),
        ComponentRunner("gateway", stuck_s=60.0, first_s=0.1, most_s=2.0),
        list[str](),
    )

    async def handle(items: Sequence[PricesPublished]) -> None:
        if any(item.price_set == number for item in items):
            troubles[:] = runner.troubles()
            if not troubles:
                raise fault
            got.set()

    async with Publisher(kafka_url, "gateway") as publisher:
        await publisher.send([price_set(number)])
        processor = MessageProcessor("gateway", topics.PRICE, handle, publisher, ProcessorLimits(retry_s=0.2))
        consumer = GroupConsumer(kafka_url, f"test-{uuid.uuid4().hex}", [processor])
        running = asyncio.create_task(runner.run({"prices": consumer.run}))
        async with asyncio.timeout(60):
            await got.wait()
        await until_async(lambda: _now(runner.troubles), lambda troubles: not troubles)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert type(fault).__name__ in troubles[0]


async def test_a_topic_that_is_held_leaves_the_others_of_its_consumer_alone(kafka_url: str) -> None:
    """Garbage beyond the limit on one topic; a good message of another is handled, and the garbage is not passed by:
    until somebody releases the topic."""
    name = uuid.uuid4().hex
    got = asyncio.Event()

    async def take_model(items: Sequence[ModelChanged]) -> None:
        if any(item.model_id == name for item in items):
            got.set()

    async def take_prices(_: Sequence[PricesPublished]) -> None:
        """Take whatever is decoded."""

    model = ModelChanged(model_id=name, version=1, enterprise_id="E1", name="M", cash_weight="1", holdings=[])
    async with Publisher(kafka_url, "gateway") as publisher:
        limits = ProcessorLimits(letters=3, share=1.0, look_s=0.1)
        processors = [
            MessageProcessor("gateway", topics.PRICE, take_prices, publisher, limits),
            MessageProcessor("gateway", topics.MODEL, take_model, publisher),
        ]
        group = f"test-{name}"
        consumer = GroupConsumer(kafka_url, group, processors, quiet_s=0.2)
        running = asyncio.create_task(consumer.run())
        await publisher.send([Outgoing(topics.PRICE.name, b"1", b"{not json") for _ in range(5)])
        await until_async(lambda: _now(consumer.held), lambda held: len(held) == 1)
        await publisher.send([Outgoing(topics.MODEL.name, name.encode(), model.model_dump_json().encode())])
        async with asyncio.timeout(60):
            await got.wait()
        assert topics.PRICE.name in consumer.held()[0]
        assert await _left(kafka_url, group) >= 5
        await run_dlq(kafka_url, "analyzer", "release", topics.PRICE.name, "--who", "kim: of another service")
        release = ["release", topics.PRICE.name, "--who", "kim: a test", "--letters", "100000"]
        assert await run_dlq(kafka_url, "gateway", *release) == 1, "the gateway reads no prices"
        await Releases(kafka_url, "gateway").give(topics.PRICE.name, "kim: a test", 100_000)
        await until_async(lambda: _left(kafka_url, group), lambda left: left == 0)
        assert consumer.held() == []
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def _now(ask: Callable[[], list[str]]) -> list[str]:
    return ask()


async def _left(kafka_url: str, group: str) -> int:
    """Return how many messages with prices the group has not acknowledged."""
    async with AIOKafkaConsumer(bootstrap_servers=kafka_url, group_id=group, enable_auto_commit=False) as client:
        partition = TopicPartition(topics.PRICE.name, 0)
        ends = await client.end_offsets([partition])
        return int(ends[partition]) - int(await client.committed(partition) or 0)

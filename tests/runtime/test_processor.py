"""What surrounds every handler: poison is put aside alone, transient faults are retried, nothing is skipped."""

import asyncio
import uuid
from collections.abc import Sequence
from datetime import UTC, date, datetime

import psycopg
import pytest
from aiokafka import AIOKafkaConsumer

from shared.contracts import topics
from shared.contracts.platform import PricesPublished
from shared.kafka import messages
from shared.kafka.faults import RetryLater
from shared.kafka.messages import BadMessage, Incoming
from shared.kafka.processor import MessageProcessor
from shared.kafka.publisher import Publisher
from tests.runtime.harness import price_set

pytestmark = pytest.mark.asyncio


def _message(offset: int, value: bytes) -> Incoming:
    return Incoming(topics.PRICE.name, 0, offset, b"1", value, (("ce_id", b"x"),), 0)


def _price_set(number: int) -> bytes:
    return price_set(number).value


async def _dead_letters(kafka_url: str, marker: str, count: int) -> list[tuple[bytes, dict[str, str]]]:
    """Read dead letters until `count` with the marker as their key have come."""
    topic = topics.dead_letters("gateway").name
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=kafka_url, auto_offset_reset="earliest")
    await consumer.start()
    letters: list[tuple[bytes, dict[str, str]]] = []
    try:
        async with asyncio.timeout(30):
            while len(letters) < count:
                record = await consumer.getone()
                if record.key == marker.encode():
                    letters.append((record.value, {name: value.decode() for name, value in record.headers}))
    finally:
        await consumer.stop()
    return letters


async def test_poison_is_put_aside_with_its_reason_and_its_neighbours_are_handled(kafka_url: str) -> None:
    handled: list[int] = []
    marker = uuid.uuid4().hex

    async def handle(items: Sequence[PricesPublished]) -> None:
        if any(item.price_set == 2 for item in items):
            raise BadMessage("unheard_of", "two is unheard of")
        handled.extend(item.price_set for item in items)

    async with Publisher(kafka_url, "gateway") as publisher:
        processor = MessageProcessor("gateway", topics.PRICE, handle, publisher)
        values = [_price_set(1), b"{not json", _price_set(2), _price_set(3)]
        await processor.run(
            [
                Incoming(topics.PRICE.name, 0, offset, marker.encode(), value, (), 0)
                for offset, value in enumerate(values)
            ]
        )
    assert handled == [1, 3]
    letters = await _dead_letters(kafka_url, marker, 2)
    assert [(value, headers["dlq-code"], headers["dlq-offset"]) for value, headers in letters] == [
        (b"{not json", "invalid_event", "1"),
        (_price_set(2), "unheard_of", "2"),
    ]
    assert "two is unheard of" in letters[1][1]["dlq-reason"]


@pytest.mark.parametrize(
    "fault", [psycopg.OperationalError("gone"), RetryLater("not yet"), ConnectionResetError("reset"), TimeoutError()]
)
async def test_transient_faults_are_retried_until_they_pass(kafka_url: str, fault: Exception) -> None:
    attempts: list[int] = []

    async def handle(items: Sequence[PricesPublished]) -> None:
        attempts.append(len(items))
        if len(attempts) < 3:
            raise fault

    async with Publisher(kafka_url, "gateway") as publisher:
        await MessageProcessor("gateway", topics.PRICE, handle, publisher).run([_message(0, _price_set(1))])
    assert attempts == [1, 1, 1]


async def test_what_is_published_arrives_with_its_attributes(kafka_url: str) -> None:
    key = uuid.uuid4().hex
    sent = messages.event(
        topics.PRICE,
        key,
        PricesPublished(price_set=1, as_of=date(2026, 1, 2), prices=[]),
        event_id="id-7",
        source="test",
        at=datetime(2026, 1, 2, tzinfo=UTC),
    )
    async with Publisher(kafka_url, "gateway") as publisher:
        await publisher.send([sent])
    consumer = AIOKafkaConsumer(topics.PRICE.name, bootstrap_servers=kafka_url, auto_offset_reset="earliest")
    await consumer.start()
    try:
        while (record := await consumer.getone()).key != key.encode():
            pass
    finally:
        await consumer.stop()
    assert dict(record.headers)["ce_id"] == b"id-7"
    assert record.value == sent.value


async def test_done_is_told_of_all_that_was_done_after_it_was_done(kafka_url: str) -> None:
    calls: list[str] = []

    async def handle(items: Sequence[PricesPublished]) -> None:
        calls.extend(f"handled {item.price_set}" for item in items)

    async def done(group: Sequence[Incoming]) -> None:
        calls.extend(f"done {message.offset}" for message in group)

    async with Publisher(kafka_url, "gateway") as publisher:
        processor = MessageProcessor("gateway", topics.PRICE, handle, publisher, done=done)
        await processor.run([_message(0, _price_set(1)), _message(1, b"{not json"), _message(2, _price_set(3))])
    assert calls == ["handled 1", "handled 3", "done 0", "done 1", "done 2"]


async def test_a_publisher_that_is_not_open_yet_is_waited_for(kafka_url: str) -> None:
    """A restarted worker's agents may begin before its publisher is open: nothing is put aside or lost for that."""
    asked, handled = asyncio.Event(), list[int]()
    publisher = Publisher(kafka_url, "gateway")

    async def handle(items: Sequence[PricesPublished]) -> None:
        asked.set()
        await publisher.send([])
        handled.extend(item.price_set for item in items)

    processor = MessageProcessor("gateway", topics.PRICE, handle, publisher)
    running = asyncio.create_task(processor.run([_message(0, _price_set(1))]))
    await asked.wait()
    async with publisher:
        await running
    assert handled == [1]

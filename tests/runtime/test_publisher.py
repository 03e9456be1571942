"""The publisher: many messages at once arrive as single ones would."""

import asyncio
import uuid
from collections import defaultdict

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import MessageSizeTooLargeError
from aiokafka.structs import ConsumerRecord

from shared.contracts.topics import ACCOUNT_FLAG, MIB
from shared.kafka.messages import Outgoing
from shared.kafka.publisher import _BATCH_BYTES, _MANY, Publisher

pytestmark = pytest.mark.asyncio


async def test_many_messages_arrive_whole_in_order_and_where_single_ones_would(kafka_url: str) -> None:
    """More than one batch a partition, one message larger than a batch, and some of the same keys sent singly."""
    mark = uuid.uuid4().hex
    many = [_message(mark, number, 700) for number in range(4 * _BATCH_BYTES // 350)]
    many[_MANY] = _message(mark, _MANY, 2 * _BATCH_BYTES)
    single = [Outgoing(message.topic, message.key, b"single", message.headers) for message in many[:20]]
    async with Publisher(kafka_url, "test") as publisher:
        await publisher.send(many)
        await publisher.send(single)
    found = [record for record in await _everything(kafka_url) if dict(record.headers).get("mark") == mark.encode()]
    assert sorted((record.key, record.value) for record in found) == sorted(
        (message.key, message.value) for message in many + single
    )
    partitions: dict[int, list[bytes]] = defaultdict(list)
    for record in found:
        assert [name for name, _ in record.headers] == ["mark", "number"]
        partitions[record.partition].append(record.value)
    order = {message.value: partition for partition, message in enumerate(many)}
    for values in partitions.values():
        in_order = [order[value] for value in values if value != b"single"]
        assert in_order == sorted(in_order)
    where = {record.key: record.partition for record in found if record.value != b"single"}
    assert all(record.partition == where[record.key] for record in found)
    assert len(partitions) > 1


async def test_a_message_the_broker_would_never_take_is_refused_before_any_is_sent(kafka_url: str) -> None:
    mark = uuid.uuid4().hex
    many = [_message(mark, number, 100) for number in range(_MANY)] + [_message(mark, _MANY, 4 * MIB)]
    async with Publisher(kafka_url, "test") as publisher:
        with pytest.raises(MessageSizeTooLargeError):
            await publisher.send(many)
    assert not [
        message for message in await _everything(kafka_url) if dict(message.headers).get("mark") == mark.encode()
    ]


async def test_public_events_name_their_schema_at_the_gateway_and_others_do_not(kafka_url: str) -> None:
    """Sent singly and in whole batches."""
    mark = uuid.uuid4().hex
    few, many = [_message(mark, 0, 100)], [_message(mark, number, 100) for number in range(1, _MANY + 1)]
    async with Publisher(kafka_url, "test", "https://rebalancer.example") as publisher:
        await publisher.send(few)
        await publisher.send(many)
    found = [dict(record.headers) for record in await _everything(kafka_url)]
    named = [headers.get("ce_dataschema") for headers in found if headers.get("mark") == mark.encode()]
    assert named == [b"https://rebalancer.example/api/v1/events/schemas/rebalancer.account-flag.v1.json"] * (_MANY + 1)


def _message(mark: str, number: int, size: int) -> Outgoing:
    value = f"{mark} {number} ".encode().ljust(size, b".")
    return Outgoing(ACCOUNT_FLAG.name, f"{mark}-{number}".encode(), value, {"mark": mark, "number": str(number)})


async def _everything(kafka_url: str) -> list[ConsumerRecord[bytes, bytes]]:
    """Return all records of the topic."""
    async with AIOKafkaConsumer(bootstrap_servers=kafka_url, max_partition_fetch_bytes=8 * MIB) as consumer:
        partitions = [TopicPartition(ACCOUNT_FLAG.name, number) for number in range(ACCOUNT_FLAG.partitions)]
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        ends = await consumer.end_offsets(partitions)
        found: list[ConsumerRecord[bytes, bytes]] = []
        async with asyncio.timeout(60):
            while any([await consumer.position(partition) < end for partition, end in ends.items()]):
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    found += records
        return found

"""The lag of a group on a real broker: messages nobody reads, then read and committed."""

import uuid

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from prometheus_client import REGISTRY

from shared.contracts import topics
from shared.kafka.lag import LagWatch
from shared.kafka.messages import Outgoing
from shared.kafka.publisher import Publisher

pytestmark = [pytest.mark.asyncio, pytest.mark.integration]
TOPIC = topics.ACCOUNT_FLAG.name


def _lag(group: str) -> tuple[float, float]:
    names = ("rebalancer_consumer_lag_records", "rebalancer_consumer_lag_seconds")
    records, age_s = (REGISTRY.get_sample_value(name, {"group": group, "topic": TOPIC}) for name in names)
    assert records is not None and age_s is not None
    return records, age_s


async def test_a_group_that_is_dead_is_behind_by_what_came_since_its_last_commit(kafka_url: str) -> None:
    group = f"test-{uuid.uuid4().hex}"
    watch = LagWatch(kafka_url, {group: [TOPIC, "no.such.topic"]})
    async with Publisher(kafka_url, "test") as publisher:
        await publisher.send([Outgoing(TOPIC, b"k", b"first", {})])
        await watch.sample()
        before, _ = _lag(group)
        assert before >= 1, "a group that never committed reads from the beginning"
        consumer = AIOKafkaConsumer(bootstrap_servers=kafka_url, group_id=group, enable_auto_commit=False)
        async with consumer:
            partitions = [TopicPartition(TOPIC, number) for number in range(topics.ACCOUNT_FLAG.partitions)]
            consumer.assign(partitions)
            await consumer.commit(await consumer.end_offsets(partitions))
        await watch.sample()
        assert _lag(group) == (0, 0)
        await publisher.send([Outgoing(TOPIC, b"k", str(number).encode(), {}) for number in range(5)])
        await watch.sample()
        records, age_s = _lag(group)
        assert records == 5
        await watch.sample()
        assert _lag(group)[1] > age_s, "nobody reads: the oldest message grows older"

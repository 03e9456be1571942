"""A client that reads topics without a group, and tells where a topic begins and ends."""

from collections.abc import Mapping

from aiokafka import AIOKafkaConsumer, TopicPartition

from shared.contracts.topics import MIB
from shared.kafka.connection import client_options
from shared.kafka.header_names import accept_any_header_name
from shared.kafka.metadata_backoff import add_metadata_backoff
from shared.runtime.broker import Broker

Offsets = Mapping[TopicPartition, int]


def reader(broker: Broker) -> AIOKafkaConsumer:
    """Return a client, not started."""
    accept_any_header_name()
    consumer = AIOKafkaConsumer(
        **client_options(broker),
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=2 * MIB,
    )
    add_metadata_backoff(consumer._client)  # noqa: SLF001  # a consumer has no public attribute for it
    return consumer


async def assign(consumer: AIOKafkaConsumer, topic: str) -> tuple[Offsets, Offsets]:
    """Give the client all partitions of a topic; return where they begin and end, in the order of their numbers.

    Raises KafkaError if the broker refuses the topic or does not reply.
    """
    await consumer._client.set_topics([topic])  # noqa: SLF001  # as no topic is subscribed to
    numbers = consumer._client.cluster.partitions_for_topic(topic) or ()  # noqa: SLF001
    partitions = [TopicPartition(topic, number) for number in sorted(numbers)]
    consumer.assign(partitions)
    return await consumer.beginning_offsets(partitions), await consumer.end_offsets(partitions)

"""Which partitions a topic has at the broker: an installation may give it more than the table of topics does."""

from collections.abc import Collection

from aiokafka import AIOKafkaConsumer, TopicPartition


async def partitions_of(consumer: AIOKafkaConsumer, topics: Collection[str]) -> list[TopicPartition]:
    """Return the partitions of those topics that exist, and have the client know their leaders.

    Raises KafkaError if the broker does not reply.
    """
    client = consumer._client  # noqa: SLF001  # the public calls know the topics of a subscription alone
    cluster = await client.fetch_all_metadata()
    present = set(topics) & set(cluster.topics())
    await client.set_topics(present)
    return [TopicPartition(topic, number) for topic in present for number in cluster.partitions_for_topic(topic) or ()]

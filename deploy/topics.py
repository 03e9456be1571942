"""`python -m deploy.topics`: create the topics of the table that the broker lacks.

Needs REBALANCER_KAFKA_URL; REBALANCER_REPLICATION (default 1) is the number of copies.
"""

import asyncio
import os
import sys
from collections.abc import Iterable

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from shared.contracts.topics import TOPICS, Topic

PATIENCE_S = 300.0


async def create(kafka_url: str, topics: Iterable[Topic] = TOPICS, replication: int = 1) -> list[str]:
    """Create the topics that are missing and return their names.

    Raises TimeoutError when no broker answers in time, KafkaError when a topic is refused.
    """
    async with asyncio.timeout(PATIENCE_S):
        client = await _connected(kafka_url)
        try:
            present = set(await client.list_topics())
            missing = [topic for topic in topics if topic.name not in present]
            if missing:
                reply = await client.create_topics([_new(topic, replication) for topic in missing])
                for name, code, *_ in reply.topic_errors:
                    error = for_code(code)
                    if code and error is not TopicAlreadyExistsError:
                        raise error(f"topic {name} was refused")
            return [topic.name for topic in missing]
        finally:
            await client.close()


async def _connected(kafka_url: str) -> AIOKafkaAdminClient:
    """Wait for the broker and return a client."""
    while True:
        client = AIOKafkaAdminClient(bootstrap_servers=kafka_url, request_timeout_ms=20_000)
        try:
            await client.start()
        except KafkaError:
            await client.close()
            await asyncio.sleep(0.3)
        else:
            return client


def _new(topic: Topic, replication: int) -> NewTopic:
    retention = {"cleanup.policy": "compact"} if topic.compacted else {"retention.ms": str(topic.retention_ms)}
    configuration = {**retention, "max.message.bytes": str(topic.max_message_bytes), "compression.type": "producer"}
    return NewTopic(topic.name, topic.partitions, replication, topic_configs=configuration)


def main() -> None:
    """Create the topics named in the table on the broker of the environment and print what was made."""
    kafka_url = os.environ.get("REBALANCER_KAFKA_URL")
    if not kafka_url:
        sys.exit("REBALANCER_KAFKA_URL is not set: give the broker's address as host:port")
    made = asyncio.run(create(kafka_url, replication=int(os.environ.get("REBALANCER_REPLICATION", "1"))))
    print(f"{len(made)} topics created: {', '.join(made) or 'all were there'}")


if __name__ == "__main__":
    main()

"""Wait until the accounts and securities that were published before a file are stored, so that it is judged by them."""

import asyncio
import time

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from services.taxlot.store import offsets
from shared.contracts import topics
from shared.contracts.topics import Topic
from shared.runtime import log

_log = log.get(__name__)
_JUDGED_BY = (topics.ACCOUNT, topics.SECURITY)
_PAUSE_S = 0.2


async def catch_up(kafka_url: str, group: str, connection: AsyncConnection[TupleRow], within_s: float) -> bool:
    """Wait until all accounts and securities published before now are stored, for within_s at most; say if they are.

    Without this a file that follows right after the accounts it names would find them unknown.  connection: sees
    taxlot's schema, in autocommit.  group: taxlot's consumer group; offsets it committed at the broker count too,
    because a database may be younger than the group.  Raises psycopg.Error if the database is away.
    """
    deadline = time.monotonic() + within_s
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka_url, group_id=group, enable_auto_commit=False)
    try:
        await consumer.start()
        ends = await consumer.end_offsets([partition for topic in _JUDGED_BY for partition in _partitions(topic)])
        while waiting := await _behind(consumer, connection, ends):
            if time.monotonic() > deadline:
                _log.warning("intake.not_caught_up", waits_for=waiting, waited_s=within_s)
                return False
            await asyncio.sleep(_PAUSE_S)
    except KafkaError as error:
        _log.warning("intake.broker_away", error=repr(error)[:300])
        return False
    finally:
        await consumer.stop()
    return True


def _partitions(topic: Topic) -> list[TopicPartition]:
    return [TopicPartition(topic.name, number) for number in range(topic.partitions)]


async def _behind(
    consumer: AIOKafkaConsumer, connection: AsyncConnection[TupleRow], ends: dict[TopicPartition, int]
) -> dict[str, int]:
    """Return by partition how many messages are not yet stored."""
    noted = await offsets.read(connection)
    behind: dict[str, int] = {}
    for partition, end in ends.items():
        lacking = end - noted.get((partition.topic, partition.partition), 0)
        if lacking > 0:
            lacking = min(lacking, end - (await consumer.committed(partition) or 0))
        if lacking > 0:
            behind[f"{partition.topic}/{partition.partition}"] = lacking
    return behind

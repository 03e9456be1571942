"""Wait until the accounts and securities that were published before a file are stored, so that it is judged by them."""

import time

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from services.taxlot.store import offsets
from shared.contracts import topics
from shared.kafka.connection import client_options
from shared.kafka.partitions import partitions_of
from shared.runtime import log
from shared.runtime.broker import Broker
from shared.runtime.pause import pause

_log = log.get(__name__)
_JUDGED_BY = (topics.ACCOUNT.name, topics.SECURITY.name, topics.REBALANCED.name)
_PAUSE_S = 0.2


async def catch_up(broker: Broker, group: str, connection: AsyncConnection[TupleRow], within_s: float) -> bool:
    """Wait until the accounts, securities and approvals published before now are stored, for within_s at most.

    Return whether they are.  Without this a file that follows right after the accounts it names would find them
    unknown, and lots that an approval bought would belong to no sleeve that bought them.  connection: sees
    taxlot's schema, in autocommit.  group: taxlot's consumer group; offsets it committed at the broker count too,
    because a database may be younger than the group.  Raises psycopg.Error if the database is away.
    """
    deadline = time.monotonic() + within_s
    consumer = AIOKafkaConsumer(**client_options(broker), group_id=group, enable_auto_commit=False)
    try:
        await consumer.start()
        ends = await consumer.end_offsets(await partitions_of(consumer, _JUDGED_BY))
        while waiting := await _behind(consumer, connection, ends):
            if time.monotonic() > deadline:
                count = sum(waiting.values())
                _log.warning("intake.not_caught_up", stuck=list(waiting), messages=count, waited_s=within_s)
                return False
            await pause(_PAUSE_S)
    except KafkaError as error:
        _log.warning("intake.broker_away", error=error)
        return False
    finally:
        await consumer.stop()
    return True


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

"""Before a file is judged: has everything been taken in that the platform told us before the file came?"""

import asyncio
import time

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from shared import log
from shared.contracts import topics
from shared.contracts.topics import Topic

_log = log.get(__name__)
_JUDGED_BY = (topics.ACCOUNT, topics.SECURITY)
_PAUSE_S = 0.2


async def catch_up(kafka_url: str, group: str, within_s: float) -> bool:
    """Wait until `group` has handled all accounts and securities published before now; say whether it has.

    Without this a file that follows right after the accounts it names would find them unknown.
    """
    deadline = time.monotonic() + within_s
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka_url, group_id=group, enable_auto_commit=False)
    try:
        await consumer.start()
        ends = await consumer.end_offsets([one for topic in _JUDGED_BY for one in _partitions(topic)])
        while behind := await _behind(consumer, ends):
            if time.monotonic() > deadline:
                _log.warning("intake.not_caught_up", messages=behind, waited_s=within_s)
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


async def _behind(consumer: AIOKafkaConsumer, ends: dict[TopicPartition, int]) -> int:
    """Return how many messages the group has not yet acknowledged."""
    behind = 0
    for partition, end in ends.items():
        if end:
            behind += max(0, end - (await consumer.committed(partition) or 0))
    return behind

"""What tests of consumption share: a message to send, and the dead letters that came of it."""

import asyncio
from datetime import date

from aiokafka import AIOKafkaConsumer
from prometheus_client import REGISTRY

from shared.contracts import topics
from shared.contracts.platform import PricePoint, PricesPublished
from shared.kafka.messages import Outgoing

DeadLetter = tuple[bytes, dict[str, str]]
"""Value and headers."""


def price_set(number: int, priced: int = 0) -> Outgoing:
    """Return the message of a price set with so many prices of some 45 bytes each."""
    prices = [PricePoint(security_id=f"S{index:07d}", price="1") for index in range(priced)]
    body = PricesPublished(price_set=number, as_of=date(2026, 1, 2), prices=prices).model_dump_json().encode()
    return Outgoing(topics.PRICE.name, b"1", body, {})


def partitions(group: str) -> tuple[float, float]:
    """Return how often the metrics say that a group was given partitions here, and how many it has."""
    labels = {"group": group}
    times = REGISTRY.get_sample_value("rebalancer_group_rebalances_total", labels)
    return times or 0, REGISTRY.get_sample_value("rebalancer_group_partitions", labels) or 0


async def dead_letters_of(kafka_url: str, origin: int, count: int) -> list[DeadLetter]:
    """Wait for `count` dead letters of the gateway whose originals have offsets from `origin` on, within 1000."""
    consumer = AIOKafkaConsumer(
        topics.dead_letters("gateway").name, bootstrap_servers=kafka_url, auto_offset_reset="earliest"
    )
    found: list[DeadLetter] = []
    async with asyncio.timeout(30), consumer:
        while len(found) < count:
            record = await consumer.getone()
            headers = {name: value.decode() for name, value in record.headers}
            if _is_of(headers, origin):
                found.append((record.value, headers))
    return found


async def dead_letters_now(kafka_url: str, origin: int) -> list[DeadLetter]:
    """Return the dead letters of the gateway that are there now, of originals as in `dead_letters_of`."""
    consumer = AIOKafkaConsumer(
        topics.dead_letters("gateway").name, bootstrap_servers=kafka_url, auto_offset_reset="earliest"
    )
    found: list[DeadLetter] = []
    async with consumer:
        ends = await consumer.end_offsets(consumer.assignment())
        for partition, end in ends.items():
            while await consumer.position(partition) < end:
                record = await consumer.getone(partition)
                headers = {name: value.decode() for name, value in record.headers}
                if _is_of(headers, origin):
                    found.append((record.value, headers))
    return found


def _is_of(headers: dict[str, str], origin: int) -> bool:
    """Say whether it is the dead letter of such an original; the topic also holds marks of replayed dead letters."""
    return "dlq-offset" in headers and 0 <= int(headers["dlq-offset"]) - origin < 1000

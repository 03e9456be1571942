"""Reads dead letters of the tests."""

import asyncio

from aiokafka import AIOKafkaConsumer

from shared.contracts import topics

Letter = tuple[bytes, dict[str, str]]


async def letters_of(kafka_url: str, origin: int, count: int) -> list[Letter]:
    """Wait for `count` dead letters of the gateway whose originals stood from offset `origin` on, within 1000."""
    consumer = AIOKafkaConsumer(
        topics.dead_letters("gateway").name, bootstrap_servers=kafka_url, auto_offset_reset="earliest"
    )
    found: list[Letter] = []
    async with asyncio.timeout(30), consumer:
        while len(found) < count:
            record = await consumer.getone()
            headers = {name: value.decode() for name, value in record.headers}
            if _is_of(headers, origin):
                found.append((record.value, headers))
    return found


async def letters_now(kafka_url: str, origin: int) -> list[Letter]:
    """Return the dead letters of the gateway that are there now, of originals as in `letters_of`."""
    consumer = AIOKafkaConsumer(
        topics.dead_letters("gateway").name, bootstrap_servers=kafka_url, auto_offset_reset="earliest"
    )
    found: list[Letter] = []
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
    """Say whether it is a letter of such an original; notes about letters that were replayed stand among them."""
    return "dlq-offset" in headers and 0 <= int(headers["dlq-offset"]) - origin < 1000

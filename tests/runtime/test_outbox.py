"""The outbox on real PostgreSQL and Kafka: all committed rows, in order, from one relay; none of a rolled-back one."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator

import pytest
from aiokafka import AIOKafkaConsumer
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from shared.contracts import topics
from shared.kafka import Publisher
from shared.messages import Outgoing
from shared.outbox import TABLE_SQL, Relay, enqueue
from tests.waiting import until_async

pytestmark = pytest.mark.asyncio
TOPIC = topics.ACCOUNT_FLAG.name


@contextlib.asynccontextmanager
async def _schema(database_url: str) -> AsyncIterator[AsyncConnection[TupleRow]]:
    async with await AsyncConnection.connect(database_url) as connection:
        await connection.execute("CREATE SCHEMA relayed; SET search_path TO relayed;" + TABLE_SQL)
        await connection.commit()
        yield connection


def _rows(key: str, numbers: range) -> list[Outgoing]:
    return [Outgoing(TOPIC, key.encode(), str(number).encode(), {"ce_id": f"{key}-{number}"}) for number in numbers]


async def _states(connection: AsyncConnection[TupleRow]) -> list[tuple[bool, bool]]:
    """Return (published, parked) of every row in order."""
    rows = await (
        await connection.execute("SELECT published_at IS NOT NULL, parked_reason IS NOT NULL FROM outbox ORDER BY id")
    ).fetchall()
    await connection.commit()
    return [(bool(published), bool(parked)) for published, parked in rows]


async def _until_settled(connection: AsyncConnection[TupleRow]) -> list[tuple[bool, bool]]:
    return await until_async(
        lambda: _states(connection), lambda rows: all(published or parked for published, parked in rows)
    )


async def _received(kafka_url: str, key: str, last: str) -> list[str]:
    """Read values of `key` until `last` has come."""
    consumer = AIOKafkaConsumer(TOPIC, bootstrap_servers=kafka_url, auto_offset_reset="earliest")
    await consumer.start()
    values: list[str] = []
    try:
        async with asyncio.timeout(30):
            while not values or values[-1] != last:
                record = await consumer.getone()
                if record.key == key.encode():
                    values.append(record.value.decode())
    finally:
        await consumer.stop()
    return values


async def test_committed_rows_are_published_in_order_and_rolled_back_ones_never(
    database_url: str, kafka_url: str
) -> None:
    key = uuid.uuid4().hex
    async with _schema(database_url) as connection, Publisher(kafka_url, "test") as publisher:
        relays = [asyncio.create_task(Relay(database_url, "relayed", publisher).run()) for _ in range(2)]
        try:
            await enqueue(connection, _rows(key, range(300)))
            await connection.commit()
            await enqueue(connection, _rows(key, range(1000, 1010)))
            await connection.rollback()
            await enqueue(connection, _rows(key, range(300, 1200)))
            await connection.commit()
            await _until_settled(connection)
        finally:
            for relay in relays:
                relay.cancel()
            await asyncio.gather(*relays, return_exceptions=True)
    values = await _received(kafka_url, key, "1199")
    assert values == [str(number) for number in range(1200)]


async def test_a_crash_between_publish_and_mark_publishes_again_with_the_same_ids(
    database_url: str, kafka_url: str
) -> None:
    key = uuid.uuid4().hex
    async with _schema(database_url) as connection, Publisher(kafka_url, "test") as publisher:
        await enqueue(connection, _rows(key, range(5)))
        await connection.commit()
        await publisher.send(_rows(key, range(5)))  # published, and then the relay died before it could mark them
        relay = asyncio.create_task(Relay(database_url, "relayed", publisher).run())
        await _until_settled(connection)
        relay.cancel()
        await asyncio.gather(relay, return_exceptions=True)
    values = await _received(kafka_url, key, "4")
    assert values[:5] == ["0", "1", "2", "3", "4"]


async def test_a_row_the_broker_refuses_for_ever_is_parked_and_the_others_go(database_url: str, kafka_url: str) -> None:
    key = uuid.uuid4().hex
    huge = Outgoing(TOPIC, key.encode(), b"x" * (5 * 1024 * 1024), {})
    async with _schema(database_url) as connection, Publisher(kafka_url, "test") as publisher:
        await enqueue(connection, [*_rows(key, range(1)), huge, *_rows(key, range(1, 2))])
        await connection.commit()
        relay = asyncio.create_task(Relay(database_url, "relayed", publisher).run())
        try:
            rows = await _until_settled(connection)
        finally:
            relay.cancel()
            await asyncio.gather(relay, return_exceptions=True)
    assert rows == [(True, False), (False, True), (True, False)]
    received = await _received(kafka_url, key, "1")
    assert list(dict.fromkeys(received)) == ["0", "1"]  # the first may come twice, with the same id

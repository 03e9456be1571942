"""The outbox on real PostgreSQL and Kafka: all committed rows, in order, from one relay; none of a rolled-back one."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Sequence

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaTimeoutError, MessageSizeTooLargeError
from prometheus_client import REGISTRY
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from shared.contracts import topics
from shared.kafka.messages import Outgoing
from shared.kafka.publisher import Publisher
from shared.outbox.relay import Relay
from shared.outbox.rows import TABLE_SQL, enqueue, parked, release
from shared.outbox.watch import MOST_COUNTED, STATE, OutboxWatch
from shared.runtime.sampler import Sampler
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


class _LosesTheDatabase(Publisher):
    """As soon as the broker has acknowledged, every other connection to the database ends, once."""

    def __init__(self, kafka_url: str, connection: AsyncConnection[TupleRow]) -> None:
        super().__init__(kafka_url, "test")
        self._connection = connection
        self.sent: list[int] = []

    async def try_to_send(self, messages: Sequence[Outgoing]) -> list[BaseException | None]:
        """Send, and end all connections but one."""
        outcomes = await super().try_to_send(messages)
        self.sent.append(len(messages))
        if len(self.sent) == 1:
            await self._connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            await self._connection.commit()
        return outcomes


async def _all(kafka_url: str, key: str) -> list[str]:
    """Return the values of `key` up to a message that is sent now."""
    end = f"end {uuid.uuid4().hex}"
    async with Publisher(kafka_url, "test") as publisher:
        await publisher.send([Outgoing(TOPIC, key.encode(), end.encode(), {})])
    return (await _received(kafka_url, key, end))[:-1]


async def test_a_database_that_is_lost_between_publish_and_mark_makes_nothing_go_twice(
    database_url: str, kafka_url: str
) -> None:
    key = uuid.uuid4().hex
    async with _schema(database_url) as connection, _LosesTheDatabase(kafka_url, connection) as publisher:
        await enqueue(connection, _rows(key, range(25)))
        await connection.commit()
        async with _relaying(database_url, publisher):
            await _until_settled(connection)
    assert publisher.sent == [25]
    assert await _all(kafka_url, key) == [str(number) for number in range(25)]


async def test_who_takes_over_finds_at_the_end_of_the_topic_what_was_published_and_not_marked(
    database_url: str, kafka_url: str
) -> None:
    key = uuid.uuid4().hex
    async with _schema(database_url) as connection, Publisher(kafka_url, "test") as publisher:
        await enqueue(connection, _rows(key, range(8)))
        await connection.commit()
        await publisher.send(_rows(key, range(5)))  # published, and then the relay died before it could mark them
        async with _relaying(database_url, publisher):
            await _until_settled(connection)
    assert await _all(kafka_url, key) == [str(number) for number in range(8)]


class _MissesOne(Publisher):
    """The first message it is given does not arrive, the others do."""

    missed = False

    async def try_to_send(self, messages: Sequence[Outgoing]) -> list[BaseException | None]:
        """Send all, the first time all but the first."""
        if self.missed:
            return await super().try_to_send(messages)
        self.missed = True
        return [KafkaTimeoutError(), *await super().try_to_send(messages[1:])]


async def test_the_newest_message_of_a_key_is_the_last_though_an_earlier_one_arrived_late(
    database_url: str, kafka_url: str
) -> None:
    key, other = uuid.uuid4().hex, uuid.uuid4().hex
    async with _schema(database_url) as connection, _MissesOne(kafka_url, "test") as publisher:
        await enqueue(connection, [*_rows(key, range(3)), *_rows(other, range(1))])
        await connection.commit()
        async with _relaying(database_url, publisher):
            await _until_settled(connection)
    assert await _all(kafka_url, key) == ["1", "2", "0", "1", "2"]
    assert await _all(kafka_url, other) == ["0"]


async def test_who_takes_over_sends_again_what_is_behind_a_message_that_is_missing(
    database_url: str, kafka_url: str
) -> None:
    key = uuid.uuid4().hex
    async with _schema(database_url) as connection, Publisher(kafka_url, "test") as publisher:
        await enqueue(connection, _rows(key, range(3)))
        await connection.commit()
        await publisher.send([_rows(key, range(3))[number] for number in (0, 2)])
        async with _relaying(database_url, publisher):
            await _until_settled(connection)
    assert await _all(kafka_url, key) == ["0", "2", "1", "2"]


async def test_what_waits_is_measured_while_the_broker_is_away(database_url: str) -> None:
    publisher = Publisher("127.0.0.1:1", "test")
    async with _schema(database_url) as connection:
        await enqueue(connection, _rows("away", range(3)))
        await connection.commit()
        opening = asyncio.create_task(publisher.run())
        async with _relaying(database_url, publisher), _sampling(database_url):
            ages = [await until_async(_measured, lambda seen: seen[0] == 3)]
            ages.append(await until_async(_measured, lambda seen: seen[1] > ages[0][1] + 1))
        opening.cancel()
        await asyncio.gather(opening, return_exceptions=True)
    assert [pending for pending, _ in ages] == [3, 3]


async def test_what_waits_is_measured_though_no_relay_runs_and_the_age_moves_though_nothing_reads_it(
    database_url: str,
) -> None:
    async with _schema(database_url) as connection:
        await enqueue(connection, _rows("nobody", range(4)))
        await connection.commit()
        await connection.execute("UPDATE outbox SET created_at = clock_timestamp() - interval '90 s' WHERE id = 1")
        await connection.execute("UPDATE outbox SET parked_reason = 'too large' WHERE id = 2")
        await connection.commit()
        watch = OutboxWatch(database_url, "relayed")
        await watch.sample()
        pending, age_s = await _measured()
        assert pending == 3
        assert 90 <= age_s < 120
        assert REGISTRY.get_sample_value("rebalancer_outbox_parked", {"service": "relayed"}) == 1
        await until_async(_measured, lambda seen: seen[1] > age_s)
        await connection.execute("UPDATE outbox SET published_at = clock_timestamp()")
        await connection.commit()
        await watch.sample()
        assert await _measured() == (0, 0)


async def test_counting_what_waits_reads_the_index_and_not_every_message_ever_sent(database_url: str) -> None:
    async with _schema(database_url) as connection:
        await connection.execute("DROP INDEX outbox_unpublished")  # as migration batch_0003
        await connection.execute("CREATE INDEX outbox_waiting ON outbox (id) WHERE published_at IS NULL")
        await connection.execute(
            "INSERT INTO outbox (topic, key, value, headers, published_at)"
            " SELECT 't', '', '', '{}', clock_timestamp() FROM generate_series(1, 20000)"
        )
        await connection.execute("ANALYZE outbox")
        plan = await (await connection.execute(f"EXPLAIN {STATE}", [MOST_COUNTED])).fetchall()
    assert any("outbox_waiting" in line for (line,) in plan), plan


@contextlib.asynccontextmanager
async def _sampling(database_url: str) -> AsyncIterator[None]:
    watch = OutboxWatch(database_url, "relayed")
    async with Sampler("relayed", "outbox", watch.sample, 0.1).running():
        yield


async def _measured() -> tuple[float, float]:
    """Return how many rows wait and the age of the oldest in seconds, as the metrics say."""
    names = ("rebalancer_outbox_pending", "rebalancer_outbox_oldest_age_seconds")
    pending, age_s = (REGISTRY.get_sample_value(name, {"service": "relayed"}) or 0.0 for name in names)
    return pending, age_s


@contextlib.asynccontextmanager
async def _relaying(database_url: str, publisher: Publisher) -> AsyncIterator[None]:
    relay = asyncio.create_task(Relay(database_url, "relayed", publisher).run())
    try:
        yield
    finally:
        relay.cancel()
        await asyncio.gather(relay, return_exceptions=True)


async def test_rows_the_broker_refuses_for_ever_are_parked_alone_listed_and_tried_again_when_released(
    database_url: str, kafka_url: str
) -> None:
    key = uuid.uuid4().hex
    huge = Outgoing(TOPIC, key.encode(), b"x" * (5 * 1024 * 1024), {})
    odd = Outgoing(TOPIC, key.encode(), b"odd", {"ce_id": None})  # type: ignore[dict-item]  # as a fault of ours would
    async with _schema(database_url) as connection, Publisher(kafka_url, "test") as publisher:
        await enqueue(connection, [*_rows(key, range(1)), huge, odd, *_rows(key, range(1, 2))])
        await connection.commit()
        async with _relaying(database_url, publisher):
            rows = await _until_settled(connection)
            assert rows == [(True, False), (False, True), (False, True), (True, False)]
            put_aside = await parked(connection)
            assert [(row["id"], row["topic"], row["key"], row["bytes"]) for row in put_aside] == [
                (2, TOPIC, key, 5 * 1024 * 1024),
                (3, TOPIC, key, 3),
            ]
            assert "MessageSizeTooLarge" in put_aside[0]["reason"]
            assert not await release(connection, 1), "it is published"
            await connection.execute("UPDATE outbox SET headers = '{}' WHERE id = 3")
            assert await release(connection, 2) and await release(connection, 3)
            await connection.commit()
            rows = await _until_settled(connection)
    assert rows == [(True, False), (False, True), (True, False), (True, False)]
    assert await _all(kafka_url, key) == ["0", "1", "odd"]


@pytest.mark.parametrize("many", [3, 100])
async def test_what_is_sent_beside_a_message_the_broker_refuses_is_known_to_be_there(kafka_url: str, many: int) -> None:
    key = uuid.uuid4().hex
    messages = [Outgoing(TOPIC, key.encode(), str(number).encode(), {}) for number in range(many)]
    messages[1] = Outgoing(TOPIC, key.encode(), b"x" * (5 * 1024 * 1024), {})
    async with Publisher(kafka_url, "test") as publisher:
        outcomes = await publisher.try_to_send(messages)
    assert [index for index, failure in enumerate(outcomes) if failure is not None] == [1]
    assert isinstance(outcomes[1], MessageSizeTooLargeError)
    assert await _all(kafka_url, key) == [str(number) for number in range(many) if number != 1]

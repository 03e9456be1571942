"""Everything again: what lies on the topics that our services consume is delivered once more, in any order."""

import asyncio
import random
from collections.abc import Mapping
from typing import Final, NamedTuple

import psycopg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from psycopg import sql

from deploy.stack import Stack
from shared.contracts.topics import MIB, TOPICS
from tests.faults.harness import unsent
from tests.waiting import aside, until

CONSUMED: Final = {topic.name: topic for topic in TOPICS if topic.consumers}
SETTLED_S: Final = 600
_NOTES: Final = ("-suspects", "-released")  # groups that keep notes and consume nothing
# Messages to send and offsets, which every message moves.
_BOOKKEEPING: Final = ("alembic_version", "outbox", "account_state_due", "progress")
# When a row was written, and how often an account was evaluated: each message that may bring news has it done again.
_OF_THE_MOMENT: Final = ("_at", "flag_version")


class Message(NamedTuple):
    """What is delivered again, byte for byte."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


async def deliver_again(kafka_url: str, dice: random.Random) -> int:
    """Deliver every message of these topics once more, and return how many there were.

    Any one may come after any other, of the same key too, and on any partition: of a key the highest version counts.
    """
    messages = await _messages(kafka_url)
    dice.shuffle(messages)
    async with AIOKafkaProducer(bootstrap_servers=kafka_url, max_request_size=4 * MIB) as producer:
        sent = [
            await producer.send(
                message.topic,
                message.value,
                message.key,
                partition=dice.randrange(CONSUMED[message.topic].partitions),
                headers=list(message.headers),
            )
            for message in messages
        ]
        await asyncio.gather(*sent)
    return len(messages)


async def _messages(kafka_url: str) -> list[Message]:
    """Return every message that lies on the topics now, the first of each identity.

    What a service made of a message that came again has the identity of what it made at first.
    """
    partitions = _partitions()
    found: dict[tuple[str, bytes | None], Message] = {}
    async with AIOKafkaConsumer(bootstrap_servers=kafka_url, enable_auto_commit=False) as consumer:
        consumer.assign(partitions)
        await consumer.seek_to_beginning()
        ends = await consumer.end_offsets(partitions)
        for partition, end in ends.items():
            while await consumer.position(partition) < end:
                for each in (await consumer.getmany(partition, timeout_ms=200)).get(partition, []):
                    message = Message(each.topic, each.key, each.value, tuple(each.headers))
                    found.setdefault((each.topic, dict(each.headers).get("ce_id", each.value)), message)
    return list(found.values())


def settled(stack: Stack) -> None:
    """Wait until every consumer group has taken in all there is, nothing waits to be sent, and nothing more comes."""
    seen: list[Mapping[TopicPartition, int]] = []

    def quiet() -> bool:
        behind, ends = aside(_behind(stack.addresses.kafka))
        seen.append(ends)
        return behind == unsent(stack) == _due(stack) == 0 and len(seen) > 1 and seen[-2] == ends

    until(quiet, within_s=SETTLED_S)


def _due(stack: Stack) -> int:
    """Return how many accounts batch has yet to publish the state of."""
    with psycopg.connect(stack.addresses.admin_database("rebalancer")) as connection:
        ((count,),) = connection.execute("SELECT count(*) FROM batch.account_state_due").fetchall()
    return int(count)


async def _behind(kafka_url: str) -> tuple[int, Mapping[TopicPartition, int]]:
    """Return how many messages our groups have yet to take in, and the ends of all partitions.

    A group that has committed in one partition of a topic reads all of them.
    """
    partitions = _partitions()
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka_url)
    await admin.start()
    try:
        names = [name for name, _ in await admin.list_consumer_groups()]
        groups = [name for name in names if name.startswith("rebalancer-") and not name.endswith(_NOTES)]
        committed = [await admin.list_consumer_group_offsets(group) for group in groups]
    finally:
        await admin.close()
    async with AIOKafkaConsumer(bootstrap_servers=kafka_url, enable_auto_commit=False) as consumer:
        ends = await consumer.end_offsets(partitions)
    behind = 0
    for group in committed:
        topics = {at.topic for at in group}
        done = {at: max(0, kept.offset) for at, kept in group.items()}
        behind += sum(max(0, end - done.get(at, 0)) for at, end in ends.items() if at.topic in topics)
    return behind, ends


def _partitions() -> list[TopicPartition]:
    return [TopicPartition(name, number) for name, topic in CONSUMED.items() for number in range(topic.partitions)]


def state_of(stack: Stack) -> dict[str, list[str]]:
    """Return every row of the services' tables as text, by table, but for what says how a row came about."""
    with psycopg.connect(stack.addresses.admin_database("rebalancer")) as connection:
        columns = connection.execute(
            "SELECT table_schema, table_name, array_agg(column_name::text ORDER BY column_name)"
            " FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)"
            " WHERE table_type = 'BASE TABLE' AND table_schema IN ('analyzer', 'taxlot', 'batch') GROUP BY 1, 2"
        ).fetchall()
        found = {}
        for schema, table, names in columns:
            if table in _BOOKKEEPING:
                continue
            kept = [sql.Identifier(name) for name in names if not name.endswith(_OF_THE_MOMENT)]
            query = sql.SQL("SELECT ROW({})::text FROM {} ORDER BY 1").format(
                sql.SQL(", ").join(kept), sql.Identifier(schema, table)
            )
            found[f"{schema}.{table}"] = [row for (row,) in connection.execute(query)]
    return found

"""What the fault tests share: batches of the same accounts, compared figure by figure, and what lies on topics.

A batch is made of the same 500 accounts again and again; `kept` are the figures that it shows when nothing happens.
"""

import asyncio
from collections import Counter
from typing import Any, Self

import psycopg
from aiokafka import AIOKafkaConsumer, TopicPartition

from deploy.client import StackClient
from deploy.stack import Stack
from shared.contracts import topics
from shared.contracts.events import OrdersReleased
from shared.contracts.topics import Topic
from tests.waiting import aside, until

ACCOUNTS = 500
_PAGE = 1000
_REACH_S = 30
Figures = dict[str, tuple[Any, ...]]
_SHOWN = (
    "state", "market_value", "end_cash", "buys", "buys_value", "sells", "sells_value", "flats", "flats_value",
    "short_term", "long_term", "estimated", "result",
)  # fmt: skip


class Recoveries:
    """How long it took after kill -9 until a process was ready and the work in hand done: told, not asserted."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def tell(self, what: str, ready_s: float, done_s: float) -> None:
        """Keep a line: seconds from the kill."""
        self._lines.append(f"{what:<36}{ready_s:>8.1f}{done_s:>8.1f}")

    def table(self, fixed_work_s: float) -> str:
        """Return all lines, and the fixed piece of work that they are compared by."""
        head = f"\n{'kill -9: seconds until':<36}{'ready':>8}{'done':>8}"
        foot = f"ready within {_REACH_S} s is what is wanted; the fixed piece of work takes {fixed_work_s:.2f} s here"
        return "\n".join([head, *self._lines, foot])


def proposable(client: StackClient) -> list[str]:
    """Return the queue's accounts that trades can be proposed for, in order of id."""
    first = client.queue(size=_PAGE, sort="account_id")
    pages = [first, *(client.queue(size=_PAGE, sort="account_id", page=2 + n) for n in range(first["total"] // _PAGE))]
    return [row["account_id"] for page in pages for row in page["rows"] if row["state"] == "FLAGGED"]


def all_back(client: StackClient, accounts: Figures) -> list[str]:
    """Wait until all these accounts are in the queue again, as after a cancelled batch, and return their ids."""
    until(lambda: set(proposable(client)), lambda seen: accounts.keys() <= seen)
    return sorted(accounts)


def to_approve(client: StackClient, kept: Figures, many: int) -> dict[str, Any]:
    """Return a batch that can be approved, of accounts that no other test of the package wants back."""
    free = until(lambda: sorted(set(proposable(client)) - set(kept)), lambda seen: len(seen) >= many)
    batch = client.propose(free[:many])
    return until(lambda: client.batch(batch["batch_id"]), lambda seen: seen["status"] == "PENDING_APPROVAL")


def figures_after(client: StackClient, batch_id: int) -> Figures:
    """Wait until the batch can be decided, cancel it, and return what it showed by account, each account once."""
    batch = until(lambda: client.batch(batch_id), lambda seen: seen["status"] != "WORKING", within_s=150)
    assert batch["status"] == "PENDING_APPROVAL", batch
    rows = client.rows(batch_id)
    figures = {row["account_id"]: tuple(row[name] for name in _SHOWN) for row in rows}
    assert len(figures) == len(rows) == ACCOUNTS
    client.command(batch, "cancel")
    return figures


class Watch:
    """Sees at once when something is added to a topic."""

    def __init__(self, kafka_url: str, *watched: Topic) -> None:
        self._consumer = AIOKafkaConsumer(bootstrap_servers=kafka_url)
        self._partitions = {
            topic.name: [TopicPartition(topic.name, number) for number in range(topic.partitions)] for topic in watched
        }
        self._before: dict[str, int] = {}

    async def __aenter__(self) -> Self:
        await self._consumer.start()
        self._before = {name: await self._length(name) for name in self._partitions}
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._consumer.stop()

    async def _length(self, name: str) -> int:
        return sum((await self._consumer.end_offsets(self._partitions[name])).values())

    async def grown(self, topic: Topic) -> None:
        """Return as soon as the topic is longer than at the beginning."""
        async with asyncio.timeout(30):
            while await self._length(topic.name) == self._before[topic.name]:
                pass


def assert_orders_left_once(stack: Stack, batch: dict[str, Any]) -> None:
    """Assert that every approved account's orders are on the topic, each exactly once."""
    until(lambda: unsent(stack), lambda rows: rows == 0)
    orders = Counter(aside(orders_of(stack.addresses.kafka, batch["batch_id"])))
    assert len(orders) == batch["counts"]["approved"] > 0
    assert set(orders.values()) == {1}, orders


def unsent(stack: Stack) -> int:
    """Return how many messages wait in batch's outbox."""
    with psycopg.connect(stack.addresses.admin_database("rebalancer")) as connection:
        row = connection.execute("SELECT count(*) FROM batch.outbox WHERE published_at IS NULL").fetchone()
    assert row is not None
    return int(row[0])


async def orders_of(kafka_url: str, batch_id: int) -> list[tuple[str, str]]:
    """Return (account, event id) of every orders event of a batch up to now."""
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka_url, enable_auto_commit=False)
    await consumer.start()
    partitions = [TopicPartition(topics.ORDERS.name, number) for number in range(topics.ORDERS.partitions)]
    consumer.assign(partitions)
    await consumer.seek_to_beginning()
    found: list[tuple[str, str]] = []
    try:
        for partition, end in (await consumer.end_offsets(partitions)).items():
            while await consumer.position(partition) < end:
                for record in await _some(consumer, partition):
                    event = OrdersReleased.model_validate_json(record.value)
                    if event.batch_id == batch_id:
                        found.append((event.account_id, dict(record.headers)["ce_id"].decode()))
    finally:
        await consumer.stop()
    return found


async def _some(consumer: AIOKafkaConsumer, partition: TopicPartition) -> list[Any]:
    return list((await consumer.getmany(partition, timeout_ms=1000)).get(partition, []))


async def count_dead_letters(kafka_url: str) -> dict[str, int]:
    """Return how many dead letters each service has written."""
    partitions = [TopicPartition(topics.dead_letters(service).name, 0) for service in topics.SERVICES]
    async with AIOKafkaConsumer(bootstrap_servers=kafka_url, enable_auto_commit=False) as consumer:
        consumer.assign(partitions)
        return {at.topic: int(end) for at, end in (await consumer.end_offsets(partitions)).items()}

"""Kill -9 in the middle of a 500-account batch: it still reaches Pending Approval, nothing lost, nothing doubled.

Nobody does anything by hand: the supervisor starts the process again, and the services find their way.  The moment is
no matter of luck: batch is stopped (SIGSTOP) as soon as its request is on the topic, so that it can take in no answer;
the victim dies when the batch has just reached it; only then may batch go on.
"""

import asyncio
import os
import signal
import time
from collections.abc import Sequence
from typing import Any, Self

import psycopg
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from deploy.desk import Desk
from deploy.stack import Stack
from shared.contracts import topics
from shared.contracts.events import OrdersReleased
from shared.contracts.topics import Topic
from tests.faults.batches import Figures, Recoveries, all_back, figures_after, to_approve
from tests.waiting import aside, until

pytestmark = [pytest.mark.fault, pytest.mark.timeout(420)]  # the first one waits for the stack and its book

APPROVED = 50
# Who dies, and the topic on which the batch has just arrived then.
MOMENTS = [
    ("analyzer", topics.WORK_REQUEST),
    ("analyzer", topics.WORK_FACTS),
    ("taxlot", topics.WORK_FACTS),
    ("taxlot", topics.WORK_TRADES),
    ("proposer", topics.WORK_LOTS),
    ("proposer", topics.WORK_TRADES),
    ("batch", topics.WORK_RESULTS),
    ("gateway", topics.WORK_FACTS),
    ("kafka", topics.WORK_LOTS),
]


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


def status_of(stack: Stack, batch_id: int) -> str:
    """Return a batch's status from the database: the service may be stopped or dead."""
    with psycopg.connect(stack.addresses.admin_database("rebalancer")) as connection:
        row = connection.execute("SELECT status FROM batch.batch WHERE batch_id = %s", (batch_id,)).fetchone()
    assert row is not None
    return str(row[0])


async def strike(
    stack: Stack, desk: Desk, accounts: Sequence[str], victim: str, at: Topic
) -> tuple[dict[str, Any], float]:
    """Propose for the accounts, kill the victim when the batch has arrived at `at`; return the batch, and when."""
    pids = {name: stack.pid(name) for name in {victim, "batch"}}
    async with Watch(stack.addresses.kafka, topics.WORK_REQUEST, at) as watch:
        batch = await asyncio.to_thread(desk.propose, accounts)
        await watch.grown(topics.WORK_REQUEST)
        os.kill(pids["batch"], signal.SIGSTOP)
        try:
            await watch.grown(at)
            os.kill(pids[victim], signal.SIGKILL)
            struck_s = time.monotonic()
            assert status_of(stack, batch["batch_id"]) == "WORKING"
        finally:
            if victim != "batch":
                os.kill(pids["batch"], signal.SIGCONT)
    return batch, struck_s


@pytest.mark.parametrize(("victim", "at"), MOMENTS, ids=[f"{victim} at {at.name}" for victim, at in MOMENTS])
def test_the_batch_reaches_pending_approval(
    hurt_stack: Stack, desk: Desk, undisturbed: Figures, recoveries: Recoveries, victim: str, at: Topic
) -> None:
    accounts = all_back(desk, undisturbed)
    before = hurt_stack.pid(victim)
    batch, struck_s = aside(strike(hurt_stack, desk, accounts, victim, at))
    ready_s = back(hurt_stack, victim, before) - struck_s
    hurt_stack.wait_ready("batch")
    assert figures_after(desk, batch["batch_id"]) == undisturbed
    recoveries.tell(f"{victim} at {at.name}", ready_s, time.monotonic() - struck_s)
    hurt_stack.wait_ready()


def test_an_analysis_is_finished_though_the_sweeper_dies_in_it(
    hurt_stack: Stack, desk: Desk, undisturbed: Figures, recoveries: Recoveries
) -> None:
    """It dies when the first flags are out and before it could note that they are: the next one does them again."""
    all_back(desk, undisturbed)
    sweeper = hurt_stack.pid("analyzer-sweeper")
    os.kill(sweeper, signal.SIGSTOP)
    run = desk.ask("analyzer", "POST", "/v1/runs")
    with psycopg.connect(hurt_stack.addresses.admin_database("rebalancer")) as connection:
        connection.execute("LOCK TABLE analyzer.analysis_part IN SHARE MODE")
        struck_s = aside(strike_at_flags(hurt_stack, sweeper))
    ready_s = back(hurt_stack, "analyzer-sweeper", sweeper) - struck_s
    ended = until(lambda: desk.ask("analyzer", "GET", "/v1/runs/latest"), lambda seen: seen["finished_at"])
    assert (ended["run_id"], ended["accounts_done"]) == (run["run_id"], run["accounts"])
    recoveries.tell("analyzer-sweeper in an analysis", ready_s, time.monotonic() - struck_s)


async def strike_at_flags(stack: Stack, sweeper: int) -> float:
    """Let the sweeper run on and kill it when flags of it are out; return when."""
    async with Watch(stack.addresses.kafka, topics.FLAGS) as watch:
        os.kill(sweeper, signal.SIGCONT)
        await watch.grown(topics.FLAGS)
        os.kill(sweeper, signal.SIGKILL)
    return time.monotonic()


def back(stack: Stack, victim: str, before: int) -> float:
    """Wait until the process that was killed is ready again, as another one; return when."""
    until(
        lambda: stack.status(victim)[victim],
        lambda seen: seen["pid"] not in (None, before) and seen["state"] == "ready" and seen["answers"],
        within_s=150,
    )
    return time.monotonic()


def test_orders_of_an_approval_leave_once_though_batch_dies_before_it_could_send_them(
    hurt_stack: Stack, desk: Desk, undisturbed: Figures
) -> None:
    """The broker answers nobody while the approval is committed; batch dies, and the next one sends what it owed."""
    batch = to_approve(desk, undisturbed, APPROVED)
    proposed = {row["account_id"] for row in desk.rows(batch["batch_id"]) if row["state"] == "PROPOSED"}
    broker, sender = hurt_stack.pid("kafka"), hurt_stack.pid("batch")
    os.kill(broker, signal.SIGSTOP)
    try:
        approved = desk.command(batch, "approve")
        os.kill(sender, signal.SIGKILL)
    finally:
        os.kill(broker, signal.SIGCONT)
    assert approved["status"] == "APPROVED"
    hurt_stack.wait_ready()
    until(lambda: unsent(hurt_stack), lambda rows: rows == 0)
    orders = set(aside(orders_of(hurt_stack.addresses.kafka, batch["batch_id"])))
    assert sorted(account for account, _ in orders) == sorted(proposed)
    assert len({identity for _, identity in orders}) == len(orders) > 0


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

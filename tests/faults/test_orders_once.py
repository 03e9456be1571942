"""Orders leave once, whatever is away just then: the broker during an approval, the database right after it."""

import asyncio
import os
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from deploy.desk import Desk
from deploy.stack import Stack
from shared.contracts import topics
from tests.faults.batches import Figures, to_approve
from tests.faults.test_kill_in_the_middle import Watch, orders_of, unsent
from tests.waiting import aside, until

pytestmark = [pytest.mark.fault, pytest.mark.timeout(420)]
MANY = 8


def left_once(stack: Stack, batch: dict[str, Any]) -> None:
    """Assert that every approved account's orders are on the topic, each exactly once."""
    until(lambda: unsent(stack), lambda rows: rows == 0)
    orders = Counter(aside(orders_of(stack.addresses.kafka, batch["batch_id"])))
    assert len(orders) == batch["counts"]["approved"] > 0
    assert set(orders.values()) == {1}, orders


def metric(stack: Stack, name: str) -> float:
    """Return a metric of batch."""
    lines = httpx.get(f"{stack.addresses.probes('batch')}/metrics").text.splitlines()
    return float(next(line.split(" ")[1] for line in lines if line.startswith(name)))


def test_people_approve_while_the_broker_is_away(hurt_stack: Stack, desk: Desk, undisturbed: Figures) -> None:
    batch = to_approve(desk, undisturbed, MANY)
    hurt_stack.halt("kafka")
    try:
        approved = desk.command(batch, "approve")
        assert approved["status"] == "APPROVED"
        waiting = unsent(hurt_stack)
        assert waiting > MANY
        until(lambda: metric(hurt_stack, "rebalancer_outbox_pending{"), lambda rows: rows == waiting)
        age_s = metric(hurt_stack, "rebalancer_outbox_oldest_age_seconds{")
        until(lambda: metric(hurt_stack, "rebalancer_outbox_oldest_age_seconds{"), lambda now_s: now_s > age_s + 5)
        for name in ("batch", "gateway"):
            probes = hurt_stack.addresses.probes(name)
            ready = httpx.get(f"{probes}/readyz")
            assert (ready.status_code, ready.json()["ready"]) == (200, True), ready.text
            assert httpx.get(f"{probes}/healthz").status_code == 200
        assert desk.tiles()["total"] > 0
    finally:
        hurt_stack.resume("kafka")
    hurt_stack.wait_ready()
    left_once(hurt_stack, approved)


@contextmanager
def database_dies_when_orders_come(stack: Stack) -> Iterator[None]:
    """End every session of the database, as a crash does, as soon as the first order is on its topic."""
    database, listening = stack.pid("postgres"), threading.Event()

    async def strike() -> None:
        async with Watch(stack.addresses.kafka, topics.ORDERS) as watch:
            listening.set()
            await watch.grown(topics.ORDERS)
            os.kill(database, signal.SIGQUIT)

    striking = threading.Thread(target=lambda: asyncio.run(strike()))
    striking.start()
    listening.wait()
    yield
    striking.join()


def test_a_database_that_dies_while_orders_leave_sends_none_twice(
    hurt_stack: Stack, desk: Desk, undisturbed: Figures
) -> None:
    batch = to_approve(desk, undisturbed, MANY)
    before = hurt_stack.pid("postgres")
    with database_dies_when_orders_come(hurt_stack):
        approved = desk.command(batch, "approve")
    assert approved["status"] == "APPROVED"
    until(lambda: hurt_stack.status()["postgres"]["pid"], lambda now: now not in (None, before))
    hurt_stack.wait_ready()
    left_once(hurt_stack, approved)

"""Orders leave once, whatever is away just then: the broker during an approval, the database right after it."""

import asyncio
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from deploy.client import StackClient
from deploy.stack import Stack
from shared.contracts import topics
from tests.faults.harness import Figures, Watch, assert_orders_left_once, to_approve, unsent
from tests.waiting import until

pytestmark = [pytest.mark.fault, pytest.mark.timeout(420)]
MANY = 8


def metric(stack: Stack, name: str) -> float:
    """Return a metric of batch."""
    lines = httpx.get(f"{stack.addresses.probes('batch')}/metrics").text.splitlines()
    return float(next(line.split(" ")[1] for line in lines if line.startswith(name)))


def test_people_approve_while_the_broker_is_away(hurt_stack: Stack, client: StackClient, undisturbed: Figures) -> None:
    batch = to_approve(client, undisturbed, MANY)
    hurt_stack.halt("kafka")
    try:
        approved = client.command(batch, "approve")
        assert approved["status"] == "APPROVED"
        assert unsent(hurt_stack) > MANY
        # States of accounts follow the approval, so more may come while the metric is read.
        until(
            lambda: (metric(hurt_stack, "rebalancer_outbox_pending{"), unsent(hurt_stack)),
            lambda rows: rows[0] == rows[1],
        )
        age_s = metric(hurt_stack, "rebalancer_outbox_oldest_age_seconds{")
        until(lambda: metric(hurt_stack, "rebalancer_outbox_oldest_age_seconds{"), lambda now_s: now_s > age_s + 5)
        for name in ("batch", "gateway"):
            probes = hurt_stack.addresses.probes(name)
            ready = httpx.get(f"{probes}/readyz")
            assert (ready.status_code, ready.json()["ready"]) == (200, True), ready.text
            assert httpx.get(f"{probes}/healthz").status_code == 200
        for name in ("taxlot", "analyzer"):
            ready = httpx.get(f"{hurt_stack.addresses.probes(name)}/readyz/api")
            assert (ready.status_code, ready.json()["ready"]) == (200, True), ready.text
        assert client.tiles()["total"] > 0
    finally:
        hurt_stack.resume("kafka")
    hurt_stack.wait_ready()
    assert_orders_left_once(hurt_stack, approved)


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
    hurt_stack: Stack, client: StackClient, undisturbed: Figures
) -> None:
    batch = to_approve(client, undisturbed, MANY)
    before = hurt_stack.pid("postgres")
    with database_dies_when_orders_come(hurt_stack):
        approved = client.command(batch, "approve")
    assert approved["status"] == "APPROVED"
    until(lambda: hurt_stack.status()["postgres"]["pid"], lambda now: now not in (None, before))
    hurt_stack.wait_ready()
    assert_orders_left_once(hurt_stack, approved)

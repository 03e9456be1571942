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
from typing import Any

import psycopg
import pytest

from deploy.client import StackClient
from deploy.stack import Stack
from shared.contracts import topics
from shared.contracts.topics import Topic
from tests.faults.harness import (
    Figures,
    Recoveries,
    Watch,
    all_back,
    figures_after,
    orders_of,
    to_approve,
    unsent,
)
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


def status_of(stack: Stack, batch_id: int) -> str:
    """Return a batch's status from the database: the service may be stopped or dead."""
    with psycopg.connect(stack.addresses.admin_database("rebalancer")) as connection:
        row = connection.execute("SELECT status FROM batch.batch WHERE batch_id = %s", (batch_id,)).fetchone()
    assert row is not None
    return str(row[0])


async def strike(
    stack: Stack, client: StackClient, accounts: Sequence[str], victim: str, at: Topic
) -> tuple[dict[str, Any], float]:
    """Propose for the accounts, kill the victim when the batch has arrived at `at`; return the batch, and when."""
    pids = {name: stack.pid(name) for name in {victim, "batch"}}
    async with Watch(stack.addresses.kafka, topics.WORK_REQUEST, at) as watch:
        batch = await asyncio.to_thread(client.propose, accounts)
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
    hurt_stack: Stack, client: StackClient, undisturbed: Figures, recoveries: Recoveries, victim: str, at: Topic
) -> None:
    accounts = all_back(client, undisturbed)
    before = hurt_stack.pid(victim)
    batch, struck_s = aside(strike(hurt_stack, client, accounts, victim, at))
    ready_s = back(hurt_stack, victim, before) - struck_s
    hurt_stack.wait_ready("batch")
    assert figures_after(client, batch["batch_id"]) == undisturbed
    recoveries.tell(f"{victim} at {at.name}", ready_s, time.monotonic() - struck_s)
    hurt_stack.wait_ready()


def test_an_analysis_is_finished_though_the_sweeper_dies_in_it(
    hurt_stack: Stack, client: StackClient, undisturbed: Figures, recoveries: Recoveries
) -> None:
    """It dies when the first flags are out and before it could note that they are: the next one does them again."""
    all_back(client, undisturbed)
    sweeper = hurt_stack.pid("analyzer-sweeper")
    os.kill(sweeper, signal.SIGSTOP)
    run = client.ask("analyzer", "POST", "/v1/runs")
    with psycopg.connect(hurt_stack.addresses.admin_database("rebalancer")) as connection:
        connection.execute("LOCK TABLE analyzer.analysis_part IN SHARE MODE")
        struck_s = aside(strike_at_flags(hurt_stack, sweeper))
    ready_s = back(hurt_stack, "analyzer-sweeper", sweeper) - struck_s
    ended = until(lambda: client.ask("analyzer", "GET", "/v1/runs/latest"), lambda seen: seen["finished_at"])
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
    hurt_stack: Stack, client: StackClient, undisturbed: Figures
) -> None:
    """The broker answers nobody while the approval is committed; batch dies, and the next one sends what it owed."""
    batch = to_approve(client, undisturbed, APPROVED)
    proposed = {row["account_id"] for row in client.rows(batch["batch_id"]) if row["state"] == "PROPOSED"}
    broker, sender = hurt_stack.pid("kafka"), hurt_stack.pid("batch")
    os.kill(broker, signal.SIGSTOP)
    try:
        approved = client.command(batch, "approve")
        os.kill(sender, signal.SIGKILL)
    finally:
        os.kill(broker, signal.SIGCONT)
    assert approved["status"] == "APPROVED"
    hurt_stack.wait_ready()
    until(lambda: unsent(hurt_stack), lambda rows: rows == 0)
    orders = set(aside(orders_of(hurt_stack.addresses.kafka, batch["batch_id"])))
    assert sorted(account for account, _ in orders) == sorted(proposed)
    assert len({identity for _, identity in orders}) == len(orders) > 0

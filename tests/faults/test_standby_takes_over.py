"""The database's leading server dies for good, under load; its standby takes over, and nobody else does anything.

The standby is synchronous: what was answered is on both.  So that this shows, it is kept from receiving just before
the leader dies: what is decided then is not answered, until the standby leads and the same commands are sent again.
"""

import asyncio
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from deploy.client import Refused, StackClient
from deploy.stack import Stack, standby
from deploy.stack.postgres import FIRST, STANDBY
from shared.contracts import topics
from shared.postgres.commits import CommitUnknown
from shared.postgres.engines import transaction_of
from shared.postgres.pool import REQUESTS, arguments, sqlalchemy_url
from tests.faults import card
from tests.faults.card import Outcome
from tests.faults.conftest import SERVICES
from tests.faults.harness import (
    Figures,
    Watch,
    all_back,
    assert_orders_left_once,
    count_dead_letters,
    figures_after,
    to_approve,
)
from tests.waiting import aside, until

pytestmark = [pytest.mark.fault, pytest.mark.timeout(420)]
BATCHES, EACH = 6, 6
WITH_DATABASE = {"rebalancer-analyzer", "rebalancer-taxlot", "rebalancer-batch", "rebalancer-batch-relay"}


def test_nothing_answered_is_lost_when_the_leader_dies_and_the_standby_takes_over(
    hurt_stack: Stack, client: StackClient, undisturbed: Figures
) -> None:
    accounts = all_back(client, undisturbed)
    before = aside(count_dead_letters(hurt_stack.addresses.kafka))
    standby.follow(hurt_stack, STANDBY, FIRST)
    batches = [to_approve(client, undisturbed, EACH) for _ in range(BATCHES)]
    with ThreadPoolExecutor(BATCHES) as people:
        # The proposer is stopped until the leader is dead: what it answers meets no database.
        with stopped(hurt_stack.pid("proposer")):
            working = aside(under_way(hurt_stack, client, accounts))
            approved = list(people.map(lambda batch: client.command(batch, "approve"), batches[::2]))
            until(lambda: behind(hurt_stack), lambda batches: batches == 0)
            with stopped(receiver(hurt_stack)):
                rest = [people.submit(insist, client, batch) for batch in batches[1::2]]
                until(lambda: unanswered(hurt_stack), lambda waiting: waiting == len(rest))
                patient = people.submit(asyncio.run, commit_with_short_statements(hurt_stack))
                until(lambda: waits_beyond_its_limit(hurt_stack))
                hurt_stack.halt(FIRST, signum=signal.SIGKILL)
        assert not any(approval.done() for approval in rest)
        with pytest.raises(CommitUnknown):
            patient.result()
        standby.take_over(hurt_stack, STANDBY, FIRST)
        approved += [approval.result() for approval in rest]
    assert figures_after(client, working["batch_id"]) == undisturbed
    hurt_stack.wait_ready("kafka", *SERVICES)
    for approval in approved:
        assert client.batch(approval["batch_id"])["status"] == approval["status"] == "APPROVED"
        assert_orders_left_once(hurt_stack, approval)
    assert aside(count_dead_letters(hurt_stack.addresses.kafka)) == before
    card.keep(Outcome("F3", 1))
    assert sessions(hurt_stack, STANDBY) >= WITH_DATABASE

    # And back, this time on purpose: the one that leads ends in order, and everything goes on.
    standby.follow(hurt_stack, FIRST, STANDBY)
    batch = to_approve(client, undisturbed, EACH)
    hurt_stack.halt(STANDBY)
    standby.take_over(hurt_stack, FIRST, STANDBY)
    assert_orders_left_once(hurt_stack, insist(client, batch))
    hurt_stack.wait_ready()
    assert aside(count_dead_letters(hurt_stack.addresses.kafka)) == before


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """Keep a process from running."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


async def under_way(stack: Stack, client: StackClient, accounts: list[str]) -> dict[str, Any]:
    """Propose for the accounts and return the batch when analyzer and taxlot have done their part of its beginning."""
    async with Watch(stack.addresses.kafka, topics.WORK_LOTS) as watch:
        batch = await asyncio.to_thread(client.propose, accounts)
        await watch.grown(topics.WORK_LOTS)
    return batch


def insist(client: StackClient, batch: dict[str, Any]) -> dict[str, Any]:
    """Approve as a careful client does: 503 is no answer, the same request under the same key is."""

    def once() -> dict[str, Any] | None:
        try:
            return client.command(batch, "approve", key=f"failover-{batch['batch_id']}")
        except Refused as refused:
            assert refused.status == 503, refused
            return None

    approved = until(once)
    assert approved is not None
    return approved


async def commit_with_short_statements(stack: Stack) -> None:
    """Commit something as batch does, in a session that gives up each statement after a second."""
    session = arguments("batch", replace(REQUESTS, statement_s=1), "patient")
    engine = create_async_engine(sqlalchemy_url(stack.database_url("batch")), connect_args=session)
    try:
        async with transaction_of(engine) as connection:
            await connection.execute(text("CREATE TEMP TABLE something (of_mine int) ON COMMIT DROP"))
    finally:
        await engine.dispose()


def waits_beyond_its_limit(stack: Stack) -> bool:
    """Say whether that COMMIT waits for the standby, twice as long as a statement of its session may take."""
    long = (
        "SELECT 1 FROM pg_stat_activity WHERE application_name = 'rebalancer-patient' AND wait_event = 'SyncRep'"
        " AND clock_timestamp() - query_start > interval '2 seconds'"
    )
    return bool(ask(stack, FIRST, long))


def receiver(stack: Stack) -> int:
    """Return the process of the standby that receives what the leader writes."""
    ((pid,),) = ask(stack, STANDBY, "SELECT pid FROM pg_stat_wal_receiver")
    return int(pid)


def unanswered(stack: Stack) -> int:
    """Return how many approvals wait: the first at COMMIT for the standby, the others for their turn (wash sales)."""
    waiting = (
        "SELECT count(*) FROM pg_stat_activity WHERE usename = 'batch_requests' AND state = 'active'"
        " AND (query = 'COMMIT' OR query LIKE '%wash_turns%') AND wait_event IS NOT NULL"
    )
    ((count,),) = ask(stack, FIRST, waiting)
    return int(count)


def behind(stack: Stack) -> int:
    """Return how many batches have yet to be checked for wash sales since the newest approval."""
    waiting = (
        "SELECT count(*) FROM batch.batch b WHERE status = 'PENDING_APPROVAL' AND wash_seen IS DISTINCT FROM"
        " (SELECT coalesce(sum(turn), 0) FROM batch.wash_turn t WHERE t.enterprise_id = ANY (b.enterprise_ids))"
    )
    with psycopg.connect(stack.addresses.admin_database("rebalancer")) as connection:
        row = connection.execute(waiting.encode()).fetchone()
    assert row is not None
    return int(row[0])


def sessions(stack: Stack, server: str) -> set[str]:
    """Return by what names the services are connected to a server."""
    return {name for (name,) in ask(stack, server, "SELECT DISTINCT application_name FROM pg_stat_activity")}


def ask(stack: Stack, server: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(stack.addresses.server(server)) as connection:
        return connection.execute(query.encode()).fetchall()

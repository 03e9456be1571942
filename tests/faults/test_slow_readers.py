"""Clients read slowly or not at all: whoever reads is served as before, and memory stays bounded.

At the gateway the slow ones are cut off; a subscriber of our topics may take as long as it likes.
"""

import os
import signal
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import httpx
import pytest
from aiokafka.admin import AIOKafkaAdminClient

from deploy.stack import Stack
from deploy.stack.layout import CHECKOUT
from services.gateway.push.hub import STREAMS_PER_SESSION
from shared.contracts import topics
from shared.contracts.events import BatchChanged
from shared.kafka.messages import event
from shared.kafka.publisher import Publisher
from tests.faults import card
from tests.faults.card import Outcome
from tests.faults.load import Load, orders_on_topic, reconcile
from tests.faults.readers import STREAM, PromptReader, SlowReader
from tests.sign_in import signed_in
from tests.waiting import aside, until

pytestmark = [
    pytest.mark.fault, pytest.mark.slow, pytest.mark.timeout(card.trials(600, 3600), func_only=True),
]  # fmt: skip
LITTLE_PATIENCE = {"REBALANCER_ANSWER_PIECE_S": "2", "REBALANCER_HEARTBEAT_S": "1"}
SESSIONS = card.trials(2, 10)
STREAMS = SESSIONS * STREAMS_PER_SESSION
DOWNLOADS = card.trials(10, 100)
MOST_GROUPS, GROUP = 400, 100
ASKED = 40
MOST_BYTES = 64 * 2**20
FIRST_BATCH = 1_000_000_000  # no batch of the load has such a number
OPEN, CONNECTIONS = "rebalancer_push_streams ", "rebalancer_connections "
UNREAD = 'rebalancer_connections_cut_total{reason="unread"}'
ORDERS = "%orders%"
SUBSCRIBER = CHECKOUT / "examples" / "subscribers" / "python" / "subscriber.py"


def test_slow_readers_of_the_gateway_are_cut_off(system: Stack) -> None:
    """Of the downloads every second is read a byte at a time; all else of the slow ones is not read at all."""
    system.restart("gateway", env=LITTLE_PATIENCE)
    system.wait_ready()
    with ExitStack() as ends:
        prompt, *others = [ends.enter_context(signed_in(system)) for _ in range(1 + SESSIONS)]
        reader = ends.enter_context(PromptReader(prompt))
        until(lambda: metric(system, OPEN), lambda count: count == 1)
        undisturbed_s, before_bytes, connections = page_s(prompt), resident_bytes(system), metric(system, CONNECTIONS)
        for browser in others * STREAMS_PER_SESSION:
            ends.enter_context(SlowReader(browser, STREAM))
        until(lambda: metric(system, OPEN), lambda count: count == 1 + STREAMS)
        downloads = [ends.enter_context(SlowReader(others[0], largest(), times=4)) for _ in range(DOWNLOADS)]
        changed = change_batches(system, reader)
        disturbed_s, more_bytes = page_s(prompt, downloads[::2]), resident_bytes(system) - before_bytes
        until(lambda: metric(system, CONNECTIONS), lambda count: count <= connections)
        assert metric(system, UNREAD) >= DOWNLOADS
    system.restart("gateway")
    system.wait_ready()
    more = f"{disturbed_s / undisturbed_s:.2f} of undisturbed, memory of the gateway {more_bytes / 2**20:+.1f} MiB"
    print(f"\na page while {STREAMS + DOWNLOADS} clients read slowly: {more}")
    assert more_bytes < MOST_BYTES
    card.keep(Outcome("F12", STREAMS + DOWNLOADS, lost=len(changed - reader.seen)))


def test_a_subscriber_that_stops_reading_has_every_order_later(system: Stack, tmp_path: Path) -> None:
    database = tmp_path / "kept"
    env = os.environ | {"KAFKA_URL": system.addresses.kafka, "DATABASE": str(database), "GROUP": "slow"}
    with (tmp_path / "log").open("wb") as log:
        subscriber = subprocess.Popen([sys.executable, str(SUBSCRIBER)], env=env, stdout=log, stderr=log)
    try:
        with Load(system, card.SEED) as load:
            until(lambda: kept(database, "%"))
            subscriber.send_signal(signal.SIGSTOP)
            for _ in range(card.trials(1, 20)):
                load.one_more()
            # So long that the broker has given up on it.
            until(lambda: aside(_members(system.addresses.kafka, "slow")), lambda members: members == 0)
            subscriber.send_signal(signal.SIGCONT)
        found = reconcile(system, load.ledger)
        expected = {identity for ids in aside(orders_on_topic(system.addresses.kafka)).values() for identity in ids}
        until(lambda: kept(database, ORDERS), lambda ids: set(ids) >= expected, within_s=300)
    finally:
        subscriber.kill()
        subscriber.wait()
    ids = kept(database, ORDERS)
    card.keep(Outcome("F12", 1, found.lost, found.doubled + len(ids) - len(set(ids))))


def kept(database: Path, kind: str) -> list[str]:
    """Return the ids of the events of this type (as of LIKE) that the subscriber acted on."""
    try:
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
            return [row[0] for row in connection.execute("SELECT id FROM effect WHERE type LIKE ?", (kind,))]
    except sqlite3.OperationalError:  # it has not made its tables, or is just writing
        return []


def change_batches(stack: Stack, reader: PromptReader) -> set[str]:
    """Tell of batches until the reader's stream alone is left, and return their ids.

    The next ones follow when the reader has seen the former ones; what the slow ones leave unread fills their queues.
    """
    for first in range(FIRST_BATCH, FIRST_BATCH + MOST_GROUPS * GROUP, GROUP):
        group = {str(number) for number in range(first, first + GROUP)}
        aside(_publish(stack.addresses.kafka, group))
        until(partial(reader.seen.issuperset, group))
        if metric(stack, OPEN) == 1:
            return {str(number) for number in range(FIRST_BATCH, first + GROUP)}
    raise AssertionError("streams that nobody reads are not ended")


async def _members(kafka_url: str, group: str) -> int:
    """Return how many consumers the broker counts in a group."""
    client = AIOKafkaAdminClient(bootstrap_servers=kafka_url)
    await client.start()
    try:
        (described,) = await client.describe_consumer_groups([group])
        return len(described.to_object()["groups"][0]["members"])
    finally:
        await client.close()


async def _publish(kafka_url: str, batch_ids: Iterable[str]) -> None:
    at = datetime(2026, 6, 12, 14, tzinfo=UTC)
    async with Publisher(kafka_url, "batch") as publisher:
        await publisher.send(
            event(
                topics.BATCH, batch_id, BatchChanged(
                    batch_id=int(batch_id), enterprise_id="E1", enterprise_ids=["E1"], version=1, status="WORKING",
                    logic="BEST_FIT", accounts=1, working=1, proposed=0, failed=0, removed=0, requested_by="kim",
                    trade_date=at.date(),
                ), event_id=f"slow-{batch_id}", source="/rebalancer/batch/slow", at=at, enterprises=["E1"],
            ) for batch_id in batch_ids
        )  # fmt: skip


def page_s(browser: httpx.Client, dripping: Iterable[SlowReader] = ()) -> float:
    """Return the median time of a page in seconds, while others read a byte after each."""
    took_s = []
    for _ in range(ASKED):
        began_s = time.monotonic()
        browser.get("/api/v1/queue/tiles").raise_for_status()
        took_s.append(time.monotonic() - began_s)
        for slow in dripping:
            slow.read_a_byte()
    return statistics.median(took_s)


def largest() -> str:
    """Return the path of the largest file that the gateway serves."""
    dist = CHECKOUT / "ui" / "dist"
    file = max((file for file in dist.rglob("*") if file.is_file()), key=lambda each: each.stat().st_size)
    return f"/{file.relative_to(dist)}"


def metric(stack: Stack, start: str) -> float:
    """Return the gateway's metric whose line begins like this, 0 if there is none."""
    lines = httpx.get(f"{stack.addresses.probes('gateway')}/metrics").text.splitlines()
    return next((float(line.rpartition(" ")[2]) for line in lines if line.startswith(start)), 0.0)


def resident_bytes(stack: Stack) -> int:
    """Return how much memory the gateway has."""
    status = Path(f"/proc/{stack.pid('gateway')}/status").read_text()
    return 1024 * int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")))

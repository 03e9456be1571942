"""The database is restored to an earlier moment while people work: what docs/restore.md says is done, word by word.

What was acknowledged before that moment is there; what is published afterwards has ids of its own, so that a subscriber
acts on it once and on nothing twice; our own services come to agree again.
"""

import json
import os
import re
import sqlite3
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest
from aiokafka import AIOKafkaConsumer

from deploy.client import StackClient
from deploy.stack import Stack, backups
from deploy.stack.layout import CHECKOUT
from deploy.subscriber_demo import SUBSCRIBER
from services.auditor.domain.invariants import Invariant
from services.auditor.operations.kept_heads import KeptHeads
from services.auditor.operations.order_stream import OrderStream
from services.auditor.operations.passes import GROUPS, Passes
from services.auditor.settings import Settings
from shared.contracts import topics
from shared.contracts.platform import AccountChanged
from shared.contracts.topics import Topic
from shared.kafka import messages
from shared.kafka.lag import LagWatch
from shared.kafka.partitions import partitions_of
from shared.kafka.publisher import Publisher
from shared.runtime.clock import FileClock
from tests.faults import card
from tests.faults.card import Outcome
from tests.faults.harness import unsent
from tests.faults.load import EACH, PATIENCE_S, Decided, Found, Load, orders_on_topic, propose_for, reconcile
from tests.waiting import aside, until, until_async

pytestmark = [pytest.mark.fault, pytest.mark.timeout(card.trials(900, 8 * 3600), func_only=True)]
PAGE = CHECKOUT / "docs" / "restore.md"
TRIALS = card.trials(1, 20)
NEW_NAMES, READ_ON, SEND_AGAIN, IS_OVER = "**3. ", "**4. ", "**6. ", "## How to tell it is over"
"""How the parts of the page begin that have commands."""
SINCE = timedelta(minutes=10)
STATES = (topics.ACCOUNT_FLAG, topics.ACCOUNT_STATE, topics.BATCH)
FACTS = (topics.ORDERS, topics.ANALYSIS, topics.FILES)
_INCARNATION = re.compile(r"come from (\S+) from now on")


Broken = tuple[Invariant, str]
"""An invariant, and the subject of a difference from it."""


class PublicEvent(NamedTuple):
    """What tells events apart, and the version of a state."""

    type: str
    key: str
    source: str
    id: str
    version: int


def test_what_is_published_after_a_restore_is_acted_on_once(
    hurt_stack: Stack, client: StackClient, tmp_path: Path
) -> None:
    lost = doubled = 0
    recoveries_s = []
    try:
        for trial in range(TRIALS):
            database = tmp_path / f"{trial}.db"
            with subscriber(hurt_stack, database):
                found, recovery_s = restored_under_load(hurt_stack, client, card.SEED + trial)
                until(lambda: not_acted_on(hurt_stack, database), lambda left: not left, PATIENCE_S)  # noqa: B023  # it ends here
            lost, doubled = lost + found.lost, doubled + found.doubled + acted_twice(database)
            recoveries_s.append(recovery_s)
    finally:
        backups.end_archive(hurt_stack)
    card.keep(Outcome("F18", TRIALS, lost, doubled, recoveries_s=tuple(recoveries_s)))


def restored_under_load(stack: Stack, client: StackClient, seed: int) -> tuple[Found, float]:
    """Take a backup under load, go on, restore, go on; return what was lost or doubled, and seconds to recover."""
    differed = aside(audited(stack, None, lambda _found: True))
    with Load(stack, seed) as load:
        backups.take(stack)
        load.one_more()
        kept = [*load.ledger, approved(client)]
        at = datetime.now(UTC)
        renamed = rename_an_account(stack)
        forgotten = approved(client)
        until(lambda: version_of(stack, renamed.account_id), lambda seen: seen == renamed.version, PATIENCE_S)
    until(lambda: unsent(stack), lambda rows: rows == 0, PATIENCE_S)
    before = aside(orders_on_topic(stack.addresses.kafka))
    known = {(batch.batch_id, account) for batch in kept for account in batch.proposed}
    gone = {identity for order, ids in before.items() if order not in known for identity in ids}

    began_s = time.monotonic()
    backups.restore(stack, at)
    assert version_of(stack, renamed.account_id) < renamed.version, "the database has forgotten it"
    sources = set(_INCARNATION.findall(do(stack, NEW_NAMES, at)))
    do(stack, READ_ON, at)
    stack.resume(*stack.services)
    stack.wait_ready()
    do(stack, SEND_AGAIN, at)
    with Load(stack, seed + TRIALS) as load:
        load.one_more()
        recovery_s = time.monotonic() - began_s
        added = approved(client)
    until(lambda: version_of(stack, renamed.account_id), lambda seen: seen == renamed.version, PATIENCE_S)

    found = reconcile(stack, [*kept, *load.ledger, added], without=gone)
    sent = {identity for ids in before.values() for identity in ids}
    fresh = {event for event in aside(events_of(stack, topics.ORDERS)) if event.id not in sent}
    assert fresh and {event.source for event in fresh} <= sources
    is_named = (Invariant.ORDERS_PUBLISHED, f"batch {forgotten.batch_id}")
    aside(audited(stack, None, lambda found: is_named in found))
    looked_at = FileClock(stack.layout.clock_file).now()
    aside(audited(stack, looked_at, lambda found: found <= differed))
    do(stack, IS_OVER, at)
    return found, recovery_s


def approved(client: StackClient) -> Decided:
    """Approve a batch of three accounts, with a label as the load gives it."""
    label = f"load {uuid.uuid4().hex[:8]}"
    batch = propose_for(client, EACH, label)
    batch = until(lambda: client.batch(batch["batch_id"]), lambda seen: seen["status"] != "WORKING", PATIENCE_S)
    proposed = tuple(row["account_id"] for row in client.rows(batch["batch_id"]) if row["state"] == "PROPOSED")
    done = client.command(batch, "approve")
    return Decided(label, batch["batch_id"], done["status"], proposed)


def do(stack: Stack, step: str, at: datetime) -> str:
    """Give the commands of a step of the page, all at once as the page allows; return what they print."""
    text = PAGE.read_text()
    block = re.search(rf"^{re.escape(step)}.*?^```\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert block, step
    commands = block[1].splitlines()
    with ThreadPoolExecutor(len(commands)) as threads:
        return "".join(threads.map(lambda command: give(stack, command, at), commands))


def give(stack: Stack, command: str, at: datetime) -> str:
    """Give a command with the environment of its service; return what it prints."""
    service = re.match(r"python -m services\.(\w+) ", command)
    assert service, command
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    env = {**stack.env_of(service[1]), "SINCE": (at - SINCE).isoformat(), "PATH": path}
    done = subprocess.run(["bash", "-c", command], cwd=CHECKOUT, env=env, capture_output=True, text=True, check=False)
    is_none = done.returncode == 1 and "the store holds none such" in done.stderr
    assert done.returncode == 0 or is_none, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


def rename_an_account(stack: Stack) -> AccountChanged:
    """Have the platform give an account another name, and return the event."""
    return aside(_renamed(stack.addresses.kafka))


async def _renamed(kafka_url: str) -> AccountChanged:
    newest: dict[str, AccountChanged] = {}
    for record in await records_of(kafka_url, topics.ACCOUNT):
        account = AccountChanged.model_validate_json(record.value)
        newest[account.account_id] = account
    account = newest[min(newest)]
    changed = account.model_copy(update={"version": account.version + 1, "name": f"{account.name[:20]} renamed"})
    async with Publisher(kafka_url, "platform") as publisher:
        named = f"{changed.account_id} {changed.version}"
        event = messages.event(
            topics.ACCOUNT, changed.account_id, changed, event_id=named, source="platform", at=datetime.now(UTC)
        )
        await publisher.send([event])
    return changed


def version_of(stack: Stack, account_id: str) -> int:
    """Return what version of an account batch has."""
    with psycopg.connect(stack.addresses.admin_database("rebalancer")) as connection:
        row = connection.execute("SELECT version FROM batch.account WHERE account_id = %s", [account_id]).fetchone()
    assert row is not None
    return int(row[0])


@contextmanager
def subscriber(stack: Stack, database: Path) -> Iterator[None]:
    """Run the example subscriber, a group and a database of its own."""
    env = {"KAFKA_URL": stack.addresses.kafka, "DATABASE": str(database), "GROUP": f"restore-{uuid.uuid4().hex[:8]}"}
    command = [sys.executable, str(SUBSCRIBER)]
    with subprocess.Popen(command, env={**os.environ, **env}, stdout=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.terminate()


def not_acted_on(stack: Stack, database: Path) -> list[PublicEvent]:
    """Return the events that the subscriber has still to act on: each fact, and the newest state of each key."""
    with closing(sqlite3.connect(database)) as connection:
        acted = set(connection.execute("SELECT source, id FROM effect"))
        states = {(kind, key): (source, version) for kind, key, source, version in connection.execute(
            "SELECT type, key, source, version FROM state"
        )}  # fmt: skip
    facts = [event for topic in FACTS for event in aside(events_of(stack, topic))]
    left = [event for event in facts if (event.source, event.id) not in acted]
    for topic in STATES:
        newest: dict[str, PublicEvent] = {}
        for event in aside(events_of(stack, topic)):
            before = newest.get(event.key)
            if before is None or before.source != event.source or before.version <= event.version:
                newest[event.key] = event
        left += [
            event for event in newest.values() if states.get((event.type, event.key)) != (event.source, event.version)
        ]
    return left


def acted_twice(database: Path) -> int:
    """Return how often the subscriber acted on an event again, or sent an order to market again."""
    with closing(sqlite3.connect(database)) as connection:
        effects = connection.execute("SELECT source, id, type, value FROM effect").fetchall()
    events = Counter((source, identity) for source, identity, _, _ in effects)
    orders = Counter(
        order["idempotency_key"]
        for _, _, kind, value in effects
        if kind == topics.ORDERS.name
        for order in json.loads(value)["orders"]
    )
    return sum(count - 1 for counts in (events, orders) for count in counts.values())


async def audited(stack: Stack, orders_from: datetime | None, holds: Callable[[set[Broken]], bool]) -> set[Broken]:
    """Make passes of the auditor, one without patience, until what is broken is as it should be; return it."""
    clock, kafka_url = FileClock(stack.layout.clock_file), stack.addresses.kafka
    settings = Settings(
        kafka_url=kafka_url, http_port=1, database_url=stack.database_url("auditor"), audit_patience_s=0
    )
    stream = OrderStream(kafka_url, clock, decided_from=orders_from)
    heads = KeptHeads(kafka_url, clock, seen_from=orders_from)
    passes = Passes(settings, clock, stream, heads, LagWatch(kafka_url, GROUPS))

    async def broken() -> set[Broken]:
        await passes.look()
        await passes.look()
        return {(difference.invariant, difference.subject) for difference in passes.broken()}

    try:
        return await until_async(broken, holds, PATIENCE_S)
    finally:
        await passes.close()


async def events_of(stack: Stack, topic: Topic) -> list[PublicEvent]:
    """Return the events of a public topic up to now, each partition in order."""
    found = []
    for record in await records_of(stack.addresses.kafka, topic):
        headers = {name: value.decode() for name, value in record.headers}
        version = json.loads(record.value).get("version", 0)
        found.append(
            PublicEvent(headers["ce_type"], record.key.decode(), headers["ce_source"], headers["ce_id"], version)
        )
    return found


async def records_of(kafka_url: str, topic: Topic) -> list[Any]:
    """Return what lies on a topic up to now, each partition in order."""
    found = []
    async with AIOKafkaConsumer(bootstrap_servers=kafka_url, enable_auto_commit=False) as consumer:
        partitions = await partitions_of(consumer, [topic.name])
        consumer.assign(partitions)
        await consumer.seek_to_beginning()
        for partition, end in (await consumer.end_offsets(partitions)).items():
            while await consumer.position(partition) < end:
                found += (await consumer.getmany(partition, timeout_ms=1000)).get(partition, [])
    return found

"""The harness of taxlot's tests: a database of the test's own, a running worker, and what it sends and reads."""

import asyncio
import subprocess
import sys
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
from aiokafka import AIOKafkaConsumer, TopicPartition
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from deploy.stack.layout import CHECKOUT
from services.taxlot.domain.sender import FEED, Sender
from services.taxlot.intake.load import Criteria, LoadOutcome, OnEntry, connected, ignore_entry, load
from services.taxlot.mapping.in_force import MappingsInForce
from services.taxlot.settings import enterprises_by_feed
from services.taxlot.store.ledger import Arrival
from services.taxlot.store.platform import save_approved
from shared.contracts import codec, topics
from shared.contracts.platform import AccountChanged, SecurityChanged
from shared.contracts.principal import Principal
from shared.contracts.tenancy import ENTER, READ_KEY, Scope, sealed
from shared.contracts.topics import Topic
from shared.kafka import messages
from shared.kafka.messages import Outgoing
from shared.kafka.publisher import Publisher
from shared.postgres.pool import REQUESTS, arguments
from shared.runtime.clock import FileClock
from tests.signing import SignedAs, somebody
from tests.taxlot.files import File
from tests.waiting import aside

TODAY = date(2026, 6, 12)
NOW = datetime(2026, 6, 12, 14, tzinfo=UTC)


@dataclass
class Book:
    """A migrated database with accounts and securities, and the intake on it."""

    url: str
    requests_url: str
    folder: Path

    def add_accounts(
        self,
        numbers: Sequence[str],
        custodian: str = "NORTH",
        apm: str = "APM",
        household: str | None = None,
        taxable: bool = True,
        owner: tuple[str, str] = ("E1", "V1"),
        prefix: str = "A",
    ) -> None:
        """Accounts whose id is A (or another prefix) and their number."""
        with connected(self.url) as connection, connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO account VALUES (%s, 1, %s, %s, %s, %s, %s, %s, %s)",
                [(f"{prefix}{number}", *owner, custodian, number, apm, household, taxable) for number in numbers],
            )

    def load(
        self,
        file: File,
        name: str = "",
        today: date = TODAY,
        max_age_days: int = 10,
        sender: Sender = FEED,
        feeds: str = "",
        on_entry: OnEntry = ignore_entry,
        **criteria_more: Any,
    ) -> LoadOutcome:
        """Take the file in, as the custodian's own or as somebody's upload.  criteria_more: of Criteria."""
        path = file.write(self.folder / (name or f"{uuid.uuid4().hex}.lots"))
        arrival = Arrival(path.name, "COMMAND" if sender is FEED else "UPLOAD", sender)
        criteria = Criteria(NOW, today, max_age_days, enterprises_by_feed(feeds), **criteria_more)
        return load(self.url, path, arrival, criteria, lambda _done, _all: None, on_entry=on_entry)

    def take_in(self, path: Path, mappings: MappingsInForce) -> LoadOutcome:
        """Take in a file of a custodian's own format, by the mappings in force."""
        criteria = Criteria(NOW, TODAY, 10, mappings=mappings)
        return load(self.url, path, Arrival(path.name, "COMMAND"), criteria, lambda _done, _all: None)

    def asked_as(self, scope: Scope | None, ask: Callable[[AsyncConnection[TupleRow]], Awaitable[Any]]) -> Any:
        """What is answered with the role of requests, in a scope or in none."""

        async def asked() -> Any:
            session = arguments("taxlot", REQUESTS, "test")
            async with await AsyncConnection.connect(self.requests_url, **session) as connection:
                if scope is not None:
                    ((key,),) = self.rows(READ_KEY)
                    await connection.execute(ENTER, [sealed(scope, key)])
                return await ask(connection)

        return run(asked())

    def rows(self, statement: str, *values: Any) -> list[Any]:
        """What the database answers."""
        with connected(self.url) as connection:
            return connection.execute(statement, values).fetchall()

    def holding(self, number: str, prefix: str = "A") -> tuple[Any, ...]:
        """(lots_version, as_of, cash_cents, hold_code, hold_text) of an account."""
        (row,) = self.rows(
            "SELECT lots_version, as_of, cash_cents, hold_code, hold_text FROM holding WHERE account_id = %s",
            f"{prefix}{number}",
        )
        return tuple(row)


@dataclass
class Worker:
    """A running `python -m services.taxlot`."""

    book: Book
    kafka_url: str
    http: str
    env: dict[str, str]
    inbox: Path
    clock: Path
    process: subprocess.Popen[bytes]

    def ask(self, method: str, path: str, who: Principal | None = None, **options: Any) -> httpx.Response:
        """What its HTTP answers to `who`, by default an operator of the enterprise E1."""
        signed = SignedAs(who or somebody("operator"), "taxlot", FileClock(self.clock).now)
        return httpx.request(method, self.http + path, auth=signed, timeout=30, **options)

    def get(self, path: str) -> Any:
        """What its HTTP shows somebody of the enterprise E1."""
        return self.ask("GET", path).json()

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `python -m services.taxlot ...` beside it."""
        run = [sys.executable, "-m", "services.taxlot", *arguments]
        return subprocess.run(run, cwd=CHECKOUT, env=self.env, capture_output=True, text=True, timeout=120, check=False)


def _ready(worker: Worker) -> bool:
    assert worker.process.poll() is None, "the worker ended"
    try:
        return httpx.get(worker.http + "/readyz", timeout=5).status_code == 200
    except httpx.TransportError:
        return False


def run(work: Any) -> Any:
    """Run a coroutine to its end."""
    return aside(work)


def account(number: str, custodian: str, **more: Any) -> AccountChanged:
    values: dict[str, Any] = {
        "account_id": f"A{number}",
        "version": 1,
        "enterprise_id": "E1",
        "advisor_id": "V1",
        "custodian": custodian,
        "account_number": number,
        "name": f"Account {number}",
        "custody": "TAXABLE",
        "rebalancer_on": True,
        "rebalancer_on_count": 1,
    }
    return AccountChanged(**values | more)


def publish(kafka_url: str, out: list[Outgoing]) -> None:
    async def send() -> None:
        async with Publisher(kafka_url, "test") as publisher:
            await publisher.send(out)

    aside(send())


def publish_accounts(kafka_url: str, numbers: list[str], custodian: str, **more: Any) -> None:
    """Publish two securities and these accounts, as the platform does."""
    securities = [SecurityChanged(security_id=name, version=1, name=name, kind="STOCK") for name in ("AAA", "BBB")]
    out = [
        messages.event(topics.SECURITY, event.security_id, event, event_id=event.security_id, source="t", at=NOW)
        for event in securities
    ]
    accounts = [account(number, custodian, **more) for number in numbers]
    out += [
        messages.event(topics.ACCOUNT, event.account_id, event, event_id=event.account_id, source="t", at=NOW)
        for event in accounts
    ]
    publish(kafka_url, out)


def end_offsets(kafka_url: str, topic: Topic) -> dict[TopicPartition, int]:
    async def ask() -> dict[TopicPartition, int]:
        consumer = AIOKafkaConsumer(bootstrap_servers=kafka_url)
        await consumer.start()
        found = await consumer.end_offsets([TopicPartition(topic.name, number) for number in range(topic.partitions)])
        await consumer.stop()
        return dict(found)

    return aside(ask())


def read_messages(kafka_url: str, begin: dict[TopicPartition, int], enough: Callable[[list[Any]], bool]) -> list[Any]:
    """Return the messages after `begin` as soon as there are enough."""

    async def fetch() -> list[Any]:
        consumer = AIOKafkaConsumer(bootstrap_servers=kafka_url, enable_auto_commit=False)
        await consumer.start()
        consumer.assign(list(begin))
        for partition, offset in begin.items():
            consumer.seek(partition, offset)
        found: list[Any] = []
        try:
            async with asyncio.timeout(60):
                while not enough(found):
                    for records in (await consumer.getmany(timeout_ms=200)).values():
                        found += records
        finally:
            await consumer.stop()
        return found

    return aside(fetch())


def rows_of(records: list[Any], schema: pa.Schema) -> dict[str, dict[str, Any]]:
    """The chunks' rows by account."""
    return {row["account_id"]: row for record in records for row in codec.decode(record.value, schema)[0].to_pylist()}


def unique_numbers(count: int) -> tuple[str, list[str]]:
    """A custodian and account numbers that no other test uses."""
    mark = uuid.uuid4().hex[:8]
    return f"C{mark}", [f"{mark}-{number}" for number in range(count)]


def approve(book: Book, *rows: tuple[Any, ...], decided_at: datetime | None = None) -> None:
    """Store approved sleeve trades.  decided_at: when they were approved, now unless given."""

    async def save() -> None:
        async with await AsyncConnection.connect(book.url, options="-c search_path=taxlot") as connection:
            await save_approved(connection, [(*row, decided_at) for row in rows])

    run(save())

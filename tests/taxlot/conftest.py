"""taxlot on a database of the test's own, and as a running worker."""

import os
import socket
import subprocess
import sys
import uuid
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from deploy.stack.layout import CHECKOUT
from services.taxlot.domain.sender import FEED, Sender, feeds_of
from services.taxlot.intake.load import Judgement, Outcome, connected, load
from services.taxlot.store.ledger import Came
from shared.contracts.principal import Principal
from shared.contracts.tenancy import ENTER, READ_KEY, Scope, sealed
from shared.postgres.migrations import migrate
from shared.postgres.pool import REQUESTS, arguments
from shared.runtime.clock import FileClock
from tests.signing import PUBLIC_KEY, SignedAs, somebody
from tests.stackfix.places import as_role
from tests.taxlot.files import File
from tests.waiting import aside, until_up

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
    ) -> Outcome:
        """Take the file in, as the custodian's own or as somebody's upload."""
        path = file.write(self.folder / (name or f"{uuid.uuid4().hex}.lots"))
        came = Came(path.name, "COMMAND" if sender is FEED else "UPLOAD", sender)
        when = Judgement(NOW, today, max_age_days, feeds_of(feeds))
        return load(self.url, path, came, when, lambda _done, _all: None)

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


@pytest.fixture
def book(database_url: str, tmp_path: Path) -> Book:
    """taxlot's schema with the securities AAA and BBB, and no accounts."""
    migrate("taxlot", as_role(database_url, "taxlot_migrator"))
    made = Book(as_role(database_url, "taxlot"), as_role(database_url, "taxlot_requests"), tmp_path)
    with psycopg.connect(made.url, autocommit=True) as connection:
        connection.execute("INSERT INTO security VALUES ('AAA', 1, 'STOCK'), ('BBB', 1, 'FUND')")
    return made


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

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run `python -m services.taxlot ...` beside it."""
        run = [sys.executable, "-m", "services.taxlot", *words]
        return subprocess.run(run, cwd=CHECKOUT, env=self.env, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture
def start_worker(book: Book, kafka_url: str, tmp_path: Path) -> Callable[..., Any]:
    """Return a context manager that runs a worker on the book's database.

    Keywords are its settings; before: what its process does before it begins.
    """

    @contextmanager
    def start(*, before: Callable[[], None] | None = None, **settings: str) -> Iterator[Worker]:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        clock = tmp_path / "clock.json"
        offset = NOW.timestamp() - datetime.now(UTC).timestamp()
        clock.write_text(f'{{"offset_seconds": {offset}}}')
        env = {key: value for key, value in os.environ.items() if not key.startswith("REBALANCER_")} | {
            "REBALANCER_KAFKA_URL": kafka_url,
            "REBALANCER_DATABASE_URL": book.url,
            "REBALANCER_REQUESTS_DATABASE_URL": book.requests_url,
            "REBALANCER_HTTP_PORT": str(port),
            "REBALANCER_INBOX_DIR": str(tmp_path / "inbox"),
            "REBALANCER_PRINCIPAL_PUBLIC_KEY": PUBLIC_KEY,
            "REBALANCER_CLOCK_FILE": str(clock),
        }
        env |= settings
        run = [sys.executable, "-m", "services.taxlot"]
        with (tmp_path / "worker.log").open("ab") as log:
            process = subprocess.Popen(run, cwd=CHECKOUT, env=env, stdout=log, stderr=log, preexec_fn=before)
        worker = Worker(book, kafka_url, f"http://127.0.0.1:{port}", env, tmp_path / "inbox", clock, process)
        try:
            until_up(lambda: _ready(worker), process)
            yield worker
        finally:
            process.terminate()
            process.wait(20)
            # Shown by pytest when the test fails: what the worker had to say about it.
            print("\n".join((tmp_path / "worker.log").read_text().splitlines()[-80:]))

    return start


def _ready(worker: Worker) -> bool:
    assert worker.process.poll() is None, "the worker ended"
    try:
        return httpx.get(worker.http + "/readyz", timeout=5).status_code == 200
    except httpx.TransportError:
        return False


def run(work: Any) -> Any:
    """Run a coroutine to its end."""
    return aside(work)

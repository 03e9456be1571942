"""taxlot on a database of the test's own, and as a running worker."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from deploy.stack.layout import CHECKOUT
from shared.postgres.migrations import migrate
from tests.ports import free_port
from tests.signing import PUBLIC_KEY
from tests.stackfix.infrastructure import as_role
from tests.taxlot.harness import NOW, Book, Worker, _ready
from tests.taxlot.mapped import add_what_samples_name
from tests.waiting import until_up


@pytest.fixture
def book(database_url: str, tmp_path: Path) -> Book:
    """taxlot's schema with the securities AAA and BBB, and no accounts."""
    migrate("taxlot", as_role(database_url, "taxlot_migrator"))
    made = Book(as_role(database_url, "taxlot"), as_role(database_url, "taxlot_requests"), tmp_path)
    with psycopg.connect(made.url, autocommit=True) as connection:
        connection.execute("INSERT INTO security VALUES ('AAA', 1, 'STOCK'), ('BBB', 1, 'FUND')")
    return made


@pytest.fixture
def known(book: Book) -> Book:
    """The book with the accounts and securities that the samples of mappings name."""
    add_what_samples_name(book)
    return book


@pytest.fixture
def start_worker(book: Book, kafka_url: str, tmp_path: Path) -> Callable[..., Any]:
    """Return a context manager that runs a worker on the book's database.

    Keywords are its settings; before: what its process does before it begins.
    """

    @contextmanager
    def start(*, before: Callable[[], None] | None = None, **settings: str) -> Iterator[Worker]:
        port = free_port()
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

"""A stack of its own with a small book, and a browser signed in at it."""

import asyncio
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from aiokafka import AIOKafkaConsumer
from playwright.sync_api import ConsoleMessage, Page, expect

from deploy.client import StackClient
from deploy.stack import Stack
from deploy.stack.layout import CHECKOUT
from shared.contracts import topics
from shared.contracts.events import OrdersReleased
from shared.kafka.partitions import partitions_of
from tests.books import a_book, load_platform, morning_after
from tests.waiting import aside

SignIn = Callable[[str, str], Page]
expect.set_options(timeout=30_000)


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small book with files full of faults beside the good ones."""
    return a_book(tmp_path_factory.mktemp("story") / "book", accounts=240, faults=True)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, built_ui: Path, book: Path) -> Iterator[Stack]:
    """The whole system on a Friday morning: it knows accounts, targets and prices, and has seen no custodian's file."""
    with Stack(tmp_path_factory.mktemp("story") / "stack") as stack:
        morning_after(stack)
        load_platform(stack, book)
        yield stack


@pytest.fixture
def sign_in(stack: Stack, page: Page) -> Iterator[SignIn]:
    """Sign in at the real issuer and return the page.

    A fault of the page's own code, said in its console or not caught, or a request elsewhere fails the test at its end.
    """
    ours = {urlsplit(stack.urls[name]).netloc for name in ("gateway", "issuer")}
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda said: faults.append(said.text) if _is_fault(said) else None)
    page.on("request", lambda sent: faults.append(sent.url) if urlsplit(sent.url).netloc not in ours else None)

    def enter(login: str, password: str) -> Page:
        page.goto(stack.urls["gateway"])
        page.get_by_role("link", name="Sign in").click()
        page.get_by_label("User name").fill(login)
        page.get_by_label("Password").fill(password)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", name="Accounts to Rebalance", level=1)).to_be_visible()
        return page

    yield enter
    assert faults == []


def _is_fault(said: ConsoleMessage) -> bool:
    """Return whether a page reports a fault; that a request was refused or not answered the browser says by itself."""
    return said.type in ("error", "warning") and not said.text.startswith("Failed to load resource")


@pytest.fixture
def client(stack: Stack) -> Iterator[StackClient]:
    """Somebody who sees everything, to look behind the screens."""
    with StackClient(stack, ("E1", "E2", "E3")) as client:
        yield client


def deliver(stack: Stack, files: Sequence[Path]) -> None:
    """Drop files into the inbox, each whole at once."""
    inbox = Path(stack.env["REBALANCER_INBOX_DIR"])
    for file in files:
        part = inbox / f"{file.name}.part"
        shutil.copyfile(file, part)
        part.rename(inbox / file.name)


def orders_released(kafka_url: str, batch_id: int, accounts: int) -> Sequence[OrdersReleased]:
    """Read a batch's orders as any other service would: a plain consumer, until there are as many as expected."""

    async def read() -> list[OrdersReleased]:
        consumer = AIOKafkaConsumer(topics.ORDERS.name, bootstrap_servers=kafka_url, auto_offset_reset="earliest")
        await consumer.start()
        released: list[OrdersReleased] = []
        try:
            async with asyncio.timeout(60):
                while len(released) < accounts:
                    event = OrdersReleased.model_validate_json((await consumer.getone()).value)
                    if event.batch_id == batch_id:
                        released.append(event)
        finally:
            await consumer.stop()
        return released

    return aside(read())


def next_day(stack: Stack, book: Path) -> None:
    """Have the custodians close the business day, and the next one begin."""
    run = [sys.executable, "-m", "deploy.custodian", "next-day", "--sample", str(book)]
    subprocess.run(run, cwd=CHECKOUT, env=stack.env, check=True)


async def all_orders(kafka_url: str) -> list[OrdersReleased]:
    """Return all orders that were released up to now."""
    found = []
    async with AIOKafkaConsumer(bootstrap_servers=kafka_url, enable_auto_commit=False) as consumer:
        partitions = await partitions_of(consumer, [topics.ORDERS.name])
        consumer.assign(partitions)
        await consumer.seek_to_beginning()
        for partition, end in (await consumer.end_offsets(partitions)).items():
            while await consumer.position(partition) < end:
                records = (await consumer.getmany(partition, timeout_ms=1000)).get(partition, [])
                found += [OrdersReleased.model_validate_json(record.value) for record in records]
    return found

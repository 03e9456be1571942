"""The figures of the loop: file to flags, daily analysis, click to Pending Approval, approval, event to browser."""

import argparse
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from datetime import time as clock_time
from pathlib import Path
from typing import Any

import psycopg

from benchmarks import browser, processes
from deploy.client import StackClient
from deploy.stack import Stack
from deploy.stack.layout import CHECKOUT
from shared.rules.trading_calendar import NEW_YORK, session_after
from shared.runtime.clock import set_instant

AS_OF = date(2026, 6, 11)
ENTERPRISES = ("E1", "E2", "E3")
PATIENCE_S = 900.0
_PAUSE_S = 0.05
_MOST_IDS = 5000  # chosen one by one; more than that are chosen by a filter
Say = Callable[[str], None]


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    what: str
    measured: str
    reach: str


def measure(stack: Stack, folder: Path, options: argparse.Namespace, say: Say) -> list[Row]:
    """Fill the stack and return the figures in the order they were taken."""
    set_morning(stack)
    book = write_book(folder, options, say)
    with StackClient(stack, ENTERPRISES) as client:
        say("publishing the platform's events")
        load_platform(stack, book)
        wait_for_accounts(stack, options.accounts, say)
        rows = [
            Row(
                f"file to flags visible, {options.accounts:,} accounts",
                f"{file_to_flags(stack, book, options, say):.1f} s",
                "60 s",
            )
        ]
        rows.append(Row(f"daily analysis, {options.accounts:,} accounts", f"{_analysis(client, say):.1f} s", "30 s"))
        for accounts, reach in ((1, ""), (options.batch, "5 s"), (options.large, "5 s")):
            took_s, batch = to_pending(stack, client, accounts, say)
            client.command(batch, "cancel")
            rows.append(Row(f"click to Pending Approval, {accounts:,} accounts", f"{took_s:.2f} s", reach))
        say(f"{options.events} events to a browser")
        ages_s = browser.event_ages(stack, book, options.events)
        p99_s = statistics.quantiles(ages_s, n=100)[98]
        rows.append(Row("event to browser, p50", f"{statistics.median(ages_s):.2f} s", ""))
        rows.append(Row("event to browser, p99", f"{p99_s:.2f} s", "2 s"))
        for accounts in (options.batch, options.large):
            took_s, approved = _to_approved(stack, client, accounts, say)
            rows.append(Row(f"approval of {approved:,} accounts", f"{took_s:.2f} s", ""))
    for name, resident_mb in processes.resident_mb(stack).items():
        rows.append(Row(f"resident memory of {name}", f"{resident_mb:,.0f} MB", "400 MB"))
    rows.append(Row("proposer started again until it works, kernels cached", f"{_restart(stack):.1f} s", "10 s"))
    rows.append(Row("memory of the whole system", f"{sum(processes.memory_mb(stack).values()):,.0f} MB", "3,000 MB"))
    return rows


def set_morning(stack: Stack) -> None:
    """Set the stack's clock to ten o'clock of the session after the book's day."""
    morning = datetime.combine(session_after(AS_OF), clock_time(10), tzinfo=NEW_YORK)
    set_instant(Path(stack.env["REBALANCER_CLOCK_FILE"]), morning)


def wait_for_accounts(stack: Stack, accounts: int, say: Say) -> None:
    """Wait until the analyzer knows every account."""
    _wait(lambda: _count(stack, "SELECT count(*) FROM analyzer.account_facts"), accounts, say, "accounts known")


def write_book(folder: Path, options: argparse.Namespace, say: Say) -> Path:
    """Generate a book of the size that the options name; return its folder."""
    say(f"writing a book of {options.accounts:,} accounts")
    book = folder / "book"
    size = ["--accounts", str(options.accounts), "--positions", str(options.positions), "--lots", str(options.lots)]
    run = [sys.executable, "-m", "deploy.sample", *size, "--as-of", AS_OF.isoformat(), "--out", str(book)]
    subprocess.run(run, cwd=CHECKOUT, check=True, stdout=sys.stderr)
    return book


def load_platform(stack: Stack, book: Path) -> None:
    """Publish everything but the custodial files: their intake is measured."""
    aside = book.parent / "no-files"
    aside.mkdir()
    run = [sys.executable, "-m", "deploy.sample", "load", str(book), "--inbox", str(aside)]
    subprocess.run(run, cwd=CHECKOUT, env=stack.env, check=True, stdout=sys.stderr)


def file_to_flags(stack: Stack, book: Path, options: argparse.Namespace, say: Say) -> float:
    """Deliver the custodians' files; return the seconds until every account was evaluated on them."""
    inbox = Path(stack.env["REBALANCER_INBOX_DIR"])
    updates = []
    for file in sorted((book / "files").iterdir()):
        part = inbox / f"{file.name}.part"
        shutil.copyfile(file, part)
        updates.append(part)
    started = time.monotonic()
    for part in updates:
        part.rename(part.with_suffix(""))
    query = "SELECT count(*) FROM batch.flag WHERE lots_version > 0"
    _wait(lambda: _count(stack, query), options.accounts, say, "accounts evaluated on the file")
    return time.monotonic() - started


def _analysis(client: StackClient, say: Say) -> float:
    started = time.monotonic()
    run = client.ask("analyzer", "POST", "/v1/runs")
    while True:
        seen = client.ask("analyzer", "GET", "/v1/runs/latest")
        if seen["run_id"] == run["run_id"] and seen["finished_at"]:
            say(f"daily analysis: {seen['accounts_done']:,} accounts, {seen['flagged']:,} flagged")
            return time.monotonic() - started
        time.sleep(_PAUSE_S)


def _to_approved(stack: Stack, client: StackClient, accounts: int, say: Say) -> tuple[float, int]:
    """Propose for so many accounts and approve; return the seconds of the approval and the accounts with orders."""
    _, batch = to_pending(stack, client, accounts, say)
    started = time.monotonic()
    approved = int(client.command(batch, "approve")["counts"]["approved"])
    return time.monotonic() - started, approved


def to_pending(stack: Stack, client: StackClient, accounts: int, say: Say) -> tuple[float, dict[str, Any]]:
    """Return the seconds from the click to the end of all proposals, and the batch."""
    propose = _large(client, accounts) if accounts > _MOST_IDS else _small(client, accounts)
    before = processes.cpu_s(stack)
    started = time.monotonic()
    batch = propose()
    _until_answered(stack, batch["batch_id"])
    took_s = time.monotonic() - started
    seen = client.batch(batch["batch_id"])
    used = {name: f"{after_s - before.get(name, 0):.1f}" for name, after_s in processes.cpu_s(stack).items()}
    say(f"processor time in s: {used}")
    say(f"batch of {accounts:,}: {took_s:.2f} s, {seen['status']} {seen['counts']}")
    return took_s, seen


def _until_answered(stack: Stack, batch_id: int) -> None:
    """Wait until a batch is no longer WORKING.

    It polls the database over one connection: a hundred requests to the service would take half a second of processor
    time from the work that is measured.  The user interface does not poll either: it receives a push.
    """
    query = "SELECT status FROM batch.batch WHERE batch_id = %s"
    with psycopg.connect(stack.addresses.admin_database("rebalancer"), autocommit=True) as connection:
        while connection.execute(query, [batch_id]).fetchone() == ("WORKING",):
            time.sleep(_PAUSE_S / 5)


def _small(client: StackClient, accounts: int) -> Callable[[], dict[str, Any]]:
    """Return the command for accounts that were selected one by one."""
    ids = _flagged(client, accounts)
    return lambda: client.propose(ids)


def _large(client: StackClient, accounts: int) -> Callable[[], dict[str, Any]]:
    """Return the command for all accounts of a filter: the most valuable ones; those without target are sold whole."""
    size = 500
    page = client.queue(size=size, page=accounts // size, sort="-market_value")["rows"]
    if len(page) < size:
        raise ValueError(f"the queue holds fewer than {accounts} accounts: raise --accounts or lower --large")
    least = f"market_value.gte.{page[-1]['market_value']}"
    found = client.queue(size=1, f=least)["total"]
    selection = {"kind": "matching", "f": [least]}
    return lambda: client.propose_matching(selection, found, liquidate=True)


def _flagged(client: StackClient, count: int) -> list[str]:
    """Return the first `count` flagged accounts of the queue (those without target ask for a liquidation)."""
    ids: list[str] = []
    page = 1
    while len(ids) < count:
        rows = client.queue(size=500, page=page, sort="account_id")["rows"]
        if not rows:
            raise ValueError(f"the queue holds {len(ids)} flagged accounts, {count} were asked for: raise --accounts")
        ids += [row["account_id"] for row in rows if row["state"] == "FLAGGED"]
        page += 1
    return ids[:count]


def _restart(stack: Stack) -> float:
    """Restart the worker with the most kernels and return the seconds until it is ready."""
    started = time.monotonic()
    stack.restart("proposer")
    stack.wait_ready("proposer")
    return time.monotonic() - started


def _wait(ask: Callable[[], int], wanted: int, say: Say, what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    said_at = time.monotonic()
    while (seen := ask()) < wanted:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: {seen:,} of {wanted:,} after {PATIENCE_S:.0f} s")
        if time.monotonic() - said_at > 5:
            say(f"  {what}: {seen:,} of {wanted:,}")
            said_at = time.monotonic()
        time.sleep(_PAUSE_S)


def _count(stack: Stack, query: str) -> int:
    with psycopg.connect(stack.addresses.admin_database("rebalancer")) as connection:
        row = connection.execute(query).fetchone()
    return 0 if row is None else int(row[0])

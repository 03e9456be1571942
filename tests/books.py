"""Sample books for tests: made once, loaded through the same doors as a user's."""

import subprocess
import sys
from datetime import date, datetime, time
from pathlib import Path

import psycopg

from deploy.stack import Stack
from deploy.stack.layout import CHECKOUT
from shared.contracts.platform import AccountChanged
from shared.rules.trading_calendar import NEW_YORK, session_after
from shared.runtime.clock import set_instant
from tests.waiting import until

AS_OF = date(2026, 6, 11)  # a Thursday; the business day of the story is the Friday after it


def a_book(folder: Path, *, accounts: int, faults: bool = False, code: Path = CHECKOUT) -> Path:
    """Write a sample book as of AS_OF into `folder`.  code: the release that writes it, this one by default."""
    run = [sys.executable, "-m", "deploy.sample", "--accounts", str(accounts), "--as-of", AS_OF.isoformat()]
    subprocess.run([*run, "--out", str(folder), *(["--faults"] if faults else [])], cwd=code, check=True)
    return folder


def accounts_of(book: Path) -> list[AccountChanged]:
    """Return the accounts of a book as the platform tells them."""
    lines = (book / "platform" / "accounts.jsonl").read_text().splitlines()
    return [AccountChanged.model_validate_json(line) for line in lines]


def morning_after(stack: Stack, day: date = AS_OF) -> None:
    """Set the stack's clock to ten in the morning of the session after `day`."""
    instant = datetime.combine(session_after(day), time(10), tzinfo=NEW_YORK)
    set_instant(Path(stack.env["REBALANCER_CLOCK_FILE"]), instant)


def load_platform(stack: Stack, book: Path) -> None:
    """Publish what the platform knows (securities, prices, targets, accounts), but no custodian's file."""
    aside = book / "not-delivered"
    aside.mkdir()
    run = [sys.executable, "-m", "deploy.sample", "load", str(book), "--inbox", str(aside)]
    subprocess.run(run, cwd=CHECKOUT, env=stack.env, check=True)


def load_book(stack: Stack, book: Path) -> None:
    """Load a book into a stack and wait until every account with holdings has been evaluated and is seen by batch."""
    morning_after(stack)
    run = [sys.executable, "-m", "deploy.sample", "load", str(book)]
    subprocess.run(run, cwd=CHECKOUT, env=stack.env, check=True)
    accounts = len(accounts_of(book))
    until(lambda: evaluated(stack), lambda seen: seen == accounts, within_s=180)


def evaluated(stack: Stack) -> int:
    """Return how many accounts batch has a flag of that rests on a custodian's file."""
    with psycopg.connect(stack.addresses.admin_database("rebalancer")) as connection:
        row = connection.execute("SELECT count(*) FROM batch.flag WHERE lots_version > 0").fetchone()
    return 0 if row is None else int(row[0])

"""`python -m benchmarks.api`: pages of a large queue under load, against the batch service's API and a real database.

A stack of its own (Kafka, PostgreSQL, batch) is started and its queue filled by two statements.  Requests are sent at a
fixed rate whatever the service does (an open loop: a slow answer delays no other request), and the time of each counts
from the moment it was due.  The limit beside each figure is one account by its primary key, asked for in the same way
in the same run: what signing, checking rights, row-level security and JSON cost without a queue.
"""

import argparse
import asyncio
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from datetime import time as clock_time
from pathlib import Path
from typing import Final

import httpx
import psycopg

from benchmarks.machine import describe
from deploy.client import StackClient
from deploy.stack import Stack
from shared.rules.trading_calendar import NEW_YORK, session_after
from shared.runtime.clock import set_instant

ENTERPRISE: Final = "E1"
AS_OF: Final = date(2026, 6, 11)
REACH_MS: Final = 50.0
_SERVICE: Final = "batch"
_PAGE: Final = 50
_CONNECTIONS: Final = 64

_ACCOUNTS: Final = """
INSERT INTO batch.account
    (account_id, version, enterprise_id, advisor_id, account_number, name, custodian, custody)
SELECT 'A' || lpad(n::text, 8, '0'), 1, 'E1', 'V' || n %% 200, lpad((n::bigint * 7919 %% 100000000)::text, 9, '0'),
    (ARRAY['Aldous', 'Brook', 'Carver', 'Dunne', 'Ellery', 'Forge', 'Gale', 'Harrow'])[1 + n %% 8] || ' Trust ' || n,
    'CUST', 'TAXABLE' FROM generate_series(1, %(accounts)s::int) n
"""
_FLAGS: Final = """
INSERT INTO batch.flag
    (account_id, enterprise_id, advisor_id, flag_version, facts_version, lots_version, target_version, price_set, epoch,
    state, tiles, source, needed_since, evaluated_at, portfolio_id, value_cents, cash_cents, cash_ppb, cash_target_ppb,
    cash_low_ppb, cash_high_ppb, max_drift_ppb, drifted)
SELECT account_id, enterprise_id, advisor_id, 1, 1, 1, 1, 1, 0, CASE WHEN n %% 100 < %(queued)s THEN 2 ELSE 1 END,
    CASE WHEN n %% 100 < %(queued)s THEN 1 << n %% 4 ELSE 0 END, 'DRIFT_ANALYSIS', DATE '2026-06-11' - n %% 30, now(),
    'P' || n %% 50, 100000 + n::bigint * 104729 %% 900000000, n::bigint * 7919 %% 5000000, n::bigint * 31 %% 90000000,
    20000000, 16000000, 24000000, n::bigint * 17 %% 80000000, n %% 7
FROM (SELECT account.*, right(account_id, 8)::int AS n FROM batch.account) known
"""


@dataclass(frozen=True)
class Kind:
    """One kind of request: what it is called, and the path of the next one."""

    what: str
    path: Callable[[random.Random], str]


def kinds(accounts: int, pages: int) -> list[Kind]:
    """Return what is asked for; the first is the limit.  pages: how many the queue has."""
    queue = f"/v1/queue/accounts?size={_PAGE}"
    return [
        Kind("one account by its key (the limit)", lambda dice: f"/v1/accounts/A{dice.randint(1, accounts):08d}"),
        Kind("the first pages", lambda dice: f"{queue}&page={dice.randint(1, 5)}"),
        Kind("any page", lambda dice: f"{queue}&page={dice.randint(1, pages)}"),
        Kind("the first pages by value", lambda dice: f"{queue}&sort=-market_value&page={dice.randint(1, 5)}"),
        Kind("the first pages by drift", lambda dice: f"{queue}&sort=-max_drift&page={dice.randint(1, 5)}"),
        Kind("a tile", lambda dice: f"{queue}&tile={dice.choice(('HIGH_CASH', 'LOW_CASH'))}&page={dice.randint(1, 5)}"),
        Kind("an advisor's accounts", lambda dice: f"{queue}&f=advisor_id.in.V{dice.randint(0, 199)}"),
        Kind("a value and up", lambda dice: f"{queue}&f=market_value.gte.{dice.randint(1, 9)}000000.00"),
        Kind("the tiles", lambda _dice: "/v1/queue/tiles"),
    ]


def main() -> None:
    """Parse the arguments, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.api", description=__doc__)
    parser.add_argument("--accounts", type=int, default=1_000_000, help="accounts of the book (default 1000000)")
    parser.add_argument("--queued", type=int, default=100, help="how many of 100 are in the queue (default 100)")
    parser.add_argument("--rate", type=float, default=300.0, help="requests a second (default 300)")
    parser.add_argument("--requests", type=int, default=3_000, help="requests of a kind (default 3000)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rebalancer-api-") as folder:
        stack = Stack(Path(folder) / "stack", (_SERVICE,))
        stack.layout.make()
        set_instant(stack.layout.clock_file, datetime.combine(session_after(AS_OF), clock_time(10), tzinfo=NEW_YORK))
        with stack, StackClient(stack, [ENTERPRISE]) as user:
            _fill(stack, options.accounts, options.queued)
            _measure(user, stack.urls[_SERVICE], options)
    print(f"\nreach: p99 {REACH_MS:.0f} ms of a page")


def _measure(user: StackClient, address: str, options: argparse.Namespace) -> None:
    """Print a line for each kind of request as soon as it is measured."""
    pages = max(1, options.accounts * options.queued // 100 // _PAGE)
    print(f"\n{describe()}")
    print(f"queue: {options.queued} % of {options.accounts:,} accounts; {options.rate:.0f} requests a second\n")
    print(f"| {'what is asked for':<36} | {'median ms':>9} | {'p99 ms':>9} | {'refused':>7} | {'of limit':>8} |")
    print(f"|{'-' * 38}|{'-' * 10}:|{'-' * 10}:|{'-' * 8}:|{'-' * 9}:|")
    limit_ms = 0.0
    for kind in kinds(options.accounts, pages):
        took_ms, refused = asyncio.run(_ask(user, address, kind, options.rate, options.requests))
        median_ms, p99_ms = statistics.median(took_ms), statistics.quantiles(took_ms, n=100)[98]
        limit_ms = limit_ms or p99_ms
        figures = f"{median_ms:>9.1f} | {p99_ms:>9.1f} | {refused:>7} | {p99_ms / limit_ms:>8.1f}"
        print(f"| {kind.what:<36} | {figures} |", flush=True)


def _fill(stack: Stack, accounts: int, queued: int) -> None:
    say(f"filling {accounts:,} accounts")
    with psycopg.connect(stack.addresses.admin_database("rebalancer"), autocommit=True) as connection:
        connection.execute(_ACCOUNTS, {"accounts": accounts})
        connection.execute(_FLAGS, {"queued": queued})
        for table in ("account", "flag"):
            connection.execute(f"VACUUM ANALYZE batch.{table}".encode())
        connection.execute("CHECKPOINT")


async def _ask(user: StackClient, address: str, kind: Kind, rate: float, requests: int) -> tuple[Sequence[float], int]:
    """Send requests of a kind at a rate; return the milliseconds of each, and how many were refused."""
    dice = random.Random(kind.what)  # noqa: S311  # the same requests in every run
    wanted = [kind.path(dice) for _ in range(requests)]
    took_ms: list[float] = []
    refused = 0
    limits = httpx.Limits(max_connections=_CONNECTIONS, max_keepalive_connections=_CONNECTIONS)
    async with httpx.AsyncClient(base_url=address, timeout=120, limits=limits) as client:

        async def get(path: str) -> httpx.Response:
            return await client.get(path, headers=user.signed(_SERVICE, "GET", path.partition("?")[0]))

        for path in wanted[:20]:  # pools, plans and caches are warm then
            (await get(path)).raise_for_status()
        began = time.monotonic()

        async def send(number: int) -> None:
            nonlocal refused
            due = began + number / rate
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            response = await get(wanted[number])
            took_ms.append((time.monotonic() - due) * 1000)
            refused += response.is_error

        await asyncio.gather(*(send(number) for number in range(requests)))
    return took_ms, refused


def say(text: str) -> None:
    """Print what is being done to standard error."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()

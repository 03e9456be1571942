"""`python -m benchmarks.auditing`: what a pass of the auditor costs on a large book, by invariant.

Then one long chain of decisions is followed to its end, beside a bare read of the same rows. For both it is told how
long the auditor answered nobody at most: the longest time for which its event loop was held.

A database and a broker of its own are started, filled with accounts that every service agrees about, and deleted.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import psycopg
from prometheus_client import REGISTRY

from benchmarks.machine import describe
from deploy import roles
from deploy.stack import Stack
from services.auditor.domain.invariants import Invariant
from services.auditor.operations.history_chains import HistoryChains
from services.auditor.operations.kept_heads import KeptHeads
from services.auditor.operations.looks import View
from services.auditor.operations.order_stream import OrderStream
from services.auditor.operations.passes import GROUPS, Passes
from services.auditor.settings import Settings
from services.auditor.store import accounts
from services.auditor.store.database import snapshot
from shared.kafka.lag import LagWatch
from shared.postgres.migrations import migrate
from shared.runtime.clock import SystemClock

_BATCHES: Final = 20
_PASSES: Final = 3
# 40 positions are 640 bytes of holdings; figures and reasons of a flag are shorter.
_FILL: Final = (
    """INSERT INTO batch.account
        (account_id, version, enterprise_id, advisor_id, account_number, name, custodian, custody)
    SELECT 'A' || lpad(i::text, 8, '0'), 1, 'E' || i %% 20, 'D' || i %% 400, i, 'Account ' || i, 'SCHW', 'TAXABLE'
    FROM generate_series(1, %(accounts)s) AS i""",
    """INSERT INTO batch.flag (account_id, enterprise_id, advisor_id, flag_version, facts_version, lots_version,
        target_version, price_set, epoch, state, tiles)
    SELECT account_id, enterprise_id, advisor_id, 1, 1, 1, 1, 1, 0,
        CASE WHEN account_number::int %% 10 = 0 THEN 2 ELSE 1 END, 0
    FROM batch.account""",
    """INSERT INTO analyzer.account_facts
        (account_id, enterprise_id, advisor_id, facts_version, settings_version, holdings)
    SELECT account_id, enterprise_id, advisor_id, 1, 1, decode(repeat(md5(account_id), 40), 'hex')
    FROM batch.account""",
    """INSERT INTO analyzer.flag (account_id, flag_version, facts_version, lots_version, target_version, price_set,
        epoch, on_count, state, tiles, causes, figures, reasons, evaluated_at, announced)
    SELECT account_id, 1, 1, 1, 1, 1, 0, 0, state, 0, '[]', decode(repeat(md5(account_id), 6), 'hex'), '', now(), true
    FROM batch.flag""",
    f"""INSERT INTO batch.batch (batch_id, enterprise_ids, advisor_ids, version, status, logic, label, accounts,
        proposed, requested_by, requested_name, requested_at, trade_date, cancel_at, answered_at, told_at)
    SELECT i, '{{E0}}', '{{D0}}', 1, 'PENDING_APPROVAL', 0, '', 1000, 1000, 'x', 'x', now(), now(),
        now() + interval '1 day', now(), now()
    FROM generate_series(0, {_BATCHES - 1}) AS i""",
    f"""INSERT INTO batch.batch_account (batch_id, account_id, enterprise_id, advisor_id, place, account_number, name,
        custodian, taxable, epoch, liquidate, state, open, sent_at)
    SELECT i / 1000, account_id, enterprise_id, advisor_id, i %% 1000, account_number, name, custodian, true, 0, false,
        'PROPOSED', true, now()
    FROM (
        SELECT *, row_number() OVER (ORDER BY account_id) - 1 AS i
        FROM batch.account ORDER BY account_id LIMIT {_BATCHES * 1000}
    ) AS chosen""",
)
_CHAIN: Final = """
    DO $$
    DECLARE
        before bytea := sha256('history of E0');
        decision bytea;
    BEGIN
        FOR i IN 1..{links} LOOP
            decision := sha256(int8send(i));
            INSERT INTO batch.decision (batch_id, enterprise_ids, advisor_ids, decided_at, sha256, manifest)
            VALUES (1000 + i, '{{E0}}', '{{D0}}', now(), decision, int8send(i));
            INSERT INTO batch.decision_link (enterprise_id, position, batch_id, previous, decision_sha256, sha256)
            VALUES ('E0', i, 1000 + i, before, decision, sha256(before || decision));
            before := sha256(before || decision);
        END LOOP;
        INSERT INTO batch.decision_head (enterprise_id, position, sha256) VALUES ('E0', {links}, before);
    END $$
"""
_BARE: Final = """SELECT l.*, d.sha256 AS kept FROM batch.decision_link AS l JOIN batch.decision AS d USING (batch_id)
    ORDER BY l.enterprise_id, l.position"""
_TICK_S: Final = 0.005


def main() -> None:
    """Parse the arguments, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.auditing", description=__doc__)
    parser.add_argument("--accounts", type=int, default=1_000_000, help="accounts of the book (default 1000000)")
    parser.add_argument("--links", type=int, default=1_000_000, help="links of the chain (default 1000000)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rebalancer-audit-") as folder, Stack(Path(folder), services=()) as stack:
        _fill(stack, options.accounts)
        seconds = asyncio.run(_measure(stack))
        _add_chain(stack, options.links)
        chain = asyncio.run(_follow(stack, options.links))
    print(f"{describe()}\n{options.accounts:,} accounts, the last of {_PASSES} passes\n")
    for name, took in seconds.items():
        print(f"{name:24}{took:8.2f} s")
    print(f"\n{options.links:,} links of one chain\n")
    for name, took in chain.items():
        print(f"{name:24}{took:8.2f} s")


def _fill(stack: Stack, accounts: int) -> None:
    for service in (*roles.AUDITED, "gateway"):
        migrate(service, stack.database_url(f"{service}{roles.OWNER}"))
    with psycopg.connect(stack.addresses.admin_database("rebalancer"), autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")  # no trigger notes a row
        for statement in _FILL:
            began_s = time.monotonic()
            connection.execute(statement.encode(), {"accounts": accounts})
            print(f"{statement[:40]}... {time.monotonic() - began_s:.0f} s", file=sys.stderr, flush=True)
        connection.execute("VACUUM ANALYZE")


async def _measure(stack: Stack) -> Mapping[str, float]:
    """Return the seconds of the last pass, by invariant and in all.  Raises SystemExit if something is found."""
    settings = Settings(
        kafka_url=stack.addresses.kafka, database_url=stack.database_url(roles.AUDITOR), http_port=1, audit_patience_s=0
    )
    clock = SystemClock()
    stream, heads = OrderStream(settings.kafka_url, clock), KeptHeads(settings.kafka_url, clock)
    passes = Passes(settings, clock, stream, heads, LagWatch(settings.kafka_url, GROUPS))
    found: dict[str, float] = {}
    for _ in range(_PASSES):
        before, began_s = {name: _spent(name) for name in Invariant}, time.monotonic()
        async with _held() as held:
            await passes.look()
        found = {str(name): _spent(name) - before[name] for name in Invariant}
        found["all"] = time.monotonic() - began_s
        found["loop held, longest"] = max(held)
    await passes.close()
    if passes.troubles():
        raise SystemExit(f"a sound book is found broken: {passes.troubles()}")
    return found


def _add_chain(stack: Stack, links: int) -> None:
    with psycopg.connect(stack.addresses.admin_database("rebalancer"), autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(_CHAIN.format(links=links).encode())
        connection.execute("VACUUM ANALYZE batch.decision, batch.decision_link, batch.decision_head")


async def _follow(stack: Stack, links: int) -> Mapping[str, float]:
    """Return the seconds of the chain in parts, and of a bare read.  Raises SystemExit if a fault is found."""
    settings = Settings(kafka_url=stack.addresses.kafka, database_url=stack.database_url(roles.AUDITOR), http_port=1)
    chains = HistoryChains(settings.audit_links)
    took_s = list[float]()
    async with _held() as held:
        for _ in range(-(-links // settings.audit_links)):
            began_s = time.monotonic()
            async with snapshot(settings.database_url) as connection:
                turn = await accounts.next_range(connection, "", 1)
                found = await chains.look(View(connection, SystemClock().now(), [], turn, lambda _: []))
            took_s.append(time.monotonic() - began_s)
            if found:
                raise SystemExit(f"a sound chain is found broken: {found[:3]}")
    began_s = time.monotonic()
    with (
        psycopg.connect(stack.addresses.admin_database("rebalancer")) as bare,
        bare.cursor("bare") as cursor,
    ):
        cursor.itersize = settings.audit_links
        read = sum(1 for _ in cursor.execute(_BARE.encode()))
    bare_s = time.monotonic() - began_s
    if read != links:
        raise SystemExit(f"{read} links were read of {links}")
    return {"all parts": sum(took_s), "slowest part": max(took_s), "loop held, longest": max(held), "bare read": bare_s}


@asynccontextmanager
async def _held() -> AsyncIterator[list[float]]:
    """Note by how many seconds each tick of the event loop came late."""
    late = [0.0]

    async def tick() -> None:
        while True:
            began_s = time.monotonic()
            await asyncio.sleep(_TICK_S)
            late.append(time.monotonic() - began_s - _TICK_S)

    ticking = asyncio.create_task(tick())
    try:
        yield late
    finally:
        await asyncio.sleep(_TICK_S)
        ticking.cancel()


def _spent(invariant: Invariant) -> float:
    labels = {"invariant": str(invariant)}
    return REGISTRY.get_sample_value("rebalancer_invariant_look_seconds_sum", labels) or 0.0


if __name__ == "__main__":
    main()

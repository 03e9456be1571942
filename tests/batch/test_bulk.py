"""Ten thousand accounts take few statements, not many."""

import time

import pytest
from sqlalchemy import event

from tests.batch import build
from tests.batch.harness import Harness, bought, losing

pytestmark = [pytest.mark.integration, pytest.mark.slow]

ACCOUNTS = 10_000


async def test_ten_thousand_accounts_by_filter_go_through_in_few_statements(harness: Harness) -> None:
    pat = harness.user()
    ids = [f"A{number:05d}" for number in range(ACCOUNTS)]
    await harness.queue(*ids)
    statements: list[str] = []
    event.listen(
        harness.database.requests.sync_engine,
        "before_cursor_execute",
        lambda _c, _cursor, statement, *_: statements.append(statement),
    )

    body = {"selection": {"kind": "matching", "f": ["market_value.gte.50"]}, "expected_count": ACCOUNTS}
    started = time.monotonic()
    batch = await pat.propose(**body)
    took = {"propose": time.monotonic() - started}
    inserts = [statement for statement in statements if statement.startswith("INSERT INTO batch_account")]
    assert len(inserts) == 1
    assert len(statements) < 15
    number = batch["batch_id"]

    results = [harness.results_for(rows, number, attempt) for rows, attempt in harness.requested(number)]
    assert len(results) == ACCOUNTS // 200
    statements.clear()
    groups = []
    for start in range(0, len(results), 8):
        started = time.monotonic()
        await harness.handlers.on_results(results[start : start + 8])
        groups.append(time.monotonic() - started)
    took["collect"] = sum(groups)
    assert len(statements) < 20 * len(results)
    # The last group brings the checks of the whole batch with it; looked up by account they took 300 times as long.
    assert groups[-1] < 30 * max(groups[:-1]), groups

    batch = await pat.get(f"/v1/batches/{number}")
    assert (batch["status"], batch["counts"]["proposed"]) == ("PENDING_APPROVAL", ACCOUNTS)
    started = time.monotonic()
    page = await pat.get(f"/v1/batches/{number}/accounts", f="long_term.gte.100", sort="-market_value", size=200)
    took["page"] = time.monotonic() - started
    assert (page["total"], page["totals"]["long_term"]) == (ACCOUNTS, "1000000.00")

    statements.clear()
    started = time.monotonic()
    await pat.done(batch, "approve")
    took["approve"] = time.monotonic() - started
    assert len(statements) < 26
    assert harness.sql("SELECT count(*), count(DISTINCT key) FROM outbox WHERE topic = 'rebalancer.orders.v1'") == [
        (ACCOUNTS, ACCOUNTS)
    ]
    assert harness.sql("SELECT count(*) FROM account WHERE epoch = 1") == [(ACCOUNTS,)]
    print({name: round(seconds, 2) for name, seconds in took.items()})


async def test_flags_of_many_accounts_are_stored_in_one_go(harness: Harness) -> None:
    ids = [f"A{number:05d}" for number in range(ACCOUNTS)]
    await harness.handlers.on_accounts([build.an_account(account_id) for account_id in ids])
    chunks = [
        build.flags(*[build.a_flag(account_id) for account_id in ids[start : start + 2500]])
        for start in range(0, ACCOUNTS, 2500)
    ]
    started = time.monotonic()
    await harness.handlers.on_flags(chunks)
    print("flags", round(time.monotonic() - started, 2))
    assert (await harness.user().get("/v1/queue/tiles"))["high_cash"] == ACCOUNTS
    await harness.handlers.on_flags(list(reversed(chunks)))
    assert harness.sql("SELECT count(*) FROM flag") == [(ACCOUNTS,)]


async def test_a_large_batch_in_which_everybody_loses_is_checked_in_few_statements(harness: Harness) -> None:
    """2,000 accounts in households of two: each sells at a loss, each household bought half of it elsewhere."""
    pat = harness.user()
    ids = [f"A{number:05d}" for number in range(2_000)]
    await harness.queue(*ids)
    batch = await pat.propose(selection={"kind": "matching"}, expected_count=len(ids))
    results = []
    for rows, attempt in harness.requested(batch["batch_id"]):
        made = [
            build.a_result(row, **losing(bought("X", 5), household=f"H{int(row['account_id'][1:]) // 2}"))
            for row in rows
        ]
        results.append(build.results(made, batch["batch_id"], attempt))
    statements: list[str] = []
    event.listen(
        harness.database.engine.sync_engine,
        "before_cursor_execute",
        lambda _c, _cursor, statement, *_: statements.append(statement),
    )
    await harness.handlers.on_results(results[:-1])
    assert not [statement for statement in statements if "ORDER BY chunk_id, row_no" in statement]
    statements.clear()
    started = time.monotonic()
    await harness.handlers.on_results(results[-1:])
    print("last result with the check", round(time.monotonic() - started, 2))
    assert len([statement for statement in statements if "ORDER BY chunk_id, row_no" in statement]) == 1
    assert len([statement for statement in statements if "incoming_wash" in statement]) <= 3
    # The first account of each household takes the five units: half of $100 each.
    totals = (await pat.get(f"/v1/batches/{batch['batch_id']}/accounts"))["totals"]
    assert (totals["wash_disallowed"], totals["wash_unchecked"]) == ("50000.00", 0)

"""Prices that were withdrawn: proposals made on them are stale with that reason; approvals stand, and are an alarm."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from prometheus_client import REGISTRY

from shared.contracts.events import PriceSetDecided
from tests.batch import build
from tests.batch.harness import Harness, Json, User
from tests.batch.oncall import on_call
from tests.waiting import until_async

pytestmark = pytest.mark.integration

SENTENCE = (
    "It was proposed on prices that were withdrawn (price set 7): remove it or have it proposed again before approving."
)


def decided(version: int, *, is_withdrawn: bool = True, price_set: int = 7) -> list[PriceSetDecided]:
    """Return the word of a decision about a price set that counted since an hour before MORNING."""
    return [
        PriceSetDecided(
            price_set=price_set,
            version=version,
            is_withdrawn=is_withdrawn,
            accepted_at=build.MORNING - timedelta(hours=1),
            decided_at=build.MORNING,
            reason="a decimal point moved",
        )
    ]


async def pending(pat: User, bad: str, *good: str) -> Json:
    """Make a batch in which `bad` was proposed on price set 7, the others on 6."""
    batch = await pat.propose(bad, *good)
    await reply(pat.harness, batch["batch_id"], bad)
    return await look(pat, batch)


async def reply(harness: Harness, batch_id: int, bad: str = "") -> None:
    for rows, attempt in harness.requested(batch_id):
        made = [build.a_result(row, price_set=7 if row["account_id"] == bad else 6) for row in rows]
        await harness.handlers.on_results([build.results(made, batch_id, attempt)])


async def look(pat: User, batch: Json) -> Json:
    return await pat.get(f"/v1/batches/{batch['batch_id']}")


async def stale(pat: User, batch: Json) -> list[tuple[str, str]]:
    """Return account and sentence of what is stale, after asserting that the account's own page says the same."""
    page = await pat.get(f"/v1/batches/{batch['batch_id']}/accounts", f="result.eq.STALE")
    for row in page["rows"]:
        own = await pat.get(f"/v1/batches/{batch['batch_id']}/accounts/{row['account_id']}")
        assert own["account"]["result"] == row["result"]
    return [(row["account_id"], row["result"]) for row in page["rows"]]


async def test_a_proposal_made_on_them_says_so_and_is_not_approved_until_it_is_made_again(harness: Harness) -> None:
    pat = harness.user()
    await harness.queue("A1", "A2")
    batch = await pending(pat, "A1", "A2")
    await harness.handlers.on_price_sets(decided(2))
    changed = await look(pat, batch)
    assert (changed["counts"]["stale"], changed["version"]) == (1, batch["version"] + 1)
    assert await stale(pat, batch) == [("A1", SENTENCE)]
    assert harness.sent("rebalancer.batch.v1")[-1]["version"] == changed["version"]  # pushed to whoever looks at it
    refused = await pat.do(changed, "approve")
    assert (refused.status_code, refused.json()["code"]) == (409, "stale_proposals")
    await harness.handlers.on_price_sets(decided(2))  # told again: nothing happens again
    assert (await look(pat, batch))["version"] == changed["version"]

    batch = await pat.done(changed, "repropose", {})
    await reply(harness, batch["batch_id"])
    batch = await look(pat, batch)
    assert (batch["counts"]["stale"], await stale(pat, batch)) == (0, [])
    assert (await pat.done(batch, "approve"))["counts"]["approved"] == 2
    assert harness.sql("SELECT count(*) FROM withdrawn_approval") == [(0,)]


async def test_newer_prices_alone_make_nothing_stale_nor_does_the_withdrawal_of_another_set(harness: Harness) -> None:
    pat = harness.user()
    await harness.queue("A1")
    batch = await pending(pat, "A1")
    await harness.flag(build.a_flag("A1", flag_version=2, price_set=8))
    await harness.handlers.on_price_sets(decided(2, price_set=8))
    assert (await pat.done(batch, "approve"))["counts"]["approved"] == 1


async def test_a_withdrawal_that_is_taken_back_and_one_that_comes_late(harness: Harness) -> None:
    """The newest decision counts in whatever order they come; what is stale stays so until it is made again."""
    pat = harness.user()
    await harness.queue("A1", "A2", "A3")
    first = await pending(pat, "A1")
    await harness.handlers.on_price_sets(decided(2))
    await harness.handlers.on_price_sets(decided(3, is_withdrawn=False))
    await harness.handlers.on_price_sets(decided(2))
    second = await pending(pat, "A2")
    assert (await stale(pat, first), await stale(pat, second)) == ([("A1", SENTENCE)], [])
    await harness.handlers.on_price_sets([*decided(4), *decided(5, is_withdrawn=False)])
    assert await stale(pat, second) == []
    await harness.handlers.on_price_sets(decided(6))
    assert await stale(pat, second) == [("A2", SENTENCE)]


async def test_a_result_made_on_them_that_comes_after_the_withdrawal_is_stale_at_once(harness: Harness) -> None:
    pat = harness.user()
    await harness.queue("A1", "A2")
    batch = await pat.propose("A1", "A2")
    await harness.handlers.on_price_sets(decided(2))
    await reply(harness, batch["batch_id"], "A1")
    batch = await look(pat, batch)
    assert (batch["status"], batch["counts"]["stale"]) == ("PENDING_APPROVAL", 1)
    assert await stale(pat, batch) == [("A1", SENTENCE)]
    refused = await pat.do(batch, "approve")
    assert (refused.status_code, refused.json()["code"]) == (409, "stale_proposals")


async def test_another_logic_in_force_lifts_only_its_own_reason(harness: Harness) -> None:
    pat = harness.user()
    await harness.queue("A1")
    batch = await pending(pat, "A1")
    await harness.handlers.on_price_sets(decided(2))
    batch = await pat.done(await look(pat, batch), "logic", {"logic": "MIN_TRANSACTION"})
    assert (batch["counts"]["stale"], await stale(pat, batch)) == (1, [("A1", SENTENCE)])


async def test_an_approval_that_comes_before_the_marks_finds_it_itself(harness: Harness) -> None:
    """The withdrawal is stored, its batches are not looked at yet: whoever is at it may have died."""
    pat = harness.user()
    await harness.queue("A1", "A2")
    batch = await pending(pat, "A1", "A2")
    harness.sql(
        "INSERT INTO withdrawn_prices VALUES (7, 2, true, 'a decimal point moved', %s) RETURNING 1", build.MORNING
    )
    refused = await pat.do(batch, "approve")
    assert (refused.status_code, refused.json()["code"]) == (409, "stale_proposals")
    assert refused.json()["detail"] == (
        "1 account has a stale proposal: remove what is stale or have it proposed again, then approve."
    )
    assert await stale(pat, batch) == [("A1", SENTENCE)]
    batch = await pat.remove(await look(pat, batch), "A1")
    assert (await pat.done(batch, "approve"))["counts"]["approved"] == 1
    assert [body["account_id"] for body in harness.sent("rebalancer.orders.v1")] == ["A2"]


async def test_an_approval_in_flight_is_either_refused_or_counted(
    make_harness: Callable[..., Harness], batch_url: str
) -> None:
    """It has looked and found nothing, and is held before its end; the withdrawal comes then, and waits for it."""
    left, right = make_harness(), make_harness()
    pat = left.user()
    await left.queue("A1")
    batch = await pending(pat, "A1")
    async with await psycopg.AsyncConnection.connect(batch_url) as admin:
        await admin.execute("LOCK TABLE batch.decision IN ACCESS EXCLUSIVE MODE")
        approving = asyncio.create_task(pat.do(batch, "approve"))
        await waiting_for_locks(left, 1)
        withdrawing = asyncio.create_task(right.handlers.on_price_sets(decided(2)))
        await waiting_for_locks(left, 2)
        assert left.sql("SELECT price_set FROM withdrawn_prices WHERE is_withdrawn") == [(7,)]
        await admin.rollback()
    assert (await approving).status_code == 200
    await withdrawing
    assert left.sql("SELECT price_set, batch_id, accounts FROM withdrawn_approval") == [(7, batch["batch_id"], 1)]


async def waiting_for_locks(harness: Harness, many: int) -> None:
    async def asked() -> list[Any]:
        return harness.sql("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                         " AND wait_event_type = 'Lock'")  # fmt: skip

    await until_async(asked, lambda found: found == [(many,)])


async def test_approvals_made_on_them_stand_and_are_an_alarm_until_somebody_has_looked(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pat = harness.user()
    await harness.queue("A1", "A2", "A3", "A4")
    assert on_call(harness, monkeypatch, capsys, "withdrawn") == (0, "no price set was withdrawn\n")
    approved = [await pending(pat, "A1"), await pending(pat, "A2", "A3")]
    for batch in approved:
        await pat.done(batch, "approve")
    waits = await pending(pat, "A4")
    orders = len(harness.sent("rebalancer.orders.v1"))
    for _ in range(2):  # told twice
        await harness.handlers.on_price_sets(decided(2))
    numbers = [batch["batch_id"] for batch in approved]
    assert harness.sql("SELECT batch_id, accounts FROM withdrawn_approval ORDER BY 1") == [
        (number, 1) for number in numbers
    ]
    assert len(harness.sent("rebalancer.orders.v1")) == orders
    await harness.sweeps.look_at_parked()
    gauge = "rebalancer_approvals_on_withdrawn_prices"
    assert REGISTRY.get_sample_value(gauge) == 2
    assert harness.sweeps.troubles() == [
        "accounts approved on prices that were withdrawn: 2; see `python -m services.batch withdrawn`"
    ]
    code, lines = on_call(harness, monkeypatch, capsys, "withdrawn")
    assert code == 0
    assert lines.startswith("price set 7: withdrawn 2026-06-12 14:00:00 UTC: a decimal point moved\n")
    for number in numbers:
        assert f"batch {number}: 1 accounts approved by Pat 2026-06-12 14:00:00 UTC, orders were sent; nobody" in lines
    assert f"batch {waits['batch_id']}: 1 proposals wait, stale" in lines

    assert on_call(harness, monkeypatch, capsys, "seen", "7", "--by", "Sam") == (0, "")
    assert "looked at by Sam" in on_call(harness, monkeypatch, capsys, "withdrawn")[1]
    again = (1, "price set 7: there is no approval to be looked at\n")
    assert on_call(harness, monkeypatch, capsys, "seen", "7", "--by", "Sam") == again
    await harness.sweeps.look_at_parked()
    assert (REGISTRY.get_sample_value(gauge), harness.sweeps.troubles()) == (0, [])

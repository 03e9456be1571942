"""Undo of a removal, and removal with approval of the rest: each whole or not at all.  Source: product 6."""

from typing import Any

import httpx
import pytest

from shared.contracts.codes import FlagState
from tests.batch import build
from tests.batch.harness import Harness, User, bought, losing, reply

pytestmark = pytest.mark.integration

Json = dict[str, Any]


def chosen(*ids: str, count: int | None = None, **more: Any) -> Json:
    """Accounts by id, with the number that was seen."""
    return {"selection": {"kind": "ids", "ids": list(ids)}, "expected_count": count or len(ids)} | more


def of_removal(batch: Json, count: int) -> Json:
    """All accounts that a removal took out, by the version that it made."""
    return {"selection": {"kind": "removal", "version": batch["version"]}, "expected_count": count}


async def states(user: User, batch: Json) -> dict[str, str]:
    page = await user.get(f"/v1/batches/{batch['batch_id']}/accounts")
    return {row["account_id"]: row["state"] for row in page["rows"]}


def refused(response: httpx.Response, status: int, code: str) -> Json:
    assert (response.status_code, response.json()["code"]) == (status, code), response.text
    return dict(response.json())


async def test_an_undo_puts_back_what_one_removal_took_out(harness: Harness) -> None:
    pat = harness.user()
    await harness.queue("A1", "A2", "A3", "A4")
    before = await pat.pending("A1", "A2", "A3", "A4")
    first = await pat.remove(before, "A1")
    second = await pat.remove(first, "A2", "A3")
    after = await pat.done(second, "removals/undo", of_removal(second, 2))
    assert after["version"] == second["version"] + 1
    assert await states(pat, after) == {"A1": "REMOVED", "A2": "PROPOSED", "A3": "PROPOSED", "A4": "PROPOSED"}
    assert await pat.queued() == ["A1"]
    whole = await pat.done(after, "removals/undo", chosen("A1"))
    assert {key: whole[key] for key in ("counts", "long_term", "turnover")} == {
        key: before[key] for key in ("counts", "long_term", "turnover")
    }
    assert whole["turnover"] == "4000.00"
    assert harness.sent("rebalancer.batch.v1")[-1]["removed"] == 0
    approved = await pat.done(whole, "approve")
    assert sorted(event["account_id"] for event in harness.sent("rebalancer.orders.v1")) == ["A1", "A2", "A3", "A4"]
    assert approved["counts"]["approved"] == 4


async def test_what_leaves_a_batch_and_comes_back_is_told_in_order(harness: Harness) -> None:
    pat = harness.user()
    await harness.queue("A1", "A2")
    removed = await pat.remove(await pat.pending("A1", "A2"), "A1")
    await pat.done(removed, "removals/undo", chosen("A1"))
    returns = [
        (row["account_id"], row["reason"], int(meta["version"]))
        for rows, meta in harness.sent_chunks("batch.returned")
        for row in rows
    ]
    assert returns == [("A1", "REMOVED", removed["version"]), ("A1", "UNDONE", removed["version"] + 1)]


async def test_an_undo_that_is_sent_twice_acts_once(harness: Harness) -> None:
    pat = harness.user()
    await harness.queue("A1", "A2")
    removed = await pat.remove(await pat.pending("A1", "A2"), "A1")
    first = await pat.do(removed, "removals/undo", chosen("A1"), key="k")
    again = await pat.do(removed, "removals/undo", chosen("A1"), key="k")
    assert (first.status_code, again.content) == (200, first.content)
    assert again.headers["Idempotency-Replayed"] == "true"
    refused(await pat.do(removed, "removals/undo", chosen("A1")), 412, "version_changed")


CHANGES: list[tuple[str, Json]] = [
    ("lots", {"lots_version": 2}),
    ("target", {"target_version": 2}),
    ("settings", {"facts_version": 2}),
    ("hold", {"state": int(FlagState.HELD), "hold_code": "BAD_ROW", "hold_text": "line 7"}),
    ("off", {"state": int(FlagState.OFF)}),
]


@pytest.mark.parametrize("change", [change for _, change in CHANGES], ids=[name for name, _ in CHANGES])
async def test_an_account_whose_facts_have_changed_stays_removed(harness: Harness, change: Json) -> None:
    pat = harness.user()
    await harness.queue("A1", "A2", "A3")
    removed = await pat.remove(await pat.pending("A1", "A2", "A3"), "A1", "A2")
    await harness.flag(build.a_flag("A1", flag_version=2, **change), build.a_flag("A2", flag_version=2, price_set=2))
    problem = refused(await pat.do(removed, "removals/undo", of_removal(removed, 2)), 409, "undo_barred")
    assert problem["count"] == 1
    assert problem["detail"].startswith("Not every account can be put back (1 account: its facts have changed since")
    assert await states(pat, removed) == {"A1": "REMOVED", "A2": "REMOVED", "A3": "PROPOSED"}
    assert (await pat.get(f"/v1/batches/{removed['batch_id']}"))["version"] == removed["version"]
    after = await pat.done(removed, "removals/undo", of_removal(removed, 1))  # newer prices are no changed facts
    assert await states(pat, after) == {"A1": "REMOVED", "A2": "PROPOSED", "A3": "PROPOSED"}


async def test_a_stale_account_that_was_removed_stays_removed(harness: Harness) -> None:
    pat = harness.user()
    await harness.queue("A1", "A2")
    batch = await pat.pending("A1", "A2")
    await harness.flag(build.a_flag("A1", flag_version=2, lots_version=2))
    removed = await pat.remove(await pat.get(f"/v1/batches/{batch['batch_id']}"), "A1")
    assert refused(await pat.do(removed, "removals/undo", chosen("A1")), 409, "undo_barred")["count"] == 0


async def test_an_account_that_moved_or_was_approved_meanwhile_stays_removed(harness: Harness) -> None:
    pat = harness.user(enterprises=["E1", "E2"])
    await harness.queue("A1", "A2", "A3")
    removed = await pat.remove(await pat.pending("A1", "A2", "A3"), "A1", "A2")
    await harness.handlers.on_accounts([build.an_account("A1", version=2, advisor_id="D2")])
    await pat.done(await pat.pending("A2"), "approve")
    problem = refused(await pat.do(removed, "removals/undo", of_removal(removed, 2)), 409, "undo_barred")
    assert (problem["count"], "2 accounts: their facts have changed" in problem["detail"]) == (0, True)


async def test_an_account_in_another_open_batch_stays_removed_until_it_leaves_it(harness: Harness) -> None:
    pat = harness.user()
    await harness.queue("A1", "A2")
    removed = await pat.remove(await pat.pending("A1", "A2"), "A1")
    other = await pat.pending("A1")
    problem = refused(await pat.do(removed, "removals/undo", chosen("A1")), 409, "undo_barred")
    assert "1 account: it is in another open request" in problem["detail"]
    await pat.done(other, "cancel")
    assert (await states(pat, await pat.done(removed, "removals/undo", chosen("A1"))))["A1"] == "PROPOSED"
    refused(await pat.try_propose("A1"), 409, "count_changed")


async def test_nothing_is_put_back_into_a_decided_batch(harness: Harness) -> None:
    pat = harness.user()
    await harness.queue("A1", "A2")
    removed = await pat.remove(await pat.pending("A1", "A2"), "A1")
    ended = await pat.remove(removed, "A2")
    assert ended["status"] == "CANCELLED"
    refused(await pat.do(ended, "removals/undo", chosen("A2")), 409, "batch_decided")


async def test_only_a_trader_undoes_a_removal(harness: Harness) -> None:
    await harness.queue("A1", "A2")
    removed = await harness.user().remove(await harness.user().pending("A1", "A2"), "A1")
    for role in ("viewer", "approver", "auditor"):
        refused(await harness.user("X", roles=[role]).do(removed, "removals/undo", chosen("A1")), 403, "forbidden")


async def test_facts_that_change_while_an_account_is_put_back_are_found_at_approval(harness: Harness) -> None:
    pat = harness.user()
    await harness.queue("A1", "A2")
    removed = await pat.remove(await pat.pending("A1", "A2"), "A1")
    back = await pat.done(removed, "removals/undo", chosen("A1"))
    # As if the flag's transaction had begun before the undo and ended after it: it saw no membership to mark.
    harness.sql("UPDATE flag SET lots_version = 2, flag_version = 2 WHERE account_id = 'A1' RETURNING 1")
    refused(await pat.do(back, "approve"), 409, "stale_proposals")
    seen = await pat.get(f"/v1/batches/{back['batch_id']}")
    assert (seen["counts"]["stale"], harness.sent("rebalancer.orders.v1")) == (1, [])


async def test_the_wash_sale_check_counts_what_is_put_back(harness: Harness) -> None:
    pat = harness.user()
    await harness.queue("A1", "A2")
    batch = await pat.propose("A1", "A2")
    await reply(harness, batch["batch_id"], {"A1": losing(bought("A2", 4)), "A2": losing(bought("A2", 4))})
    seen = await pat.get(f"/v1/batches/{batch['batch_id']}")

    async def disallowed() -> dict[str, str | None]:
        page = await pat.get(f"/v1/batches/{batch['batch_id']}/accounts")
        return {row["account_id"]: row["wash_disallowed"] for row in page["rows"] if row["state"] == "PROPOSED"}

    before = await disallowed()
    removed = await pat.remove(seen, "A1")
    assert await disallowed() != before
    await pat.done(removed, "removals/undo", chosen("A1"))
    assert await disallowed() == before


async def test_the_rest_is_approved_in_one_step(harness: Harness) -> None:
    pat = harness.user()
    await harness.queue("A1", "A2", "A3")
    batch = await pat.pending("A1", "A2", "A3")
    after = await pat.done(batch, "approve-rest", chosen("A2", note="A2 waits for its owner"))
    assert (after["status"], after["version"], after["note"]) == (
        "APPROVED", batch["version"] + 1, "A2 waits for its owner",
    )  # fmt: skip
    assert await states(pat, after) == {"A1": "APPROVED", "A2": "REMOVED", "A3": "APPROVED"}
    assert sorted(event["account_id"] for event in harness.sent("rebalancer.orders.v1")) == ["A1", "A3"]
    published = [event for event in harness.sent("rebalancer.batch.v1") if event["version"] > batch["version"]]
    assert [(event["status"], event["proposed"], event["removed"]) for event in published] == [("APPROVED", 2, 1)]
    assert await pat.queued() == ["A2"]


async def test_stale_accounts_are_removed_with_the_approval_of_the_rest(harness: Harness) -> None:
    pat = harness.user()
    await harness.queue("A1", "A2", "A3")
    batch = await pat.pending("A1", "A2", "A3")
    stale = [build.a_flag(name, flag_version=2, lots_version=2) for name in ("A1", "A2")]
    await harness.flag(*stale)
    batch = await pat.get(f"/v1/batches/{batch['batch_id']}")
    problem = refused(await pat.do(batch, "approve-rest", chosen("A1")), 409, "stale_proposals")
    assert problem["detail"].startswith("1 of the accounts that remain has a stale proposal")
    body = {"selection": {"kind": "matching", "f": ["result.eq.STALE"]}, "expected_count": 2}
    assert (await pat.done(batch, "approve-rest", body))["counts"]["approved"] == 1


async def test_a_refused_approval_of_the_rest_leaves_everything_as_it_was(harness: Harness) -> None:
    pat = harness.user()
    await harness.queue("A1", "A2")
    batch = await pat.pending("A1", "A2")
    sent = len(harness.sent_chunks("batch.returned"))
    refused(await pat.do(batch, "approve-rest", chosen("A1", "A2")), 409, "none_remain")
    refused(await pat.do(batch, "approve-rest", chosen("A1", count=2)), 409, "count_changed")
    refused(await pat.do(batch, "approve-rest", chosen("A1"), version=1), 412, "version_changed")
    refused(await harness.user("Tom", roles=["trader"]).do(batch, "approve-rest", chosen("A1")), 403, "forbidden")
    refused(await harness.user("Ann", roles=["approver"]).do(batch, "approve-rest", chosen("A1")), 403, "forbidden")
    assert await states(pat, batch) == {"A1": "PROPOSED", "A2": "PROPOSED"}
    assert await pat.get(f"/v1/batches/{batch['batch_id']}") == batch
    assert len(harness.sent_chunks("batch.returned")) == sent
    assert harness.sent("rebalancer.orders.v1") == []


async def test_the_rest_is_not_approved_with_other_warnings_than_were_seen(harness: Harness) -> None:
    pat = harness.user()
    await harness.queue("A1", "A2", "A3")
    batch = await pat.propose("A1", "A2", "A3")
    await reply(
        harness,
        batch["batch_id"],
        {"A1": losing(bought("A2", 4)), "A2": losing(bought("A2", 4)), "A3": {"tax_household_id": None}},
    )
    seen = await pat.get(f"/v1/batches/{batch['batch_id']}")
    problem = refused(await pat.do(seen, "approve-rest", chosen("A1")), 409, "rest_changes")
    assert "look at what remains" in problem["detail"]
    assert set((await states(pat, seen)).values()) == {"PROPOSED"}
    assert (await pat.done(seen, "approve-rest", chosen("A3")))["status"] == "APPROVED"

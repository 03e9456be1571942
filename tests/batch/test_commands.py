"""Commands: what each does and what refuses it."""

import pytest

from shared.contracts.codes import FlagState, Tile
from tests.batch import build
from tests.batch.harness import Harness

pytestmark = pytest.mark.integration


async def test_two_batches_cannot_hold_one_account(harness: Harness) -> None:
    pat = harness.user()
    await harness.queue("A1", "A2")
    await pat.propose("A1")
    second = await pat.try_propose("A1", "A2")
    assert (second.status_code, second.json()["count"]) == (409, 1)


async def test_a_filter_makes_a_batch_of_all_that_match_except_some(harness: Harness) -> None:
    pat = harness.user()
    await harness.queue("A1", "A2", "A3")
    await harness.queue("B1", value_cents=100)
    selection = {"kind": "matching", "tiles": ["HIGH_CASH"], "f": ["market_value.gte.50"], "q": "", "exclude": ["A2"]}
    batch = await pat.propose(selection=selection, expected_count=2)
    rows = await pat.get(f"/v1/batches/{batch['batch_id']}/accounts")
    assert [row["account_id"] for row in rows["rows"]] == ["A1", "A3"]
    assert await pat.queued() == ["A2", "B1"]


async def test_an_account_without_target_needs_liquidation_confirmed(harness: Harness) -> None:
    pat = harness.user()
    await harness.queue("A1", state=int(FlagState.NO_TARGET), tiles=0)
    refused = await pat.try_propose("A1")
    assert (refused.status_code, refused.json()["code"]) == (409, "liquidation_not_confirmed")
    batch = await pat.propose("A1", confirm_liquidation=True)
    ((rows, _),) = harness.requested(batch["batch_id"])
    assert rows[0]["liquidate"] is True


async def test_large_and_small_requests_have_topics_of_their_own(harness: Harness) -> None:
    pat = harness.user()
    small, large = [f"S{n}" for n in range(50)], [f"L{n}" for n in range(251)]
    await harness.queue(*small, *large)
    await pat.propose(*small)
    await pat.propose(*large)
    assert [len(rows) for rows, _ in harness.sent_chunks("work.request.small")] == [50]
    assert [len(rows) for rows, _ in harness.sent_chunks("work.request")] == [200, 51]
    _, meta = harness.sent_chunks("work.request")[0]
    assert meta == {"batch_id": "2", "attempt": "1", "trade_date": "2026-06-12", "size": "251"}


async def test_working_batches_take_no_decision(harness: Harness) -> None:
    pat = harness.user()
    await harness.queue("A1")
    batch = await pat.propose("A1")
    for what in ("approve", "cancel"):
        response = await pat.do(batch, what)
        assert (response.status_code, response.json()["code"]) == (409, "batch_not_pending")


async def test_removal_returns_accounts_and_counts_add_up(harness: Harness) -> None:
    pat = harness.user()
    await harness.queue("A1", "A2", "A3")
    batch = await pat.pending("A1", "A2", "A3")
    batch = await pat.remove(batch, "A2")
    assert (batch["counts"]["proposed"], batch["counts"]["removed"], batch["long_term"]) == (2, 1, "200.00")
    assert await pat.queued() == ["A2"]
    again = await pat.do(batch, "removals", {"selection": {"kind": "ids", "ids": ["A2"]}, "expected_count": 1})
    assert (again.status_code, again.json()["count"]) == (409, 0)
    page = await pat.get(f"/v1/batches/{batch['batch_id']}/accounts", f="result.eq.REMOVED")
    assert [(row["account_id"], row["result"]) for row in page["rows"]] == [("A2", "Removed by Pat.")]


async def test_removing_the_last_account_cancels_the_batch(harness: Harness) -> None:
    pat = harness.user()
    await harness.queue("A1", "A2")
    batch = await pat.pending("A1", "A2")
    body = {"selection": {"kind": "matching", "f": ["long_term.gte.100"]}, "expected_count": 2}
    batch = await pat.done(batch, "removals", body)
    assert (batch["status"], batch["reason"], batch["result"]) == ("CANCELLED", "ALL_REMOVED", "Cancelled")
    assert await pat.queued() == ["A1", "A2"]
    assert (await pat.do(batch, "cancel")).json()["code"] == "batch_decided"


async def test_a_batch_whose_accounts_all_fail_ends_as_failed(harness: Harness) -> None:
    pat = harness.user()
    await harness.queue("A1", "A2")
    batch = await pat.propose("A1", "A2")
    await harness.reply(batch["batch_id"], failing=["A1", "A2"])
    batch = await pat.get(f"/v1/batches/{batch['batch_id']}")
    assert (batch["status"], batch["reason"], batch["result"]) == ("FAILED", "ALL_FAILED", "Failed")
    page = await pat.get(f"/v1/batches/{batch['batch_id']}/accounts")
    assert {(row["failure_code"], row["result"]) for row in page["rows"]} == {("MISSING_PRICE", "A price is missing.")}
    assert await pat.queued() == ["A1", "A2"]


async def test_cancelling_returns_every_account(harness: Harness) -> None:
    pat = harness.user()
    await harness.queue("A1", "A2")
    batch = await pat.done(await pat.pending("A1", "A2"), "cancel")
    assert (batch["status"], batch["reason"], batch["counts"]["cancelled"]) == ("CANCELLED", "USER", 2)
    ((returned, _),) = harness.sent_chunks("batch.returned")
    assert {(row["account_id"], row["reason"]) for row in returned} == {("A1", "CANCELLED"), ("A2", "CANCELLED")}
    assert harness.sent("rebalancer.orders.v1") == []


async def test_roles_are_needed(harness: Harness) -> None:
    await harness.queue("A1")
    viewer, trader = harness.user("Vic", roles=["viewer"]), harness.user("Tom", roles=["trader"])
    assert (await viewer.try_propose("A1")).status_code == 403
    batch = await trader.pending("A1")
    assert (await trader.do(batch, "approve")).status_code == 403
    assert (await viewer.do(batch, "cancel")).status_code == 403
    assert (await trader.done(batch, "cancel"))["status"] == "CANCELLED"


async def test_four_eyes_where_an_enterprise_asks_for_them(make_harness: object) -> None:
    harness: Harness = make_harness(four_eyes="E9, E1")  # type: ignore[operator]  # the fixture's function
    ann, bob = harness.user("Ann"), harness.user("Bob")
    await harness.queue("A1")
    batch = await ann.pending("A1")
    refused = await ann.do(batch, "approve")
    assert (refused.status_code, refused.json()["code"]) == (403, "same_person")
    assert (await bob.done(batch, "approve"))["decided_by"] == "Bob"


async def test_the_end_of_day_cancels_what_is_undecided(harness: Harness) -> None:
    pat = harness.user()
    await harness.queue("A1", "A2", "A3")
    waiting, working = await pat.pending("A1"), await pat.propose("A2")
    harness.clock.instant = build.EVENING.replace(hour=21, minute=59)
    assert await harness.sweeps.end_days() == 0
    harness.clock.instant = build.EVENING
    refused = await pat.do(waiting, "approve")
    assert (refused.status_code, refused.json()["code"]) == (409, "day_ended")
    assert await harness.sweeps.end_days() == 2
    assert await harness.sweeps.end_days() == 0
    for batch in (waiting, working):
        shown = await pat.get(f"/v1/batches/{batch['batch_id']}")
        assert (shown["status"], shown["reason"], shown["decided_by"]) == ("CANCELLED", "END_OF_DAY", "System")
    assert await pat.queued() == ["A1", "A2", "A3"]
    later = await pat.propose("A3")
    assert later["trade_date"] == "2026-06-15"
    await harness.reply(working["batch_id"])  # too late: the batch is decided
    assert (await pat.get(f"/v1/batches/{working['batch_id']}"))["counts"]["cancelled"] == 1


async def test_progress_is_published_a_few_times_a_second_at_most(harness: Harness) -> None:
    pat = harness.user()
    ids = [f"A{n:04d}" for n in range(1000)]
    await harness.queue(*ids)
    batch = await pat.propose(*ids)
    number = batch["batch_id"]
    for index, (rows, attempt) in enumerate(harness.requested(number)):
        if index == 2:
            harness.clock.forward(seconds=0.3)
        await harness.handlers.on_results([harness.results_for(rows, number, attempt)])
    published = [(event["status"], event["proposed"]) for event in harness.sent("rebalancer.batch.v1")]
    assert published == [("WORKING", 0), ("WORKING", 600), ("PENDING_APPROVAL", 1000)]


async def test_a_text_that_cannot_be_stored_is_bad_input(harness: Harness) -> None:
    await harness.queue("A1")
    response = await harness.user().try_propose("A1", label="a\x00b")
    assert (response.status_code, response.json()["code"]) == (422, "bad_input")


async def test_a_selection_by_tiles_removes_what_the_list_with_these_tiles_shows(harness: Harness) -> None:
    await harness.queue("A1", "A2", tiles=int(Tile.FIRST_REBALANCE | Tile.HIGH_CASH))
    await harness.queue("A3", tiles=int(Tile.LOW_CASH))
    pat = harness.user()
    batch = await pat.pending("A1", "A2", "A3")
    path = f"/v1/batches/{batch['batch_id']}/accounts"
    assert (await pat.get(path, tile="HIGH_CASH"))["total"] == 2
    assert (await pat.get(path, tile=["HIGH_CASH", "LOW_CASH"]))["total"] == 0
    selection = {"kind": "matching", "tiles": ["HIGH_CASH"]}
    refused = await pat.do(batch, "removals", {"selection": selection, "expected_count": 3})
    assert (refused.status_code, refused.json()["count"]) == (409, 2)
    await pat.done(batch, "removals", {"selection": selection, "expected_count": 2})
    rows = (await pat.get(path))["rows"]
    assert {row["account_id"]: row["state"] for row in rows} == {"A1": "REMOVED", "A2": "REMOVED", "A3": "PROPOSED"}

"""From queue to history, and back to the queue: what a user sees at each step.  Source: product 3, 6."""

import pytest

from shared.contracts import events, topics
from shared.contracts.codes import FlagState, Tile
from tests.batch import build
from tests.batch.harness import Harness

pytestmark = pytest.mark.integration


async def test_a_batch_goes_from_the_queue_to_history(harness: Harness) -> None:
    pat = harness.user()
    await harness.queue("A1", "A2", "A3")
    assert await pat.queued() == ["A1", "A2", "A3"]

    batch = await pat.propose("A1", "A2", "A3", label="June")
    number = batch["batch_id"]
    assert (batch["status"], batch["counts"]["working"], batch["trade_date"]) == ("WORKING", 3, "2026-06-12")
    assert batch["cancel_at"] == build.EVENING.isoformat().replace("+00:00", "Z")
    assert await pat.queued() == []

    await harness.reply(number, failing=["A3"])
    batch = await pat.get(f"/v1/batches/{number}")
    assert (batch["status"], batch["counts"]["proposed"], batch["counts"]["failed"]) == ("PENDING_APPROVAL", 2, 1)
    assert (batch["long_term"], batch["estimated"]) == ("200.00", "200.00")
    assert await pat.queued() == ["A3"]  # a failed account leaves at once

    done = await pat.done(batch, "approve")
    assert (done["status"], done["result"], done["decided_by"]) == ("APPROVED", "Complete", "Pat")
    assert done["counts"]["approved"] + done["counts"]["failed"] + done["counts"]["removed"] == 3

    orders = [events.OrdersReleased.model_validate(body) for body in harness.sent(topics.ORDERS.name)]
    assert [order.account_id for order in orders] == ["A1", "A2"]
    first = orders[0]
    assert [(order.side, order.security_id, order.quantity) for order in first.orders] == [("SELL", "AAA", "10")]
    assert [(allocation.sleeve_id, allocation.quantity) for allocation in first.allocations] == [("APM", "-10")]
    assert [(lot.lot_id, lot.quantity) for lot in first.lots] == [("A1-L1", "10")]
    assert [(transfer.from_sleeve_id, transfer.to_sleeve_id, transfer.quantity) for transfer in first.transfers] == [
        ("APM", "M1", "2")
    ]
    assert (first.version, first.account_number, first.custodian) == (1, "00A1", "SCHW")

    ((rebalanced, _),) = harness.sent_chunks("batch.rebalanced")
    assert [(row["account_id"], row["epoch"], len(row["trades"])) for row in rebalanced] == [("A1", 1, 3), ("A2", 1, 3)]
    ((returned, _),) = harness.sent_chunks("batch.returned")
    assert [(row["account_id"], row["reason"]) for row in returned] == [("A3", "FAILED")]

    history = await pat.get("/v1/batches", state="history")
    assert [row["batch_id"] for row in history["rows"]] == [number]
    assert (await pat.get("/v1/batches", state="open"))["total"] == 0
    account = await pat.get("/v1/accounts/A1")
    assert (account["state"], account["epoch"], account["last_rebalanced"]) == ("SETTLING", 1, "2026-06-12")
    assert [row["batch_id"] for row in account["rebalances"]] == [number]
    became = {name: (await pat.get(f"/v1/accounts/{name}"))["rebalances"][0] for name in ("A1", "A3")}
    assert {name: (row["result"], row["account_state"]) for name, row in became.items()} == {
        "A1": ("Complete", "APPROVED"),
        "A3": ("Complete", "FAILED"),
    }


async def test_every_change_of_a_batch_is_told_with_a_higher_version(harness: Harness) -> None:
    pat = harness.user()
    await harness.queue("A1", "A2")
    batch = await pat.pending("A1", "A2")
    batch = await pat.remove(batch, "A2")
    batch = await pat.done(batch, "logic", {"logic": "MIN_TRANSACTION"})
    await pat.done(batch, "approve")
    published = [events.BatchChanged.model_validate(body) for body in harness.sent(topics.BATCH.name)]
    assert [event.version for event in published] == list(range(1, len(published) + 1))
    assert [event.status for event in published] == ["WORKING", *["PENDING_APPROVAL"] * 3, "APPROVED"]
    assert published[-1].proposed + published[-1].failed + published[-1].removed == published[-1].accounts


async def test_a_flag_during_an_open_batch_is_kept_but_not_shown(harness: Harness) -> None:
    pat = harness.user()
    await harness.queue("A1")
    batch = await pat.pending("A1")
    await harness.flag(build.a_flag("A1", flag_version=2, price_set=2, tiles=int(Tile.LOW_CASH)))
    assert await pat.queued() == []
    assert (await pat.get(f"/v1/batches/{batch['batch_id']}"))["counts"]["stale"] == 0  # prices make nothing stale
    await pat.done(batch, "cancel")
    assert await pat.queued(tile="LOW_CASH") == ["A1"]


async def test_a_late_flag_of_an_older_epoch_does_not_show_after_approval(harness: Harness) -> None:
    pat = harness.user()
    await harness.queue("A1")
    await pat.done(await pat.pending("A1"), "approve")
    await harness.flag(build.a_flag("A1", flag_version=9))  # evaluated before the analyzer heard of the approval
    assert await pat.queued() == []
    assert (await pat.get("/v1/accounts/A1"))["state"] == "SETTLING"
    assert (await pat.get("/v1/queue/tiles"))["settling"] == 1
    await harness.flag(build.a_flag("A1", flag_version=10, epoch=1, state=int(FlagState.SETTLING), tiles=0))
    assert await pat.queued() == []
    await harness.flag(build.a_flag("A1", flag_version=11, epoch=1))
    assert await pat.queued() == ["A1"]


async def test_the_newest_flag_wins_in_whatever_order_they_come(harness: Harness) -> None:
    await harness.queue("A1")
    await harness.flag(build.a_flag("A1", flag_version=5, state=int(FlagState.CLEAR), tiles=0))
    await harness.flag(build.a_flag("A1", flag_version=4))
    assert await harness.user().queued() == []


async def test_history_is_frozen_to_the_byte(harness: Harness) -> None:
    pat = harness.user()
    await harness.queue("A1", "A2")
    batch = await pat.pending("A1", "A2")
    batch = await pat.remove(batch, "A2")
    await pat.done(batch, "approve")
    base = f"/v1/batches/{batch['batch_id']}"
    paths = [base, f"{base}/accounts", f"{base}/accounts/A1", f"{base}/accounts/A2"]
    before = [(await pat.ask("GET", path)).content for path in paths]
    kept = harness.decision(batch["batch_id"])

    await harness.handlers.on_accounts([build.an_account("A1", version=2, name="Renamed", advisor_id="D1")])
    await harness.flag(build.a_flag("A1", flag_version=7, epoch=1, lots_version=9, value_cents=1))
    await harness.reply(batch["batch_id"], facts_version=5)  # all results come once more
    harness.clock.forward(days=3)
    await harness.sweeps.end_days()
    await harness.sweeps.send_again()
    assert [(await pat.ask("GET", path)).content for path in paths] == before
    assert harness.decision(batch["batch_id"]) == kept


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE batch SET label = 'x'",
        "UPDATE batch_account SET name = 'x'",
        "DELETE FROM batch_account",
        "UPDATE decision SET manifest = ''",
        "DELETE FROM decision",
        "UPDATE result_chunk SET value = ''",
        "TRUNCATE decision",
    ],
)
async def test_the_database_itself_refuses_to_change_what_is_decided(harness: Harness, statement: str) -> None:
    pat = harness.user()
    await harness.queue("A1")
    await pat.done(await pat.pending("A1"), "approve")
    with pytest.raises(Exception, match="what is decided cannot be changed"):
        harness.sql(statement)

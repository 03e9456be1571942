"""The proposals of a batch: stale, of another logic, requested again, with results that come twice."""

import pytest

from shared.contracts.codes import FlagState
from tests.batch import build
from tests.batch.harness import Harness

pytestmark = pytest.mark.integration


@pytest.mark.parametrize(
    ("newer", "sentence"),
    [
        ({"lots_version": 2}, "The custodian reported newer lots: "),
        ({"target_version": 2}, "The target of the account changed: "),
        ({"facts_version": 2}, "Settings of the account changed: "),
        (
            {"state": int(FlagState.HELD), "hold_code": "X", "hold_text": "Line 7: bad."},
            "The account is on hold (Line 7: bad): ",
        ),
    ],
)  # fmt: skip
async def test_newer_facts_make_a_proposal_stale_until_it_is_proposed_again(
    harness: Harness, newer: dict[str, object], sentence: str
) -> None:
    pat = harness.user()
    await harness.queue("A1", "A2")
    batch = await pat.pending("A1", "A2")
    await harness.flag(build.a_flag("A1", flag_version=2, **newer))
    refused = await pat.do(batch, "approve")
    assert refused.json()["code"] == "version_changed"
    batch = await pat.get(f"/v1/batches/{batch['batch_id']}")
    assert batch["counts"]["stale"] == 1
    assert (await pat.do(batch, "approve")).json()["code"] == "stale_proposals"
    page = await pat.get(f"/v1/batches/{batch['batch_id']}/accounts", f="result.eq.STALE")
    assert [(row["account_id"], row["stale"]) for row in page["rows"]] == [("A1", True)]
    assert page["rows"][0]["result"].startswith(sentence)

    batch = await pat.done(batch, "repropose", {})
    assert (batch["status"], batch["counts"]["working"], batch["counts"]["proposed"]) == ("WORKING", 1, 1)
    late = harness.requested(batch["batch_id"])
    assert [(len(rows), attempt) for rows, attempt in late] == [(2, 1), (1, 2)]
    await harness.handlers.on_results([harness.results_for(late[0][0], batch["batch_id"], 1)])  # of before: not taken
    assert (await pat.get(f"/v1/batches/{batch['batch_id']}"))["status"] == "WORKING"
    await harness.flag(build.a_flag("A1", flag_version=3, lots_version=2, target_version=2, facts_version=2))
    fresh = harness.results_for(late[1][0], batch["batch_id"], 2, lots_version=2, target_version=2, facts_version=2)
    await harness.handlers.on_results([fresh])
    batch = await pat.get(f"/v1/batches/{batch['batch_id']}")
    assert (batch["status"], batch["counts"]["stale"]) == ("PENDING_APPROVAL", 0)
    assert (await pat.done(batch, "approve"))["counts"]["approved"] == 2


async def test_a_result_on_older_facts_than_the_flag_is_stale_at_once(harness: Harness) -> None:
    pat = harness.user()
    await harness.queue("A1")
    batch = await pat.propose("A1")
    await harness.flag(build.a_flag("A1", flag_version=2, lots_version=2))
    await harness.reply(batch["batch_id"])
    assert (await pat.get(f"/v1/batches/{batch['batch_id']}"))["counts"]["stale"] == 1


async def test_switching_the_logic_changes_every_figure_and_back(harness: Harness) -> None:
    pat = harness.user()
    await harness.queue("A1")
    batch = await pat.pending("A1")
    switched = await pat.done(batch, "logic", {"logic": "MIN_TRANSACTION"})
    assert (switched["logic"], switched["long_term"]) == ("MIN_TRANSACTION", "50.00")
    page = await pat.get(f"/v1/batches/{batch['batch_id']}/accounts")
    assert (page["rows"][0]["sells_value"], page["totals"]["flats"]) == ("500.00", 0)
    unknown = await pat.do(switched, "logic", {"logic": "TAX_AWARE"})
    assert unknown.json()["code"] == "logic_unavailable"
    back = await pat.done(switched, "logic", {"logic": "BEST_FIT"})
    assert (back["version"], back["long_term"]) == (batch["version"] + 2, "100.00")
    assert (await pat.do(batch, "approve")).status_code == 412
    done = await pat.done(back, "logic", {"logic": "MIN_TRANSACTION"})
    await pat.done(done, "approve")
    assert harness.sent("rebalancer.orders.v1")[0]["orders"][0]["quantity"] == "5"


async def test_an_account_that_the_new_logic_cannot_do_hinders_approval_until_the_logic_is_back(
    harness: Harness,
) -> None:
    pat = harness.user()
    await harness.queue("A1")
    batch = await pat.propose("A1")
    ((rows, attempt),) = harness.requested(batch["batch_id"])
    row = build.a_result(rows[0])
    row["proposals"][1] |= {"failure_code": "CASH_SHORTFALL", "failure_text": "Sells cannot reach the reserve."}
    await harness.handlers.on_results([build.results([row], batch["batch_id"], attempt)])
    batch = await pat.get(f"/v1/batches/{batch['batch_id']}")
    assert batch["counts"]["stale"] == 0
    batch = await pat.done(batch, "logic", {"logic": "MIN_TRANSACTION"})
    assert (await pat.do(batch, "approve")).json()["code"] == "stale_proposals"
    batch = await pat.done(batch, "logic", {"logic": "BEST_FIT"})
    assert (await pat.done(batch, "approve"))["status"] == "APPROVED"


async def test_tax_aware_is_put_in_force_where_it_could_be_computed_and_fails_where_it_could_not(
    harness: Harness,
) -> None:
    """A1 is held back by its gain limits, A2 cannot reach its reserve inside them: A2 must go before approval."""
    pat = harness.user()
    await harness.queue("A1", "A2")
    batch = await pat.propose("A1", "A2")
    ((rows, attempt),) = harness.requested(batch["batch_id"])
    limits = "The account's gain limits (at most $0.00 in all) do not allow all of Best Fit's sells."
    results = [build.with_tax_aware(build.a_result(row), 3, limits) for row in rows]
    results[1]["proposals"][2] |= {"failure_code": "CASH_SHORTFALL", "failure_text": f"Below the reserve. {limits}"}
    await harness.handlers.on_results([build.results(results, batch["batch_id"], attempt)])
    batch = await pat.get(f"/v1/batches/{batch['batch_id']}")
    assert (batch["status"], batch["counts"]["proposed"], batch["counts"]["stale"]) == ("PENDING_APPROVAL", 2, 0)
    view = await pat.get(f"/v1/batches/{batch['batch_id']}/accounts/A1")
    assert [proposal["logic"] for proposal in view["proposals"]] == ["BEST_FIT", "MIN_TRANSACTION", "TAX_AWARE"]
    assert [proposal["limit_reason"] for proposal in view["proposals"]] == [None, None, limits]
    assert view["proposals"][2]["trades"][0]["sentence"].endswith(
        " The gain limits of the account keep 7 units more of it from being sold."
    )
    batch = await pat.done(batch, "logic", {"logic": "TAX_AWARE"})
    assert (await pat.do(batch, "approve")).json()["code"] == "stale_proposals"
    failed = (await pat.get(f"/v1/batches/{batch['batch_id']}/accounts/A2"))["account"]
    assert failed["result"] == (
        f"The trade logic in force could not propose for this account (Below the reserve. {limits.rstrip('.')}):"
        " remove it or put another logic in force before approving."
    )
    selection = {"selection": {"kind": "ids", "ids": ["A2"]}, "expected_count": 1}
    batch = await pat.done(batch, "removals", selection)
    assert (await pat.done(batch, "approve"))["status"] == "APPROVED"
    assert [order["quantity"] for order in harness.sent("rebalancer.orders.v1")[0]["orders"]] == ["3"]


async def test_a_repeated_or_unrequested_result_changes_nothing(harness: Harness) -> None:
    pat = harness.user()
    await harness.queue("A1", "A2")
    batch = await pat.pending("A1", "A2")
    ((rows, attempt),) = harness.requested(batch["batch_id"])
    await harness.handlers.on_results([harness.results_for(rows, batch["batch_id"], attempt, failing=["A1"])])
    assert await pat.get(f"/v1/batches/{batch['batch_id']}") == batch
    await harness.handlers.on_results([harness.results_for(rows, 4711, 1)])
    assert harness.sql("SELECT count(*) FROM result_chunk") == [(1,)]


async def test_accounts_without_a_result_are_sent_again_and_then_fail(harness: Harness) -> None:
    pat = harness.user()
    await harness.queue("A1", "A2")
    batch = await pat.propose("A1", "A2")
    number = batch["batch_id"]
    ((rows, _),) = harness.requested(number)
    harness.clock.forward(seconds=20)
    assert await harness.sweeps.send_again() == 0
    await harness.handlers.on_results([harness.results_for(rows[:1], number, 1)])
    harness.clock.forward(seconds=15)
    assert await harness.sweeps.send_again() == 0  # another account's result came a moment ago
    for attempt in (2, 3):
        harness.clock.forward(seconds=31)
        assert await harness.sweeps.send_again() == 1
        assert harness.requested(number)[-1] == ([rows[1]], attempt)
        assert await harness.sweeps.send_again() == 0
    harness.clock.forward(seconds=31)
    assert await harness.sweeps.send_again() == 1
    batch = await pat.get(f"/v1/batches/{number}")
    assert (batch["status"], batch["counts"]["failed"]) == ("PENDING_APPROVAL", 1)
    page = await pat.get(f"/v1/batches/{number}/accounts", f="result.eq.FAILED")
    assert page["rows"][0]["failure_code"] == "TIMEOUT"
    assert await pat.queued() == ["A2"]


async def test_a_result_of_the_first_request_counts_after_the_second(harness: Harness) -> None:
    pat = harness.user()
    await harness.queue("A1")
    batch = await pat.propose("A1")
    harness.clock.forward(seconds=31)
    await harness.sweeps.send_again()
    ((rows, _), _) = harness.requested(batch["batch_id"])
    await harness.handlers.on_results([harness.results_for(rows, batch["batch_id"], 1)])
    assert (await pat.get(f"/v1/batches/{batch['batch_id']}"))["status"] == "PENDING_APPROVAL"

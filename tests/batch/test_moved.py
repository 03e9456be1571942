"""An account that is not what it was when it went into a batch: stale with its reason, never approved, never a 500."""

from typing import Any

import pytest

from tests.batch import build
from tests.batch.harness import Harness, Json, User

pytestmark = pytest.mark.integration

CHANGES: list[tuple[dict[str, Any], str]] = [
    ({"enterprise_id": "E2", "advisor_id": "D9"}, "The account now belongs to another enterprise or advisor: "),
    ({"advisor_id": "D2"}, "The account now belongs to another enterprise or advisor: "),
    ({"custodian": "FIDX"}, "The account is now held at another custodian or under another number: "),
    ({"account_number": "77"}, "The account is now held at another custodian or under another number: "),
    ({"custody": "IRA"}, "The account changed between taxable and tax-exempt: "),
]


async def _look(pat: User, batch: Json) -> Json:
    return await pat.get(f"/v1/batches/{batch['batch_id']}")


async def _stale_then_approved_without(pat: User, batch: Json, sentence: str) -> None:
    """Assert that A1 alone is stale and says why, and that without it the batch is approved."""
    page = await pat.get(f"/v1/batches/{batch['batch_id']}/accounts", f="result.eq.STALE")
    assert [(row["account_id"], row["result"]) for row in page["rows"]] == [("A1", sentence)]
    batch = await pat.remove(await _look(pat, batch), "A1")
    assert (await pat.done(batch, "approve"))["counts"]["approved"] == 1
    assert [body["account_id"] for body in pat.harness.sent("rebalancer.orders.v1")] == ["A2"]


@pytest.mark.parametrize(("change", "sentence"), CHANGES)
async def test_one_that_moves_while_its_batch_waits_is_stale(
    harness: Harness, change: dict[str, Any], sentence: str
) -> None:
    pat = harness.user()
    await harness.queue("A1", "A2")
    batch = await pat.pending("A1", "A2")
    await harness.handlers.on_accounts([build.an_account("A1", version=2, **change)])
    refused = await pat.do(batch, "approve")
    assert (refused.status_code, refused.json()["code"]) == (412, "version_changed")
    batch = await _look(pat, batch)
    assert batch["counts"]["stale"] == 1
    refused = await pat.do(batch, "approve")
    assert (refused.status_code, refused.json()["code"]) == (409, "stale_proposals")
    await _stale_then_approved_without(pat, batch, f"{sentence}remove it before approving.")


@pytest.mark.parametrize(("change", "sentence"), CHANGES)
async def test_one_that_moves_just_before_the_approval_is_found_by_it(
    harness: Harness, change: dict[str, Any], sentence: str
) -> None:
    pat = harness.user()
    await harness.queue("A1", "A2")
    batch = await pat.pending("A1", "A2")
    # Stored by a transaction that did not see the batch's accounts, as the batch was made beside it.
    for column, value in change.items():
        harness.sql(f"UPDATE account SET {column} = %s WHERE account_id = 'A1' RETURNING 1", value)
    refused = await pat.do(batch, "approve")
    assert (refused.status_code, refused.json()["code"]) == (409, "stale_proposals")
    assert refused.json()["detail"].startswith("1 account has a stale proposal")
    batch = await _look(pat, batch)
    assert (batch["status"], batch["counts"]["stale"]) == ("PENDING_APPROVAL", 1)
    await _stale_then_approved_without(pat, batch, f"{sentence}remove it before approving.")


async def test_an_account_that_moves_before_its_result_is_in_is_stale_at_once_and_after_being_proposed_again(
    harness: Harness,
) -> None:
    pat = harness.user()
    await harness.queue("A1", "A2")
    batch = await pat.propose("A1", "A2")
    await harness.handlers.on_accounts([build.an_account("A1", version=2, enterprise_id="E2")])
    await harness.reply(batch["batch_id"])
    batch = await _look(pat, batch)
    assert (batch["status"], batch["counts"]["stale"]) == ("PENDING_APPROVAL", 1)
    batch = await pat.done(batch, "repropose", {})
    await harness.reply(batch["batch_id"])
    batch = await _look(pat, batch)
    assert (batch["status"], batch["counts"]["stale"]) == ("PENDING_APPROVAL", 1)
    await _stale_then_approved_without(pat, batch, f"{CHANGES[0][1]}remove it before approving.")


async def test_a_new_name_or_the_same_account_once_more_makes_nothing_stale(harness: Harness) -> None:
    pat = harness.user()
    await harness.queue("A1")
    batch = await pat.pending("A1")
    await harness.handlers.on_accounts([build.an_account("A1", version=2, name="Renamed")])
    assert (await pat.done(batch, "approve"))["counts"]["approved"] == 1

"""One account at which our own code raises: it fails alone, or is named where it stops a decision."""

from typing import Any

import pytest

from services.batch.columns import results
from services.batch.operations import decide
from shared.kafka.isolation import OUR_FAULT
from tests.batch.harness import Harness

pytestmark = pytest.mark.integration


async def test_a_result_that_our_code_cannot_read_fails_its_account_alone(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    module: Any = results
    read = module.columns_of

    def raises(rows: Any, *more: Any) -> Any:
        if any(row["account_id"] == "A2" and row["proposals"] for row in rows.to_pylist()):
            raise IndexError("index 7 is out of bounds")
        return read(rows, *more)

    monkeypatch.setattr(results, "columns_of", raises)
    await harness.queue("A1", "A2", "A3")
    pat = harness.user()
    batch = await pat.pending("A1", "A2", "A3")
    assert (batch["status"], batch["counts"]["proposed"], batch["counts"]["failed"]) == ("PENDING_APPROVAL", 2, 1)
    rows = (await pat.get(f"/v1/batches/{batch['batch_id']}/accounts"))["rows"]
    assert {row["account_id"]: row["failure_code"] for row in rows} == {"A1": None, "A2": OUR_FAULT, "A3": None}
    assert "account A2: a fault of ours (IndexError)" in next(row["result"] for row in rows if row["failure_code"])


async def test_an_account_whose_orders_cannot_be_made_is_named_and_nothing_is_approved(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without it the others are approved."""
    module: Any = decide
    cut = module.approval_messages

    def raises(batch: Any, approved: Any, *more: Any) -> Any:
        if any(member.account_id == "A2" for member in approved):
            raise IndexError("index 7 is out of bounds")
        return cut(batch, approved, *more)

    monkeypatch.setattr(decide, "approval_messages", raises)
    await harness.queue("A1", "A2", "A3")
    pat = harness.user()
    batch = await pat.pending("A1", "A2", "A3")
    response = await pat.do(batch, "approve")
    assert (response.status_code, response.json()["code"]) == (500, "our_fault")
    assert "account A2" in response.json()["detail"]
    assert (await pat.get(f"/v1/batches/{batch['batch_id']}"))["status"] == "PENDING_APPROVAL"
    assert harness.sent("rebalancer.orders") == []
    batch = await pat.remove(batch, "A2")
    assert (await pat.done(batch, "approve"))["status"] == "APPROVED"

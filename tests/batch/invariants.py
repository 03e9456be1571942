"""What must hold of batches, whatever was done by whom at the same moment."""

from collections import Counter

from tests.batch.harness import Harness


def consistent(harness: Harness) -> None:
    """Check what must hold whatever happened: counts add up, orders go with approvals, one open batch an account."""
    assert (
        harness.sql(
            "SELECT batch_id FROM batch WHERE (working, proposed, failed, removed, approved, cancelled) <>"
            " (SELECT count(*) FILTER (WHERE state = 'WORKING'), count(*) FILTER (WHERE state = 'PROPOSED'),"
            " count(*) FILTER (WHERE state = 'FAILED'), count(*) FILTER (WHERE state = 'REMOVED'),"
            " count(*) FILTER (WHERE state = 'APPROVED'), count(*) FILTER (WHERE state = 'CANCELLED')"
            " FROM batch_account m WHERE m.batch_id = batch.batch_id)"
        )
        == []
    )
    approved = harness.sql("SELECT batch_id, account_id FROM batch_account WHERE state = 'APPROVED' ORDER BY 1, 2")
    orders = sorted((body["batch_id"], body["account_id"]) for body in harness.sent("rebalancer.orders.v1"))
    assert orders == approved
    epochs = harness.sql("SELECT account_id, epoch FROM account WHERE epoch > 0 ORDER BY 1")
    assert epochs == sorted(
        (account_id, sum(1 for _, approved_id in approved if approved_id == account_id)) for _, account_id in approved
    )
    assert harness.sql("SELECT account_id FROM batch_account WHERE open GROUP BY 1 HAVING count(*) > 1") == []
    decided = harness.sql("SELECT batch_id FROM batch WHERE decided_at IS NOT NULL ORDER BY 1")
    assert harness.sql("SELECT batch_id FROM decision ORDER BY 1") == decided
    left: Counter[tuple[int, str]] = Counter()
    for rows, meta in harness.sent_chunks("batch.returned"):
        for row in rows:
            left[int(meta["batch_id"]), row["account_id"]] += -1 if row["reason"] == "UNDONE" else 1
    gone = harness.sql(
        "SELECT batch_id, account_id FROM batch_account WHERE state IN ('REMOVED', 'FAILED', 'CANCELLED')"
    )
    assert sorted(left.elements()) == sorted(gone)
    assert set(left.values()) <= {0, 1}, "an account leaves a batch once, and once more after an undo"

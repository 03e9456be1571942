"""A day on real stores and real topics: rebuilt from the log it is what was stored, and a changed row is named."""

from collections.abc import AsyncIterator
from datetime import timedelta

import orjson
import pytest

from services.auditor.cli.replay import report
from services.auditor.columns.sheets import changed_fields, written
from services.auditor.operations.replay import DayComparison
from shared.contracts.platform import ExecutionReported
from tests.auditor.harness import AuditHarness
from tests.auditor.replay_harness import ReplayHarness
from tests.batch import build

pytestmark = pytest.mark.integration


@pytest.fixture
async def day(audit: AuditHarness) -> AsyncIterator[ReplayHarness]:
    """A harness with an empty event log."""
    harness = ReplayHarness(audit)
    await harness.begin()
    yield harness


async def a_day_of_work(day: ReplayHarness) -> dict[str, int]:
    """Approve two accounts of three, one of which was removed and put back, cancel one batch, fail one, and let the end
    of the day cancel another.
    """
    batch = day.audit.batch
    await batch.queue("A1", "A2", "A3", "C1", "F1", "F2", "E1", "E2", "Q1", "Q2")
    user = batch.user()
    approved = await user.pending("A1", "A2", "A3")
    back = {"selection": {"kind": "ids", "ids": ["A2"]}, "expected_count": 1}
    approved = await user.done(await user.remove(approved, "A2"), "removals/undo", back)
    approved = await user.done(await user.remove(approved, "A3"), "approve")
    cancelled = await user.done(await user.pending("C1"), "cancel")
    failing = await user.propose("F1", "F2")
    await batch.reply(failing["batch_id"], failing=["F1", "F2"])
    ended = await user.propose("E1", "E2")
    await batch.reply(ended["batch_id"], failing=["E2"])
    await day.tell_states()
    await day.tell_flags()
    batch.clock.instant = build.EVENING + timedelta(seconds=1)
    await batch.sweeps.end_days()
    taken = await day.report(approved["batch_id"], "A1", version=3, status="FILLED", quantity="10.0", price="99.50")
    await batch.handlers.on_executions([ExecutionReported.model_validate_json(orjson.dumps(taken))])
    await day.report(approved["batch_id"], "A1", version=9, status="FILLED", quantity="11", price="99")  # refused
    return {
        "approved": approved["batch_id"],
        "cancelled": cancelled["batch_id"],
        "failed": failing["batch_id"],
        "ended": ended["batch_id"],
    }


def found_in(comparison: DayComparison) -> list[tuple[str, int, str]]:
    """Return what differs: kind, batch and account."""
    return [difference.key[:3] for difference in comparison.differences]


async def test_a_day_is_identical_until_a_row_of_the_store_is_changed(day: ReplayHarness) -> None:
    made = await a_day_of_work(day)
    await day.publish()
    first = await day.compare()
    assert first.differences == []
    assert first.is_identical and first.is_over and first.unpublished == 0
    assert written(first.log) == written(first.store)
    kinds = [line.key[0] for line in first.store]
    assert {kind: kinds.count(kind) for kind in sorted(set(kinds))} == {
        "batch": 4, "execution": 1, "flag": 7, "member": 8, "orders": 2, "queue": 10,
    }  # fmt: skip
    assert first.moved == 0
    assert list(report(build.TRADE_DATE, first))[-1] == "identical"

    await day.tell_states()  # the end of the day has cancelled a batch: its account is queued again
    await day.publish()
    later = await day.compare()
    assert later.is_identical
    assert (later.moved, [line.key[2] for line in later.rebuilt]) == (1, ["E1"])
    queue = [*later.log, *later.rebuilt]
    states = {line.key[2]: orjson.loads(line.content)["state"] for line in queue if line.key[0] == "queue"}
    assert states == {
        "A1": "SETTLING", "A2": "SETTLING", "A3": "QUEUED", "C1": "QUEUED", "E1": "IN_BATCH", "E2": "QUEUED",
        "F1": "QUEUED", "F2": "QUEUED", "Q1": "QUEUED", "Q2": "QUEUED",
    }  # fmt: skip

    approved, ended = made["approved"], made["ended"]
    hurt = day.audit.hurt
    hurt("UPDATE batch.batch SET decided_by = 'mallory' WHERE batch_id = %s", approved)
    hurt("UPDATE batch.batch_account SET state = 'FAILED' WHERE batch_id = %s AND account_id = 'E1'", ended)
    hurt("UPDATE batch.account_state SET advisor_id = 'D9' WHERE account_id = 'Q1'")
    hurt("UPDATE batch.flag SET tiles = 4 WHERE account_id = 'Q2'")
    hurt("UPDATE batch.execution SET quantity_micro = 9000000, status = 'PARTIALLY_FILLED'")
    second = await day.compare()
    assert found_in(second) == [
        ("batch", approved, ""),
        ("execution", approved, "A1"),
        ("flag", 0, "Q2"),
        ("member", ended, "E1"),
        ("orders", approved, "A1"),
        ("orders", approved, "A2"),
        ("queue", 0, "Q1"),
    ]
    assert changed_fields(second.differences[0]) == {"decided_by": ("pat", "mallory")}
    assert changed_fields(second.differences[3]) == {"state": ("CANCELLED", "FAILED")}
    text = "\n".join(report(build.TRADE_DATE, second))
    assert "7 differences" in text
    assert f'batch {approved}: decided_by: log "pat", store "mallory"' in text
    assert f"log   {day.names['rebalancer.batch.v1']}/" in text and "store batch.batch:" in text


async def test_what_is_lost_on_either_side_is_named(day: ReplayHarness) -> None:
    made = await a_day_of_work(day)
    await day.publish()
    hurt = day.audit.hurt
    hurt("UPDATE batch.decision SET sha256 = sha256('x') WHERE batch_id = %s", made["cancelled"])
    hurt("UPDATE batch.decision SET manifest = 'x' WHERE batch_id = %s", made["ended"])
    hurt("DELETE FROM batch.batch_account WHERE account_id = 'A2'")
    hurt("DELETE FROM batch.batch WHERE batch_id = %s", made["failed"])
    hurt("DELETE FROM batch.batch_account WHERE batch_id = %s", made["failed"])
    await day.send([("rebalancer.batch.v1", b"x", b"not json", {}), ("batch.returned", b"x", b"x", {})])
    found = await day.compare()
    assert found_in(found) == [
        ("batch", made["cancelled"], ""),
        ("batch", made["failed"], ""),
        ("batch", made["ended"], ""),
        ("member", made["approved"], "A2"),
        ("member", made["failed"], "F1"),
        ("member", made["failed"], "F2"),
        ("orders", made["approved"], "A2"),
    ]
    assert list(changed_fields(found.differences[0])) == ["decision_sha256"]
    assert list(changed_fields(found.differences[2])) == ["decision_sha256"]
    lost = [difference for difference in found.differences if not difference.store]
    assert len(lost) == 5
    assert len(found.unreadable) == 2

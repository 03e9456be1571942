"""A batch that the service fails at is put aside alone, with an alarm, and tried again; the others are dealt with."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import psycopg
import pytest
from prometheus_client import REGISTRY
from sqlalchemy.exc import OperationalError

from shared.contracts.tenancy import Scope
from tests.batch import build
from tests.batch.harness import Harness
from tests.batch.oncall import on_call

pytestmark = pytest.mark.integration


@contextmanager
def _unchangeable(harness: Harness, batch_id: int, state: str = "raise_exception") -> Iterator[None]:
    """No change of this batch is possible meanwhile: as with a fault of ours that only its contents bring out.

    state: with which the database refuses the change.
    """
    with psycopg.connect(harness.admin_url, autocommit=True) as admin:
        admin.execute(
            "CREATE FUNCTION batch.refuse() RETURNS trigger LANGUAGE plpgsql AS"
            f" $$ BEGIN RAISE EXCEPTION 'a figure is out of range' USING ERRCODE = '{state}'; END $$".encode()
        )
        admin.execute(
            "CREATE TRIGGER refuse BEFORE UPDATE ON batch.batch FOR EACH ROW"
            f" WHEN (NEW.batch_id = {batch_id}) EXECUTE FUNCTION batch.refuse()".encode()
        )
        yield
        admin.execute("DROP FUNCTION batch.refuse CASCADE")


def _statuses(harness: Harness) -> list[tuple[int, str]]:
    return harness.sql("SELECT batch_id, status FROM batch ORDER BY batch_id")


async def test_a_batch_that_cannot_be_closed_is_put_aside_and_takes_no_other_with_it(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pat = harness.user()
    await harness.queue("A1", "A2", "A3", "A4")
    bad = (await pat.pending("A1"))["batch_id"]
    others = [(await pat.pending("A2"))["batch_id"], (await pat.propose("A3"))["batch_id"]]
    harness.clock.instant = build.EVENING
    with _unchangeable(harness, bad):
        assert await harness.sweeps.end_days() == 2
        assert _statuses(harness) == [(bad, "PENDING_APPROVAL"), *[(batch_id, "CANCELLED") for batch_id in others]]
        await harness.sweeps.look_at_parked()
        assert REGISTRY.get_sample_value("rebalancer_batches_parked") == 1
        assert harness.sweeps.troubles() == [f"batches put aside: {bad}; see `python -m services.batch parked`"]
        assert await harness.sweeps.end_days() == 0, "its time has not come again"
        assert harness.sql("SELECT failures FROM parked") == [(1,)]
        await _is_shown(harness, bad, others)
        harness.clock.forward(seconds=6)
        assert await harness.sweeps.end_days() == 0
        assert harness.sql("SELECT failures, again_at - %s FROM parked", harness.clock.now()) == [
            (2, timedelta(seconds=10))
        ]

    assert on_call(harness, monkeypatch, capsys, "parked")[1].startswith(f"batch {bad}: since ")
    assert await harness.sweeps.end_days() == 0
    assert on_call(harness, monkeypatch, capsys, "release", "batch", str(bad)) == (0, "")
    assert on_call(harness, monkeypatch, capsys, "release", "batch", "999") == (1, "batch 999: is not put aside\n")
    assert await harness.sweeps.end_days() == 1
    await harness.sweeps.look_at_parked()
    assert (harness.sweeps.troubles(), REGISTRY.get_sample_value("rebalancer_batches_parked")) == ([], 0)
    assert _statuses(harness)[0] == (bad, "CANCELLED")
    assert (await pat.get(f"/v1/batches/{bad}"))["put_aside"] is None
    assert on_call(harness, monkeypatch, capsys, "parked") == (0, "nothing is put aside\n")


async def _is_shown(harness: Harness, bad: int, others: list[int]) -> None:
    """Whoever sees the batch is told, wherever it is shown: what it means, not what the fault is."""
    pat = harness.user()
    aside = (await pat.get(f"/v1/batches/{bad}"))["put_aside"]
    assert (aside["since"], aside["again_at"]) == ("2026-06-12T22:00:00Z", "2026-06-12T22:00:05Z")
    assert "kept this request from being cancelled" in aside["sentence"] and "out of range" not in aside["sentence"]
    assert (await pat.get(f"/v1/batches/{bad}/accounts"))["batch"]["put_aside"] == aside
    assert [(row["batch_id"], row["put_aside"]) for row in (await pat.get("/v1/batches"))["rows"]] == [(bad, aside)]
    assert [(await pat.get(f"/v1/batches/{batch_id}"))["put_aside"] for batch_id in others] == [None, None]
    stranger = harness.user("Eve", enterprises=["E2"])
    assert (await stranger.get("/v1/batches"))["total"] == 0
    async with harness.database.transaction(Scope("eve", ("E2",), None)) as connection:
        assert (await connection.exec_driver_sql("SELECT batch_id FROM parked")).all() == []


async def test_a_full_disk_puts_no_batch_aside(harness: Harness) -> None:
    """Else each try would double the pause, and the batch would wait long after there is space again."""
    await harness.queue("A1")
    batch_id = (await harness.user().pending("A1"))["batch_id"]
    harness.clock.instant = build.EVENING
    with _unchangeable(harness, batch_id, "disk_full"):
        for _ in range(2):
            with pytest.raises(OperationalError):
                await harness.sweeps.end_days()
    assert harness.sql("SELECT batch_id FROM parked") == []
    assert await harness.sweeps.end_days() == 1


async def test_a_batch_that_cannot_be_asked_for_again_is_put_aside_and_takes_no_other_with_it(harness: Harness) -> None:
    pat = harness.user()
    await harness.queue("A1", "A2")
    bad, good = [(await pat.propose(account_id))["batch_id"] for account_id in ("A1", "A2")]
    harness.clock.forward(seconds=31)
    with _unchangeable(harness, bad):
        assert await harness.sweeps.send_again() == 1
        aside = (await pat.get(f"/v1/batches/{bad}"))["put_aside"]
        assert "keeps this request from getting on" in aside["sentence"]
    assert [attempt for _, attempt in harness.requested(good)] == [1, 2]
    assert [attempt for _, attempt in harness.requested(bad)] == [1]
    harness.clock.forward(seconds=6)
    assert await harness.sweeps.send_again() == 1
    assert harness.sql("SELECT count(*) FROM parked") == [(0,)]


async def test_a_message_that_was_put_aside_is_listed_and_released(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    await harness.queue("A1")
    ((row, topic),) = harness.sql("UPDATE outbox SET parked_reason = 'too large' RETURNING id, topic")
    code, printed = on_call(harness, monkeypatch, capsys, "parked")
    assert code == 0 and printed.startswith(f"message {row}: of ")
    assert f"{topic} key E1" in printed and "too large" in printed
    assert on_call(harness, monkeypatch, capsys, "release", "message", str(row)) == (0, "")
    assert harness.sql("SELECT parked_reason FROM outbox") == [(None,)]

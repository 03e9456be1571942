"""Queue, batches and an overdue end of day, as the metrics say them."""

from datetime import timedelta

import pytest
from prometheus_client import REGISTRY

from services.batch.operations.measure import QueueMeasure, due
from shared.runtime import metrics
from tests.batch import build
from tests.batch.harness import Harness

pytestmark = pytest.mark.integration


def _value(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(f"rebalancer_{name}", labels)


def _open() -> dict[tuple[str, str], float]:
    """Return how many batches are undecided, by state and by the time left; without those that are none."""
    (family,) = metrics.OPEN_BATCHES.collect()
    return {(at.labels["state"], at.labels["due"]): at.value for at in family.samples if at.value}


async def test_queue_batches_and_the_overdue_end_of_a_day_are_measured(harness: Harness) -> None:
    pat = harness.user()
    await harness.queue("A1", "A2", "A3")
    await pat.pending("A1")
    measure = QueueMeasure(harness.database, harness.clock)
    await measure.sample()
    page = await pat.get("/v1/queue/accounts")
    assert _value("accounts", state="queued") == page["total"] == 2
    assert _value("accounts", state="in_batches") == 1
    tiles = [_value("tile_accounts", tile=tile) for tile in ("first_rebalance", "high_cash", "low_cash")]
    assert sum(count or 0 for count in tiles) >= 2
    assert (_value("batches", state="PENDING_APPROVAL"), _value("batches", state="CANCELLED")) == (1, 0)
    assert _value("end_of_day_overdue_seconds") == 0
    assert _open() == {("PENDING_APPROVAL", "later"): 1}
    await pat.propose("A2")
    harness.clock.instant = build.EVENING
    harness.clock.forward(hours=-1)
    await measure.sample()
    assert _open() == {("PENDING_APPROVAL", "within_1h"): 1, ("WORKING", "within_1h"): 1}
    harness.clock.forward(hours=2)
    await measure.sample()
    assert _open() == {("PENDING_APPROVAL", "past"): 1, ("WORKING", "past"): 1}
    assert 3600 <= (_value("end_of_day_overdue_seconds") or 0) <= 3 * 3600
    assert await harness.sweeps.end_days() == 2
    await measure.sample()
    assert _value("end_of_day_overdue_seconds") == 0
    assert _open() == {}
    assert (_value("batches", state="PENDING_APPROVAL"), _value("batches", state="CANCELLED")) == (0, 2)


@pytest.mark.parametrize(
    ("left", "named"),
    [
        (timedelta(days=-2), "past"),
        (timedelta(0), "past"),
        (timedelta(microseconds=1), "within_15m"),
        (timedelta(minutes=15), "within_15m"),
        (timedelta(minutes=15, microseconds=1), "within_1h"),
        (timedelta(hours=1), "within_1h"),
        (timedelta(hours=4), "within_4h"),
        (timedelta(hours=4, microseconds=1), "later"),
        (timedelta(days=5), "later"),
    ],
)
def test_the_time_left_is_named_in_few_words(left: timedelta, named: str) -> None:
    assert due(left) == named


async def test_connections_lent_are_counted_by_pool(harness: Harness) -> None:
    await harness.queue("A1")
    async with harness.database.engine.connect():
        assert _value("pool_connections_in_use", service="batch", pool="work") == 1
    assert _value("pool_connections_in_use", service="batch", pool="work") == 0
    assert _value("pool_connections_most", service="batch", pool="work") == 8
    assert _value("pool_waiting", service="batch", pool="work") == 0


async def test_how_long_people_wait_for_a_batch_is_measured_once_whatever_its_end(harness: Harness) -> None:
    def counted(*, within: str) -> float:
        found = REGISTRY.get_sample_value("rebalancer_batch_ready_seconds_bucket", {"size": "small", "le": within})
        return found or 0.0

    before = counted(within="10.0"), counted(within="60.0"), counted(within="+Inf")
    pat = harness.user()
    await harness.queue("A1", "A2", "A3")
    quick = await pat.propose("A1")
    harness.clock.forward(seconds=8)
    await harness.reply(quick["batch_id"])
    slow = await pat.propose("A2")
    harness.clock.forward(seconds=40)
    await harness.reply(slow["batch_id"], failing=["A2"])
    await pat.propose("A3")
    harness.clock.instant = build.EVENING
    harness.clock.forward(minutes=1)
    assert await harness.sweeps.end_days() == 2
    after = counted(within="10.0"), counted(within="60.0"), counted(within="+Inf")
    assert [now - then for now, then in zip(after, before, strict=True)] == [1, 2, 3]

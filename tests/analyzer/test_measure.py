"""When the daily analysis was finished, whether it is overdue, and how old the prices are, as the metrics say it."""

import time
from datetime import timedelta

import pytest
from prometheus_client import REGISTRY

from services.analyzer.operations.measure import AnalysisMeasure
from tests.analyzer.builders import prices
from tests.analyzer.harness import Harness

pytestmark = pytest.mark.integration


def _value(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(f"rebalancer_{name}", labels)


async def test_a_daily_analysis_is_overdue_until_it_is_finished(harness: Harness) -> None:
    await harness.book("a1")
    await harness.handlers.on_prices([prices(2, AAA="1", BBB="9", CCC="1")])
    measure = AnalysisMeasure(harness.database, harness.clock, harness.settings)
    await measure.sample()
    overdue_s = _value("analysis_overdue_seconds")
    assert overdue_s is not None and overdue_s > 3600, "it is noon, and it was due at half past seven"
    await harness.sweeper.step()
    await measure.sample()
    assert _value("analysis_overdue_seconds") == 0
    finished_s = _value("analysis_last_success_timestamp_seconds")
    assert finished_s is not None
    assert abs(time.time() - finished_s) < timedelta(minutes=5).total_seconds()
    behind = _value("input_sessions_behind", input="prices")
    assert behind is not None and 0 <= behind <= 5
    assert _value("input_age_seconds", input="prices") is not None

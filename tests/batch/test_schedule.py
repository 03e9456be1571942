"""The day of a batch, its cut-off, and the session on which its orders are traded.  Source: product 1, 3, 6."""

from datetime import UTC, date, datetime, time

import pytest

from services.auditor.domain.sessions import session_of as audited_session_of
from services.batch.domain.schedule import decision_window, session_of
from tests.batch import build

pytestmark = pytest.mark.fast


END_OF_DAY = time(18)
WINDOWS = [
    (datetime(2026, 6, 12, 14, tzinfo=UTC), date(2026, 6, 12), datetime(2026, 6, 12, 22, tzinfo=UTC)),
    (datetime(2026, 6, 12, 22, tzinfo=UTC), date(2026, 6, 15), datetime(2026, 6, 15, 22, tzinfo=UTC)),  # at the cut-off
    (datetime(2026, 6, 13, 12, tzinfo=UTC), date(2026, 6, 15), datetime(2026, 6, 15, 22, tzinfo=UTC)),  # a Saturday
    (datetime(2026, 7, 3, 12, tzinfo=UTC), date(2026, 7, 6), datetime(2026, 7, 6, 22, tzinfo=UTC)),  # holiday observed
    (datetime(2026, 12, 1, 12, tzinfo=UTC), date(2026, 12, 1), datetime(2026, 12, 1, 23, tzinfo=UTC)),  # winter time
]


@pytest.mark.parametrize(("now", "trade_date", "cancel_at"), WINDOWS)
def test_the_day_of_a_batch(now: datetime, trade_date: date, cancel_at: datetime) -> None:
    window = decision_window(now, END_OF_DAY)
    assert (window.trade_date, window.cancel_at) == (trade_date, cancel_at)
    assert window.cancel_at > now


FRIDAY, MONDAY = date(2026, 6, 12), date(2026, 6, 15)
SESSIONS = [
    (datetime(2026, 6, 12, 13, tzinfo=UTC), FRIDAY),  # before the exchange opens
    (datetime(2026, 6, 12, 19, 59, 59, tzinfo=UTC), FRIDAY),  # 15:59:59 in New York
    (datetime(2026, 6, 12, 20, 0, 0, tzinfo=UTC), MONDAY),  # at the close itself
    (datetime(2026, 6, 12, 20, 30, tzinfo=UTC), MONDAY),  # 16:30, before the cut-off
    (datetime(2026, 6, 13, 2, tzinfo=UTC), MONDAY),  # Friday, 22:00 in New York
    (datetime(2026, 6, 13, 16, tzinfo=UTC), MONDAY),  # Saturday
    (datetime(2024, 11, 29, 17, 59, 59, tzinfo=UTC), date(2024, 11, 29)),  # a half day, 12:59:59
    (datetime(2024, 11, 29, 18, 0, 0, tzinfo=UTC), date(2024, 12, 2)),  # it closes at 13:00
    (datetime(2024, 11, 29, 19, 30, tzinfo=UTC), date(2024, 12, 2)),  # 14:30
    (datetime(2026, 7, 2, 19, 59, 59, tzinfo=UTC), date(2026, 7, 2)),  # the eve of a holiday
    (datetime(2026, 7, 2, 20, 0, 0, tzinfo=UTC), date(2026, 7, 6)),  # Friday is the holiday observed
    (datetime(2026, 7, 3, 15, tzinfo=UTC), date(2026, 7, 6)),
    (datetime(2026, 3, 6, 20, 59, 59, tzinfo=UTC), date(2026, 3, 6)),  # winter time: the close is at 21:00 UTC
    (datetime(2026, 3, 6, 21, 0, 0, tzinfo=UTC), date(2026, 3, 9)),
    (datetime(2026, 3, 9, 19, 59, 59, tzinfo=UTC), date(2026, 3, 9)),  # summer time since Sunday: at 20:00 UTC
    (datetime(2026, 3, 9, 20, 0, 0, tzinfo=UTC), date(2026, 3, 10)),
]


@pytest.mark.parametrize(("approved_at", "session"), SESSIONS)
def test_orders_are_traded_on_the_first_session_that_closes_after_the_approval(
    approved_at: datetime, session: date
) -> None:
    """Source: product 3, "After approval"; the auditor, which makes orders anew, has the same rule."""
    assert session_of(approved_at) == session
    assert audited_session_of(approved_at) == session


def test_another_cut_off() -> None:
    assert decision_window(build.MORNING, time(16)).cancel_at == datetime(2026, 6, 12, 20, tzinfo=UTC)

"""Sessions, closes, business dates and cut-offs on the real New York calendar, and the committed list of sessions."""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from structlog.testing import capture_logs

from deploy import trading_calendar as refresh
from deploy.stack.layout import CHECKOUT
from shared.rules.trading_calendar import (
    FILE,
    NoSession,
    business_date,
    close_of,
    cut_off,
    is_session,
    last_session,
    session_after,
    session_before,
    sessions_between,
)
from shared.runtime.calendar_end import warn_before_end
from shared.runtime.clock import SystemClock

NEW_YORK = ZoneInfo("America/New_York")


@pytest.mark.parametrize(
    ("local", "expected"),
    [
        ("2026-11-23T09:00", "2026-11-23"),  # Monday morning
        ("2026-11-23T17:59:59", "2026-11-23"),
        ("2026-11-23T18:00", "2026-11-24"),  # at the cut-off it is past
        ("2026-11-25T19:00", "2026-11-27"),  # Thanksgiving is no session
        ("2026-11-27T17:00", "2026-11-27"),  # an early close keeps the cut-off of 18:00
        ("2026-11-28T12:00", "2026-11-30"),  # Saturday
        ("2026-12-31T18:30", "2027-01-04"),  # New Year
    ],
)
def test_business_date_is_the_first_session_whose_cut_off_is_not_past(local: str, expected: str) -> None:
    instant = datetime.fromisoformat(local).replace(tzinfo=NEW_YORK)
    assert business_date(instant) == date.fromisoformat(expected)


def test_cut_off_keeps_its_wall_time_over_the_change_of_clocks() -> None:
    assert cut_off(date(2026, 3, 6)).utcoffset() != cut_off(date(2026, 3, 9)).utcoffset()
    assert cut_off(date(2026, 3, 9)).hour == 18


def test_sessions_are_counted_forward_back_and_between() -> None:
    assert session_after(date(2026, 11, 25)) == date(2026, 11, 27)
    assert session_before(date(2026, 11, 30)) == date(2026, 11, 27)
    assert session_after(date(2026, 11, 28), 2) == date(2026, 12, 1)
    assert sessions_between(date(2026, 11, 25), date(2026, 11, 30)) == 2
    assert sessions_between(date(2026, 11, 30), date(2026, 11, 25)) == 0
    assert not is_session(date(2026, 11, 26))


def test_dates_beyond_the_calendar_are_refused() -> None:
    with pytest.raises(NoSession):
        business_date(datetime(2099, 1, 1, tzinfo=NEW_YORK))


@pytest.mark.parametrize(
    "asked",
    [
        lambda: is_session(date(2099, 1, 2)),
        lambda: session_after(last_session()),
        lambda: session_before(date(2099, 1, 2)),
        lambda: sessions_between(date(2026, 11, 25), date(2099, 1, 2)),
        lambda: close_of(date(2099, 1, 2)),
    ],
)
def test_every_question_beyond_the_end_says_what_is_covered_and_what_extends_it(asked: Callable[[], object]) -> None:
    with pytest.raises(NoSession, match=r"covers 1990-01-02 to .*python -m deploy\.trading_calendar"):
        asked()


def test_the_days_before_an_instant_may_end_with_the_last_session() -> None:
    assert session_before(last_session() + timedelta(days=1)) == last_session()


@pytest.mark.parametrize(
    ("day", "close"),
    [
        ("2026-11-25", "16:00"),
        ("2026-11-27", "13:00"),  # the day after Thanksgiving
        ("2026-12-24", "13:00"),
        ("2026-07-02", "16:00"),  # 3 July 2026 is no session: the holiday falls on a Saturday
    ],
)
def test_half_days_close_early_in_new_york_time(day: str, close: str) -> None:
    assert close_of(date.fromisoformat(day)) == datetime.fromisoformat(f"{day}T{close}").replace(tzinfo=NEW_YORK)


def test_a_day_without_trading_has_no_close() -> None:
    with pytest.raises(NoSession, match="2026-11-26 is no session"):
        close_of(date(2026, 11, 26))


def test_the_committed_list_is_what_the_library_says() -> None:
    committed = (CHECKOUT / "shared" / "rules" / FILE).read_text()
    assert committed == refresh.listed(date(last_session().year, 12, 31)), "run `python -m deploy.trading_calendar`"


def test_the_list_ends_more_than_a_year_ahead() -> None:
    left = (last_session() - SystemClock().now().astimezone(NEW_YORK).date()).days
    assert left >= 365, f"{left} days are left: run `python -m deploy.trading_calendar`"


@pytest.mark.parametrize(("days", "warns"), [(366, False), (365, False), (364, True), (0, True), (-1, True)])
def test_a_service_that_starts_with_less_than_a_year_left_warns(days: int, warns: bool) -> None:
    start = datetime.combine(last_session() - timedelta(days=days), time(9, 0), tzinfo=NEW_YORK)
    with capture_logs() as lines:
        warn_before_end(start)
    expected = {
        "event": "calendar.ends",
        "log_level": "warning",
        "last_session": str(last_session()),
        "days_left": days,
    }
    assert lines == ([expected] if warns else [])

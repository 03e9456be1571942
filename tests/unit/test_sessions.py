"""Business dates and cut-offs on the real New York calendar."""

import os
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from shared.rules import trading_calendar
from shared.rules.trading_calendar import (
    NoSession,
    business_date,
    cut_off,
    is_session,
    session_after,
    session_before,
    sessions_between,
)

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


def test_the_list_is_kept_for_a_week_and_made_anew_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "home"))
    trading_calendar.sessions.cache_clear()
    whole = trading_calendar.sessions()
    (kept,) = (tmp_path / "home").iterdir()
    kept.write_text("2031-01-02\n")
    trading_calendar.sessions.cache_clear()
    assert trading_calendar.sessions() == (date(2031, 1, 2),)
    os.utime(kept, (0, 0))
    trading_calendar.sessions.cache_clear()
    assert trading_calendar.sessions() == whole

"""Sessions of the New York exchange, their closes, and business dates.

The sessions are data: `nyse_sessions.csv` beside this module, a line for each session, oldest first.
`python -m deploy.trading_calendar` writes it; it ends at least a year ahead (`tests/unit/test_trading_calendar.py`).

A business date is the first session whose cut-off is not yet past.  Source: product 1, "business date".
"""

from bisect import bisect_left, bisect_right
from datetime import date, datetime, time, timedelta
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

NEW_YORK = ZoneInfo("America/New_York")
CUT_OFF = time(18, 0)
FILE = "nyse_sessions.csv"
HEADER = "session,close"


class NoSession(ValueError):
    """The calendar has no session for this date: it lies outside the years the calendar covers, or is no session."""


@cache
def sessions() -> tuple[date, ...]:
    """Return all known sessions, oldest first (1990 to more than a year ahead)."""
    return tuple(_closes())


def last_session() -> date:
    """Return the last session the calendar knows."""
    return sessions()[-1]


def is_session(day: date) -> bool:
    """Say whether the exchange trades on `day`; False before 1990.  Raises NoSession beyond the calendar's end."""
    _refuse_beyond_end(day)
    return day in _closes()


def close_of(day: date) -> datetime:
    """Return the instant at which the exchange closes on `day`, half days included, in New York time.

    Raises NoSession if `day` is no session of the calendar.
    """
    close = _closes().get(day)
    if close is None:
        _refuse_beyond_end(day)
        raise NoSession(f"{day} is no session in the exchange calendar")
    return datetime.combine(day, close, tzinfo=NEW_YORK)


def session_after(day: date, count: int = 1) -> date:
    """Return the count-th session strictly after `day`.  Raises NoSession beyond the calendar."""
    index = bisect_right(sessions(), day) + count - 1
    if not 0 <= index < len(sessions()):
        raise NoSession(f"no session {count} after {day} in the exchange calendar, {_covers()}")
    return sessions()[index]


def session_before(day: date, count: int = 1) -> date:
    """Return the count-th session strictly before `day`.  Raises NoSession beyond the calendar."""
    _refuse_beyond_end(day - timedelta(days=1))  # only the days before it count
    index = bisect_left(sessions(), day) - count
    if index < 0:
        raise NoSession(f"no session {count} before {day} in the exchange calendar, {_covers()}")
    return sessions()[index]


def sessions_between(first: date, last: date) -> int:
    """Return how many sessions lie after `first` up to and including `last` (0 when last <= first).

    Raises NoSession if `last` lies beyond the calendar's end.
    """
    _refuse_beyond_end(last)
    return max(0, bisect_right(sessions(), last) - bisect_right(sessions(), first))


def cut_off(day: date, at: time = CUT_OFF) -> datetime:
    """Return the end-of-day instant of a business date, in New York time."""
    return datetime.combine(day, at, tzinfo=NEW_YORK)


def business_date(instant: datetime, at: time = CUT_OFF) -> date:
    """Return the first session whose cut-off is not yet past at `instant` (at the cut-off itself it is past).

    Raises NoSession beyond the calendar.  Source: product 1, "business date".
    """
    local = instant.astimezone(NEW_YORK)
    day = local.date()
    index = bisect_left(sessions(), day)
    if day in _closes() and instant >= cut_off(day, at):
        index += 1
    if index >= len(sessions()):
        raise NoSession(f"{day} lies beyond the exchange calendar, {_covers()}")
    return sessions()[index]


@cache
def _closes() -> dict[date, time]:
    """Return the close of each session as New York wall time, oldest session first.

    Raises ValueError if the file of sessions does not begin with HEADER.
    """
    header, *lines = files(__package__).joinpath(FILE).read_text().splitlines()
    if header != HEADER:
        raise ValueError(f"{FILE} begins with {header!r} instead of {HEADER!r}")
    rows = (line.split(",") for line in lines)
    return {date.fromisoformat(day): time.fromisoformat(close) for day, close in rows}


def _refuse_beyond_end(day: date) -> None:
    """Raise NoSession if `day` lies after the last known session: nobody knows yet whether it is one."""
    if day > last_session():
        raise NoSession(f"{day} lies beyond the exchange calendar, {_covers()}")


def _covers() -> str:
    return f"which covers {sessions()[0]} to {last_session()}; `python -m deploy.trading_calendar` extends it"

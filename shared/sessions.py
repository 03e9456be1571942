"""Exchange sessions (New York) and business dates.

A business date is the first session whose cut-off is not yet past.  Source: product 1, "business date".
"""

import subprocess
import sys
from bisect import bisect_left, bisect_right
from datetime import date, datetime, time
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

NEW_YORK = ZoneInfo("America/New_York")
CUT_OFF = time(18, 0)


class NoSession(ValueError):
    """The date lies outside the calendar's known range."""


@cache
def sessions() -> tuple[date, ...]:
    """Return all known sessions in order (1990 to about a year ahead).

    Raises RuntimeError with the words of the program that lists them when it fails.
    """
    # -P: beside that program lie modules that are called like the library's own, e.g. http.
    program = [sys.executable, "-P", str(Path(__file__).with_name("exchange.py"))]
    done = subprocess.run(program, capture_output=True, text=True, check=False)  # noqa: S603  # our own program
    if done.returncode != 0:
        raise RuntimeError(f"the exchange calendar cannot be read:\n{done.stderr[-2000:]}")
    return tuple(map(date.fromisoformat, done.stdout.split()))


def is_session(day: date) -> bool:
    """Say whether the exchange trades on `day`."""
    place = bisect_left(sessions(), day)
    return place < len(sessions()) and sessions()[place] == day


def session_after(day: date, count: int = 1) -> date:
    """Return the count-th session strictly after `day`.  Raises NoSession beyond the calendar."""
    place = bisect_right(sessions(), day) + count - 1
    if not 0 <= place < len(sessions()):
        raise NoSession(f"no session {count} after {day} in the exchange calendar")
    return sessions()[place]


def session_before(day: date, count: int = 1) -> date:
    """Return the count-th session strictly before `day`.  Raises NoSession beyond the calendar."""
    place = bisect_left(sessions(), day) - count
    if place < 0:
        raise NoSession(f"no session {count} before {day} in the exchange calendar")
    return sessions()[place]


def sessions_between(first: date, last: date) -> int:
    """Return how many sessions lie after `first` up to and including `last` (0 when last <= first)."""
    return max(0, bisect_right(sessions(), last) - bisect_right(sessions(), first))


def cut_off(day: date, at: time = CUT_OFF) -> datetime:
    """Return the end-of-day instant of a business date, in New York time."""
    return datetime.combine(day, at, tzinfo=NEW_YORK)


def business_date(instant: datetime, at: time = CUT_OFF) -> date:
    """Return the first session whose cut-off is not yet past at `instant` (at the cut-off itself it is past).

    Raises NoSession beyond the calendar.
    """
    local = instant.astimezone(NEW_YORK)
    place = bisect_left(sessions(), local.date())
    if place < len(sessions()) and sessions()[place] == local.date() and instant >= cut_off(local.date(), at):
        place += 1
    if place >= len(sessions()):
        raise NoSession(f"{local.date()} lies beyond the exchange calendar")
    return sessions()[place]

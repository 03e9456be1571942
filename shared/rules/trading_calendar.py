"""Exchange sessions (New York) and business dates.

A business date is the first session whose cut-off is not yet past.  Source: product 1, "business date".
"""

import os
import subprocess
import sys
import time as time_module
from bisect import bisect_left, bisect_right
from contextlib import suppress
from datetime import date, datetime, time
from functools import cache
from importlib.metadata import version
from pathlib import Path
from zoneinfo import ZoneInfo

from shared.fixed_point.source_digest import kernel_home

NEW_YORK = ZoneInfo("America/New_York")
CUT_OFF = time(18, 0)
_KEPT_S = 7 * 86_400.0


class NoSession(ValueError):
    """The date lies outside the calendar's known range."""


@cache
def sessions() -> tuple[date, ...]:
    """Return all known sessions in order (1990 to about a year ahead).

    The list is kept for a week beside the compiled kernels: a second of processor time for each process that starts.
    Raises RuntimeError with the words of the program that lists them when it fails.
    """
    kept = kernel_home() / f"sessions-{version('exchange_calendars')}.txt"
    text = _fresh(kept)
    if text is None:
        text = _listed()
        _keep(kept, text)
    return tuple(map(date.fromisoformat, text.split()))


def _fresh(kept: Path) -> str | None:
    """Return the kept list unless it is old or cannot be read."""
    with suppress(OSError):
        if time_module.time() - kept.stat().st_mtime < _KEPT_S:
            return kept.read_text()
    return None


def _keep(kept: Path, text: str) -> None:
    """Keep the list in one step, so that a reader never meets half of it; a folder that takes nothing is no error."""
    fresh = kept.with_name(f"{kept.name}.{os.getpid()}.new")
    with suppress(OSError):
        kept.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh.write_text(text)
        fresh.replace(kept)


def _listed() -> str:
    """Return the sessions as the library's program prints them."""
    # -P: beside that program lie modules that are called like the library's own, e.g. http.
    program = [sys.executable, "-P", str(Path(__file__).with_name("exchange.py"))]
    done = subprocess.run(program, capture_output=True, text=True, check=False)  # noqa: S603  # our own program
    if done.returncode != 0:
        raise RuntimeError(f"the exchange calendar cannot be read:\n{done.stderr[-2000:]}")
    return done.stdout


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

"""The local stack's own clock: the machine's time plus an offset kept in a file that every process reads.

It stands still while the stack is down, so a kept book never turns stale, and `make next-day` moves it forward.
"""

import time
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from deploy.stack.layout import Layout, read_json, write_json

MARKET = ZoneInfo("America/New_York")
OPENING_HOUR = 10
"""A new stack begins at ten in the market's morning: orders can be approved long before the day's cut-off."""


def now(layout: Layout) -> datetime:
    """Return the stack's present instant (UTC)."""
    return datetime.fromtimestamp(time.time(), UTC) + timedelta(seconds=_offset_s(layout))


def set_now(layout: Layout, instant: datetime) -> None:
    """Make `instant` (with time zone) the stack's present."""
    write_json(layout.clock_file, {"offset_seconds": round(instant.timestamp() - time.time())})


def begin(layout: Layout) -> datetime:
    """Set the clock of a starting stack and return its present: where it stopped, else a business morning."""
    last = read_json(layout.last_instant_file).get("instant")
    if last is not None:
        set_now(layout, datetime.fromisoformat(last))
    elif not layout.clock_file.exists():
        today = datetime.fromtimestamp(time.time(), UTC).astimezone(MARKET).date()
        day = sessions_until(today, 1)[0]
        set_now(layout, datetime(day.year, day.month, day.day, OPENING_HOUR, tzinfo=MARKET))
    return now(layout)


def remember_instant(layout: Layout) -> None:
    """Note the present, so that `begin` can go on from here."""
    write_json(layout.last_instant_file, {"instant": now(layout).isoformat()})


def sessions_until(day: date, count: int) -> list[date]:
    """Return the last `count` trading sessions (New York) up to and including `day`, oldest first."""
    import exchange_calendars  # a second to import, needed only when a stack begins

    calendar = exchange_calendars.get_calendar("XNYS")
    last = calendar.date_to_session(day.isoformat(), direction="previous")
    return [session.date() for session in calendar.sessions_window(last, -count)]


def _offset_s(layout: Layout) -> int:
    return int(read_json(layout.clock_file).get("offset_seconds", 0))

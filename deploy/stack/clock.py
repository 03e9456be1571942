"""The local stack's own clock: the machine's time plus an offset kept in a file that every process reads.

It stands still while the stack is down, so a kept book never turns stale, and `make next-day` moves it forward.
"""

from datetime import UTC, datetime, time, timedelta

from deploy.stack.layout import Layout, read_json, write_json
from shared.rules.trading_calendar import NEW_YORK, session_before
from shared.runtime.clock import FileClock, SystemClock, set_instant

OPENING = time(10, 0)
"""A new stack begins at ten in the morning, New York: orders can be approved long before the cut-off."""


def now(layout: Layout) -> datetime:
    """Return the stack's present instant (UTC). Raises FileNotFoundError before `begin`."""
    return FileClock(layout.clock_file).now()


def begin(layout: Layout) -> datetime:
    """Set the clock of a starting stack to where it stopped, else to a business morning; return the instant."""
    last = read_json(layout.last_instant_file).get("instant")
    if last is not None:
        set_instant(layout.clock_file, datetime.fromisoformat(last))
    elif not layout.clock_file.exists():
        today = SystemClock().now().astimezone(NEW_YORK).date()
        day = session_before(today + timedelta(days=1))
        set_instant(layout.clock_file, datetime.combine(day, OPENING, tzinfo=NEW_YORK))
    return now(layout)


def remember_instant(layout: Layout) -> None:
    """Store the present instant, from which `begin` goes on."""
    write_json(layout.last_instant_file, {"instant": now(layout).astimezone(UTC).isoformat()})

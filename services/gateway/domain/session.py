"""When a session ends. Instants come from the Clock port; limits are durations."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

Standing = Literal["ALIVE", "IDLE", "OVER"]

# The last use is written down at most this often, so that reading is not a write each time.
TOUCH_EVERY: Final = timedelta(seconds=30)


@dataclass(frozen=True)
class Limits:
    """How long a session may go unused, and how long it may last at all."""

    idle: timedelta
    absolute: timedelta


def standing(started: datetime, used: datetime, now: datetime, limits: Limits) -> Standing:
    """Return ALIVE, IDLE (unused for limits.idle or longer) or OVER (limits.absolute after it started).

    A clock that was set back leaves the session alive: only time that has passed ends it.
    """
    if now - started >= limits.absolute:
        return "OVER"
    if now - used >= limits.idle:
        return "IDLE"
    return "ALIVE"


def is_touch_due(used: datetime, now: datetime) -> bool:
    """Say whether this use must be written down; a clock set back is written down too."""
    return abs(now - used) >= TOUCH_EVERY

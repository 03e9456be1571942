"""When a session ends. Instants come from the Clock; limits are durations."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

Standing = Literal["ALIVE", "IDLE", "OVER"]

# The last use is stored at most this often, so that not every request is a write.
TOUCH_EVERY: Final = timedelta(seconds=30)


@dataclass(frozen=True)
class SessionLimits:
    """How long a session may go unused, and how long it may last at all."""

    idle: timedelta
    absolute: timedelta


def standing(started: datetime, used: datetime, now: datetime, limits: SessionLimits) -> Standing:
    """Return ALIVE, IDLE (unused for limits.idle or longer) or OVER (limits.absolute after it started).

    A clock that was set back leaves the session alive: only time that has passed ends it.
    """
    if now - started >= limits.absolute:
        return "OVER"
    if now - used >= limits.idle:
        return "IDLE"
    return "ALIVE"


def is_touch_due(used: datetime, now: datetime) -> bool:
    """Whether this use must be stored; so must one after the clock was set back."""
    return abs(now - used) >= TOUCH_EVERY

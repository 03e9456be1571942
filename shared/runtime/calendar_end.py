"""The warning of a service that starts when the trading calendar ends within a year."""

from datetime import datetime
from typing import Final

from shared.rules.trading_calendar import NEW_YORK, last_session
from shared.runtime import log

_NOTICE_DAYS: Final = 365
_log = log.get(__name__)


def warn_before_end(now: datetime) -> None:
    """Log a warning if the trading calendar ends less than a year after `now`.

    It reads the calendar, so that no message waits for it later.
    """
    days_left = (last_session() - now.astimezone(NEW_YORK).date()).days
    if days_left < _NOTICE_DAYS:
        _log.warning("calendar.ends", last_session=str(last_session()), days_left=days_left)

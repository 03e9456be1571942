"""On which session orders are traded that were approved at an instant.  Source: product 3, "After approval"."""

from datetime import date, datetime

from shared.rules import trading_calendar


def session_of(approved_at: datetime) -> date:
    """Return the first session that closes after an approval.  Raises NoSession beyond the calendar."""
    day = approved_at.astimezone(trading_calendar.NEW_YORK).date()
    if trading_calendar.is_session(day) and approved_at < trading_calendar.close_of(day):
        return day
    return trading_calendar.session_after(day)

"""Until when a batch may be decided, and when its orders are traded.

Source: product 6, "End of day"; product 1, "business date"; product 3, "After approval".
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from shared.rules import trading_calendar


@dataclass(frozen=True)
class DecisionWindow:
    """trade_date: the business date a batch belongs to. cancel_at: the instant (UTC) at which it is cancelled."""

    trade_date: date
    cancel_at: datetime


def decision_window(now: datetime, cut_off: time) -> DecisionWindow:
    """Return the window of a batch made at `now`; it is fixed then and never moves.

    cut_off: local time in New York, the end of a business date.  Raises NoSession if `now` lies beyond the calendar.
    """
    trade_date = trading_calendar.business_date(now, cut_off)
    return DecisionWindow(trade_date, trading_calendar.cut_off(trade_date, cut_off).astimezone(UTC))


def session_of(approved_at: datetime) -> date:
    """Return the session on which orders approved at an instant are traded: the first that closes after it.

    Raises NoSession if the instant lies beyond the calendar.
    """
    day = approved_at.astimezone(trading_calendar.NEW_YORK).date()
    if trading_calendar.is_session(day) and approved_at < trading_calendar.close_of(day):
        return day
    return trading_calendar.session_after(day)

"""How old an input is, as metrics: by the date it bears, in time and in sessions, so that a weekend is no delay."""

from datetime import date, datetime, time
from typing import Literal

from shared.rules.trading_calendar import business_date, cut_off, sessions_between
from shared.runtime import metrics

Input = Literal["custodian_file", "prices"]


def note_input(name: Input, as_of: date | None, now: datetime, at: time) -> None:
    """Set the age of the newest input, which bears the date `as_of`; None, before the first one, sets nothing.

    at: cut-off of business dates.  Raises NoSession beyond the calendar.
    """
    if as_of is not None:
        metrics.INPUT_AGE.labels(name).set(max(0.0, (now - cut_off(as_of, at)).total_seconds()))
        metrics.INPUT_BEHIND.labels(name).set(sessions_between(as_of, business_date(now, at)))

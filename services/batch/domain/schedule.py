"""Until when a batch may be decided.  Source: product 6, "End of day"; product 1, "business date"."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime


@dataclass(frozen=True)
class Term:
    """trade_date: the business date a batch belongs to. cancel_at: the instant (UTC) at which it is cancelled."""

    trade_date: date
    cancel_at: datetime


def term_of(now: datetime, business_date: Callable[[datetime], date], cut_off: Callable[[date], datetime]) -> Term:
    """Return the term of a batch made at `now`; it is fixed then and never moves.

    business_date and cut_off are the exchange calendar.  Raises what they raise beyond the calendar.
    """
    trade_date = business_date(now)
    return Term(trade_date, cut_off(trade_date).astimezone(UTC))

"""What is decided about an account before its numbers are looked at: data hold, settling.  Source: product 3."""

from datetime import date
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.analyzer.domain import kernel
from services.analyzer.domain.layout import Ints
from shared.rules.trading_calendar import session_before

SETTLING_SESSIONS: Final = 3
EPOCH: Final = date(1970, 1, 1)
NEVER: Final = -(2**63)  # no date


def day_number(day: date) -> int:
    """Return a date as days since 1970-01-01."""
    return (day - EPOCH).days


def day_of(number: int) -> date:
    """Return the date of a day number."""
    return date.fromordinal(EPOCH.toordinal() + number)


def overdue_before(today: date) -> int:
    """Return the day number before which an approval must have been settled: more than three sessions ago."""
    return day_number(session_before(today, SETTLING_SESSIONS))


def gates(problem: NDArray[np.bool_], reported: NDArray[np.bool_], settle_day: Ints, overdue: int) -> Ints:
    """Return G_* of n accounts.

    problem: a data hold or bad settings; reported: holdings have arrived; settle_day: trade date of orders not yet seen
    settled, NEVER without; overdue: as overdue_before gives it.
    """
    settling = settle_day != NEVER
    late = settling & (settle_day < overdue)
    gate = np.where(settling, kernel.G_SETTLING, kernel.G_EVALUATE)
    return np.where(problem | ~reported | late, kernel.G_HELD, gate).astype(np.int64)

"""Whether an account is evaluated, held or settling, before its numbers are read.  Source: product 3."""

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
    """Return the day number before which approvals must have settled: three sessions before `today`."""
    return day_number(session_before(today, SETTLING_SESSIONS))


def eligibility_of(problem: NDArray[np.bool_], reported: NDArray[np.bool_], settle_day: Ints, overdue: int) -> Ints:
    """Return kernel.G_* of n accounts.

    problem[n]: a data hold or bad settings.  reported[n]: holdings have arrived.  settle_day[n]: the session on which
    orders not yet confirmed by a custodian file are traded, in days since 1970-01-01; NEVER without.  overdue: from
    `overdue_before`.
    """
    settling = settle_day != NEVER
    late = settling & (settle_day < overdue)
    unless_held = np.where(settling, kernel.G_SETTLING, kernel.G_EVALUATE)
    return np.where(problem | ~reported | late, kernel.G_HELD, unless_held).astype(np.int64)

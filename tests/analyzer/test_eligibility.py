"""Data hold and settling as a table.  Source: product 3, "After approval"; product 2, "data hold"."""

from datetime import date

import numpy as np
import pytest

from services.analyzer.domain import eligibility, kernel

pytestmark = pytest.mark.fast

MONDAY = eligibility.day_number(date(2026, 1, 5))


@pytest.mark.parametrize(
    ("problem", "reported", "settle_day", "found"),
    [
        (False, True, eligibility.NEVER, kernel.G_EVALUATE),
        # held: a data hold or bad settings, or no file yet
        (True, True, eligibility.NEVER, kernel.G_HELD),
        (False, False, eligibility.NEVER, kernel.G_HELD),
        (True, False, eligibility.NEVER, kernel.G_HELD),
        # orders of Monday are out; settled by Monday at the latest or overdue
        (False, True, MONDAY, kernel.G_SETTLING),
        (False, True, MONDAY + 1, kernel.G_SETTLING),
        (False, True, MONDAY - 1, kernel.G_HELD),
        # a hold goes before settling
        (True, True, MONDAY, kernel.G_HELD),
        (False, False, MONDAY, kernel.G_HELD),
    ],
)
def test_gates(problem: bool, reported: bool, settle_day: int, found: int) -> None:
    # Evaluated accounts stand on either side: no account takes the eligibility of its neighbour.
    beside = np.array([False, problem, False]), np.array([True, reported, True])
    days = np.array([eligibility.NEVER, settle_day, eligibility.NEVER])
    eligibilities = eligibility.eligibility_of(*beside, days, MONDAY)
    assert eligibilities.tolist() == [kernel.G_EVALUATE, found, kernel.G_EVALUATE]
    assert eligibilities.dtype == np.int64


@pytest.mark.parametrize(
    ("today", "first_in_time"),
    [
        # Orders of Monday, 5 January 2026: their file may come in the sessions of the 6th, 7th and 8th.
        ("2026-01-08", "2026-01-05"),
        ("2026-01-09", "2026-01-06"),
        # Saturday and Sunday are no sessions: Tuesday 13 comes after 8, 9 and 12
        ("2026-01-13", "2026-01-08"),
        # nor is Martin Luther King's day, Monday 19: Wednesday 21 comes after 15, 16 and 20
        ("2026-01-21", "2026-01-15"),
    ],
)
def test_orders_are_overdue_after_three_sessions(today: str, first_in_time: str) -> None:
    overdue_before = eligibility.overdue_before(date.fromisoformat(today))
    assert eligibility.day_of(overdue_before) == date.fromisoformat(first_in_time)


@pytest.mark.parametrize(("day", "number"), [("1970-01-01", 0), ("1970-01-02", 1), ("1969-12-31", -1)])
def test_days_are_counted_from_1970(day: str, number: int) -> None:
    assert eligibility.day_number(date.fromisoformat(day)) == number
    assert eligibility.day_of(number) == date.fromisoformat(day)

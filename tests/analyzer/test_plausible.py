"""When a price set waits for a look, as a table: each limit just inside and just beyond."""

from datetime import date, timedelta

import numpy as np
import pytest

from services.analyzer.domain.plausible import PriceSet, ReviewLimits, review
from shared.rules.trading_calendar import is_session

FRIDAY = date(2026, 1, 2)
LIMITS = ReviewLimits(jump=100, missing_percent=50, factor=10, moves_percent=5)


def price_set(number: int, as_of: date, *micro: int) -> PriceSet:
    return PriceSet(number, as_of, np.array(micro, np.int64))


BEFORE = price_set(7, FRIDAY, 1000, 1000, 1000, 1000, 0, 1000)
HELD = (0, 1, 2, 3, 4)  # 4 has had no price, 5 is held by nobody
MONDAY = date(2026, 1, 5)


@pytest.mark.parametrize(
    ("fresh", "reason"),
    [
        (price_set(8, MONDAY, 1000, 1000, 1000, 1000), None),
        (price_set(8, FRIDAY, 1000, 1000, 1000, 1000), None),  # a correction of the same day
        (price_set(107, MONDAY, 1000, 1000, 1000, 1000), None),
        (price_set(108, MONDAY, 1000, 1000, 1000, 1000), "its number 108 lies more than 100 above price set 7"),
        (price_set(2**53 - 1, MONDAY, 1000, 1000, 1000, 1000), "lies more than 100 above"),
        (price_set(6, MONDAY, 1000, 1000, 1000, 1000), "its number 6 is lower than that of price set 7"),
        (price_set(8, date(2025, 12, 31), 1000, 1000, 1000, 1000), "it is of 2025-12-31, older than price set 7"),
        (price_set(8, MONDAY + timedelta(1), 1000, 1000, 1000, 1000), "it is of 2026-01-06, which lies ahead"),
        (price_set(8, date(2099, 12, 31), 1000, 1000, 1000, 1000), "which lies ahead: today is 2026-01-05"),
        (price_set(8, date(2026, 1, 4), 1000, 1000, 1000, 1000), "the exchange did not trade on 2026-01-04"),
        (price_set(8, MONDAY, 1000, 1000, 0, 0, 1000, 1000), None),  # half of the held ones
        (price_set(8, MONDAY, 1000, 0, 0, 0, 1000, 1000), "it misses 3 of 4 held securities that price set 7 prices"),
        (price_set(8, MONDAY), "it misses 4 of 4 held securities"),
        (price_set(8, MONDAY, 9999, 101, 1000, 1000), None),
        (price_set(8, MONDAY, 10_000, 1000, 1000, 1000), None),  # one of them waits alone
        (price_set(8, MONDAY, 10_000, 100, 1000, 1000), "2 of 4 held securities move by a factor of 10 or more"),
        (price_set(8, MONDAY, 1000, 1000, 1000, 1000, 0, 10**9), None),  # nobody holds it
    ],
)
def test_a_set_waits_when_it_is_wrong_as_a_whole(fresh: PriceSet, reason: str | None) -> None:
    verdict = review(fresh, BEFORE, np.array(HELD, np.int64), MONDAY, is_session, LIMITS)
    assert len(verdict.reasons) == (reason is not None), verdict.reasons
    assert reason is None or reason in verdict.reasons[0]


@pytest.mark.parametrize(("price", "waits"), [(10_000, True), (9_999, False), (100, True), (101, False), (0, False)])
def test_a_price_that_moves_by_the_factor_waits_alone(price: int, waits: bool) -> None:
    verdict = review(
        price_set(8, MONDAY, 1000, price, 1000, 1000), BEFORE, np.array(HELD, np.int64), MONDAY, is_session, LIMITS
    )
    assert verdict.reasons == []
    assert verdict.outliers.tolist() == ([1] if waits else [])
    assert verdict.last_micro.tolist() == ([1000] if waits else [])


@pytest.mark.parametrize("number", [1, 2**53 - 1])
def test_the_first_set_counts_whatever_its_number(number: int) -> None:
    nobody = np.zeros(0, np.int64)
    assert review(price_set(number, FRIDAY, 5), None, nobody, MONDAY, is_session, LIMITS).reasons == []
    ahead = review(price_set(number, date(2099, 12, 31), 5), None, nobody, MONDAY, is_session, LIMITS)
    assert "lies ahead" in ahead.reasons[0]


def test_without_known_holdings_all_priced_securities_are_counted() -> None:
    verdict = review(price_set(8, MONDAY, 1000, 1000), BEFORE, np.zeros(0, np.int64), MONDAY, is_session, LIMITS)
    assert verdict.reasons[0].startswith("it misses 3 of 5 held securities")

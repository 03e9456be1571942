"""Short-term or long-term, by integer calendar arithmetic (days since 1970-01-01, proleptic Gregorian).

Long-term iff the trade date is on or after (acquired + 1 day) + 1 year, 29 February becoming 1 March.  Where a lot has
a date from which its term counts (`holding_since`), that takes the place of acquired.  Source: product 2, 5.
"""

from shared.fixed_point.compiled import inner_kernel
from shared.rules.relief.lots import ALWAYS_LONG, LONG, NO_DATE, SHORT, UNKNOWN

_DAYS_TO_1970 = 719468  # from 0000-03-01
_ERA_DAYS = 146097  # days in 400 years


@inner_kernel
def days_from_date(year: int, month: int, day: int) -> int:
    """Return the day number of a calendar date; years begin in March here, so that the leap day comes last."""
    shifted = year - (1 if month <= 2 else 0)
    era = shifted // 400
    year_of_era = shifted - era * 400
    day_of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    day_of_era = year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year
    return era * _ERA_DAYS + day_of_era - _DAYS_TO_1970


@inner_kernel
def date_from_days(days: int) -> tuple[int, int, int]:
    """Return (year, month, day) of a day number."""
    shifted = days + _DAYS_TO_1970
    era = shifted // _ERA_DAYS
    day_of_era = shifted - era * _ERA_DAYS
    year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36524 - day_of_era // 146096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    march_month = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * march_month + 2) // 5 + 1
    month = march_month + 3 if march_month < 10 else march_month - 9
    return year_of_era + era * 400 + (1 if month <= 2 else 0), month, day


@inner_kernel
def first_long_term_day(acquired: int) -> int:
    """Return the first day on which a sale is long-term; NO_DATE when the acquired date is missing, or it always is."""
    if acquired in (NO_DATE, ALWAYS_LONG):
        return NO_DATE
    year, month, day = date_from_days(acquired + 1)
    if month == 2 and day == 29:
        month, day = 3, 1
    return days_from_date(year + 1, month, day)


@inner_kernel
def term_of(acquired: int, trade_day: int) -> int:
    """Return SHORT, LONG or UNKNOWN (acquired date missing) of units sold on trade_day."""
    if acquired == NO_DATE:
        return UNKNOWN
    if acquired == ALWAYS_LONG:
        return LONG
    return LONG if trade_day >= first_long_term_day(acquired) else SHORT

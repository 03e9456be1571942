"""Numbers, dates and identifiers of a custodial file, each on the edge of its form.

Source: docs/custodial-files.md, "Form".
"""

import pytest

from services.taxlot.domain import text
from shared.rules.relief.lots import NO_DATE
from tests.taxlot.build import column

pytestmark = pytest.mark.fast
MOST = 2**63 - 1


@pytest.mark.parametrize(
    ("given", "scale", "limit", "value", "code"),
    [
        ("", 6, MOST, 0, text.EMPTY),
        ("7", 6, MOST, 7_000_000, text.GOOD),
        ("-7.5", 6, MOST, -7_500_000, text.GOOD),
        ("-0", 6, MOST, 0, text.GOOD),
        ("7.000000000000", 6, MOST, 7_000_000, text.GOOD),  # zeros beyond the last place say nothing
        # more decimals are rounded half away from zero
        ("7.0000004999", 6, MOST, 7_000_000, text.GOOD),
        ("7.0000005", 6, MOST, 7_000_001, text.GOOD),
        ("-7.0000005", 6, MOST, -7_000_001, text.GOOD),
        ("0.0000004", 6, MOST, 0, text.GOOD),
        ("-0.0000004", 6, MOST, 0, text.GOOD),
        ("108.36935", 2, MOST, 10_837, text.GOOD),
        ("0.9999995", 6, MOST, 1_000_000, text.GOOD),
        ("10.004", 2, 1_000, 1_000, text.GOOD),  # the limit is judged after rounding
        ("10.005", 2, 1_000, 0, text.TOO_LARGE),
        ("7.5", 0, MOST, 8, text.GOOD),
        ("999999999999.9999995", 6, MOST, 10**18, text.GOOD),
        ("7.0000001x", 6, MOST, 0, text.MALFORMED),
        ("7.0000001.", 6, MOST, 0, text.MALFORMED),
        ("7.00", 0, MOST, 7, text.GOOD),
        # a digit stands before a point and behind it, and there is one point and one sign
        (".5", 6, MOST, 0, text.MALFORMED),
        ("-.5", 6, MOST, 0, text.MALFORMED),
        ("5.", 6, MOST, 0, text.MALFORMED),
        ("-", 6, MOST, 0, text.MALFORMED),
        (".", 6, MOST, 0, text.MALFORMED),
        ("1..2", 6, MOST, 0, text.MALFORMED),
        ("1.2.3", 6, MOST, 0, text.MALFORMED),
        ("--1", 6, MOST, 0, text.MALFORMED),
        ("1-", 6, MOST, 0, text.MALFORMED),
        ("+1", 6, MOST, 0, text.MALFORMED),
        # the characters beside the digits
        ("1/", 6, MOST, 0, text.MALFORMED),
        ("1:", 6, MOST, 0, text.MALFORMED),
        ("x1", 6, MOST, 0, text.MALFORMED),
        ("1x.0000000", 6, MOST, 0, text.MALFORMED),  # nor do the zeros beyond the last place make it good again
        # the limit itself is inside, on either side of zero
        ("10", 2, 1_000, 1_000, text.GOOD),
        ("-10", 2, 1_000, -1_000, text.GOOD),
        ("10.01", 2, 1_000, 0, text.TOO_LARGE),
        ("-10.01", 2, 1_000, 0, text.TOO_LARGE),
        # 18 digits fit an integer of 64 bits whatever they are; more are too large whatever the limit
        ("999999999999999999", 0, MOST, 10**18 - 1, text.GOOD),
        ("000000000000000000000000000009", 0, MOST, 9, text.GOOD),
        ("-000000000000000000000000000009.5", 2, MOST, -950, text.GOOD),
        ("1000000000000000000", 0, MOST, 0, text.TOO_LARGE),
        ("999999999999.999999", 6, MOST, 10**18 - 1, text.GOOD),
        ("100000000000", 6, MOST, 10**17, text.GOOD),
        ("1000000000000", 6, MOST, 0, text.TOO_LARGE),
        ("1000000000000.0", 6, MOST, 0, text.TOO_LARGE),
        ("0", 19, MOST, 0, text.GOOD),
        ("1", 17, MOST, 10**17, text.GOOD),
        ("1", 18, MOST, 0, text.TOO_LARGE),
        # 2**64 and a little: what is left of it in 64 bits would be within every limit
        ("18446744073709551621", 0, 10**15, 0, text.TOO_LARGE),
        ("18446744073709.551621", 6, 10**15, 0, text.TOO_LARGE),
        ("18446744073710", 6, 10**15, 0, text.TOO_LARGE),
    ],
)
def test_decimals(given: str, scale: int, limit: int, value: int, code: int) -> None:
    # An empty text and one that is no number stand on either side: no text is read into another's.
    values, status = text.decimals(*column(["", given, "x"]), scale, limit)
    assert (values.tolist(), status.tolist()) == ([0, value, 0], [text.EMPTY, code, text.MALFORMED])


@pytest.mark.parametrize(
    ("given", "day", "code"),
    [
        ("1970-01-01", 0, text.GOOD),
        ("1969-12-31", -1, text.GOOD),
        ("9999-12-31", 2_932_896, text.GOOD),
        # nothing, and long ago, mean missing; the year 0 is none
        ("", NO_DATE, text.GOOD),
        ("1900-01-02", -25_566, text.GOOD),
        ("1900-01-01", NO_DATE, text.GOOD),
        ("0001-01-01", NO_DATE, text.GOOD),
        ("0000-12-31", NO_DATE, text.MALFORMED),
        # months and days that are not there
        ("2026-00-01", NO_DATE, text.MALFORMED),
        ("2026-13-01", NO_DATE, text.MALFORMED),
        ("2026-01-00", NO_DATE, text.MALFORMED),
        ("2026-01-32", NO_DATE, text.MALFORMED),
        ("2026-04-31", NO_DATE, text.MALFORMED),
        # ten characters, the fifth and the eighth a dash; a shorter one would go on into the next text
        ("2026-01-0", NO_DATE, text.MALFORMED),
        ("2026-01-022", NO_DATE, text.MALFORMED),
        ("2026/01-02", NO_DATE, text.MALFORMED),
        ("2026-01/02", NO_DATE, text.MALFORMED),
        # the characters beside the digits, which would count as -1 and 10, in any place
        ("2026-01-0:", NO_DATE, text.MALFORMED),
        ("2026-01-1/", NO_DATE, text.MALFORMED),
        ("202:-01-02", NO_DATE, text.MALFORMED),
        ("202/-01-02", NO_DATE, text.MALFORMED),
    ],
)
def test_dates(given: str, day: int, code: int) -> None:
    days, status = text.dates(*column(["2026-01-01", given, "2026-01-02"]))
    assert (days.tolist(), status.tolist()) == ([20_454, day, 20_455], [text.GOOD, code, text.GOOD])


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ("", text.EMPTY),
        ("azAZ09._:@-", text.GOOD),
        ("x" * 64, text.GOOD),
        ("x" * 65, text.MALFORMED),
        (" x", text.MALFORMED),
        ("x y", text.MALFORMED),
        ("x/", text.MALFORMED),
        ("é", text.MALFORMED),
    ],
)
def test_identifiers(given: str, code: int) -> None:
    for texts, found in (([given, "A"], [code, text.GOOD]), (["A", given, ""], [text.GOOD, code, text.EMPTY])):
        assert text.identifiers(*column(texts)).tolist() == found


@pytest.mark.parametrize(
    ("given", "scale", "shown", "rounded", "beyond"),
    [
        ("7", 6, 0, 0, 0),
        ("7.10", 6, 2, 0, 0),
        ("7.1234560", 6, 7, 0, 0),
        ("7.1234564", 6, 7, 1, 400_000),  # what rounding took away, in millionths of the unit
        ("7.1234565", 6, 7, 1, -500_000),
        ("-7.1234565", 6, 7, 1, 500_000),
        ("-7.1234564", 6, 7, 1, -400_000),
        ("108.36935", 2, 5, 1, -65_000),
        ("1.0000000000004", 6, 13, 1, 0),  # itself rounded
        ("1.0000000000005", 6, 13, 1, 1),
        ("1.00" + "0" * 300 + "1", 2, 255, 1, 0),
        ("x", 6, 0, 0, 0),
        ("", 6, 0, 0, 0),
        ("99999999999999999999.9999", 2, 0, 0, 0),  # too large
    ],
)
def test_how_a_number_is_written(given: str, scale: int, shown: int, rounded: int, beyond: int) -> None:
    found = text.numbers(*column(["1", given, "2.5"]), scale, MOST)
    assert [int(each[1]) for each in (found.shown, found.rounded, found.beyond)] == [shown, rounded, beyond]

"""Foreign numbers and dates in plain form: exact, each by its own style only, shown as they stand where none fits."""

from datetime import date
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.taxlot.domain.date_styles import date_tokens, plain_date, plain_dates
from services.taxlot.domain.number_styles import AS_WRITTEN, NEGATE, SHORT, Style, plain_numbers
from tests.taxlot.build import column

pytestmark = pytest.mark.fast
US = Style("$", ",", parentheses=True)


def plain(value: str, style: Style, mode: int = AS_WRITTEN, shift: int = 0, missing: tuple[str, ...] = ()) -> str:
    ends, made = plain_numbers(column([value]), style, missing, np.array([mode], np.uint8), np.array([shift], np.int8))
    return bytes(made[: ends[1]]).decode()


@pytest.mark.parametrize(
    ("value", "style", "mode", "shift", "expected"),
    [
        pytest.param("$1,234.50", US, AS_WRITTEN, 0, "1234.50", id="a currency sign and thousands"),
        pytest.param("($1,000)", US, AS_WRITTEN, 0, "-1000", id="parentheses are minus"),
        pytest.param("$(5.00)", US, AS_WRITTEN, 0, "-5.00", id="parentheses after the currency sign"),
        pytest.param("-$3", US, AS_WRITTEN, 0, "-3", id="the sign before the currency"),
        pytest.param("$-3", US, AS_WRITTEN, 0, "-3", id="the sign after the currency"),
        pytest.param("5.00-", Style(trailing_minus=True), AS_WRITTEN, 0, "-5.00", id="a minus at the end"),
        pytest.param("1.234,50", Style(thousands=".", decimal=","), AS_WRITTEN, 0, "1234.50", id="a decimal comma"),
        pytest.param("  12 ", Style(), AS_WRITTEN, 0, "12", id="blanks at the ends"),
        pytest.param("000012345", Style(implied=True), AS_WRITTEN, -5, "0.12345", id="five implied decimals"),
        pytest.param("7", Style(implied=True), AS_WRITTEN, -5, "0.00007", id="implied decimals of a short number"),
        pytest.param("00012000000", Style(implied=True), AS_WRITTEN, -5, "120.00000", id="leading zeros go"),
        pytest.param("0.985", Style(), AS_WRITTEN, 2, "98.5", id="a factor of a hundred"),
        pytest.param("98.5", Style(), AS_WRITTEN, -2, "0.985", id="a factor of a hundredth"),
        pytest.param("5", Style(), AS_WRITTEN, 3, "5000", id="in thousands"),
        pytest.param("0", Style(), AS_WRITTEN, 3, "0000", id="nothing, in thousands"),
        pytest.param("5", Style(unsigned=True), NEGATE, 0, "-5", id="the sign in a column of its own"),
        pytest.param("5", Style(), SHORT, 0, "-5", id="short"),
        pytest.param("-5", Style(), SHORT, 0, "-5", id="short and written negative"),
        pytest.param("-5", Style(unsigned=True), NEGATE, 0, '"-5"', id="two signs are no number"),
        pytest.param("1,23", US, AS_WRITTEN, 0, '"1,23"', id="a group that is none"),
        pytest.param("1234,567", US, AS_WRITTEN, 0, '"1234,567"', id="a group of four"),
        pytest.param("1.234", Style(decimal=","), AS_WRITTEN, 0, '"1.234"', id="the decimal point of another style"),
        pytest.param("1.5", Style(implied=True), AS_WRITTEN, -2, '"1.5"', id="a point where decimals are implied"),
        pytest.param("$5", Style(), AS_WRITTEN, 0, '"$5"', id="a currency sign that the mapping does not name"),
        pytest.param("+5", Style(), AS_WRITTEN, 0, '"+5"', id="a plus sign"),
        pytest.param("(5", US, AS_WRITTEN, 0, '"(5"', id="one parenthesis"),
        pytest.param("(-5)", US, AS_WRITTEN, 0, '"(-5)"', id="a minus in parentheses"),
        pytest.param("5.", Style(), AS_WRITTEN, 0, '"5."', id="no digits after the point"),
        pytest.param("$", US, AS_WRITTEN, 0, '"$"', id="no digits"),
        pytest.param("1e5", Style(), AS_WRITTEN, 0, '"1e5"', id="an exponent"),
    ],
)
def test_numbers(value: str, style: Style, mode: int, shift: int, expected: str) -> None:
    assert plain(value, style, mode, shift) == expected


def test_what_means_missing_is_empty_and_only_that() -> None:
    assert [plain(text, US, missing=("--", "N/A")) for text in ("", "  ", "--", " N/A ", "-", "n/a")] == [
        "", "", "", "", '"-"', '"n/a"',
    ]  # fmt: skip


@given(st.integers(-(10**17), 10**17))
def test_every_way_to_write_a_number_is_read_back_exactly(units: int) -> None:
    value = Decimal(units).scaleb(-5)
    written = f"{abs(value):,f}"
    assert Decimal(plain(f"${written}" if value >= 0 else f"(${written})", US)) == value
    assert (
        Decimal(plain(f"{abs(units):018d}", Style(implied=True, unsigned=True), NEGATE if units < 0 else 0, -5))
        == value
    )


@pytest.mark.parametrize(
    ("value", "styles", "expected"),
    [
        ("06/11/2026", ("MM/DD/YYYY",), "2026-06-11"),
        ("6/1/2026", ("M/D/YYYY",), "2026-06-01"),
        ("6/1/2026", ("MM/DD/YYYY",), '"6/1/2026"'),
        ("20260611", ("YYYYMMDD",), "2026-06-11"),
        ("2026-06-11;202500", ("YYYY-MM-DD;hhmmss",), "2026-06-11"),
        ("2026-06-11T20:25:00-04:00", ("YYYY-MM-DD*",), "2026-06-11"),
        ("11-Jun-2026", ("D-MON-YYYY",), "2026-06-11"),
        ("11-Jux-2026", ("D-MON-YYYY",), '"11-Jux-2026"'),
        ("2026-06-11", ("MM/DD/YYYY", "YYYY-MM-DD"), "2026-06-11"),
        ("11/06/2026", ("YYYYMMDD",), '"11/06/2026"'),
        ("00000000", ("YYYYMMDD",), '"00000000"'),
        ("--", ("YYYYMMDD",), ""),
    ],
)
def test_dates(value: str, styles: tuple[str, ...], expected: str) -> None:
    ends, made = plain_dates(column([value]), styles, ("--",))
    assert bytes(made[: ends[1]]).decode() == expected


@given(st.dates(), st.sampled_from(["YYYY-MM-DD", "MM/DD/YYYY", "YYYYMMDD", "DD.MM.YYYY"]))
def test_every_date_is_read_back(day: date, style: str) -> None:
    written = style.replace("YYYY", f"{day.year:04d}").replace("MM", f"{day.month:02d}").replace("DD", f"{day.day:02d}")
    assert plain_date(written, style) == day.isoformat()


@pytest.mark.parametrize("style", ["MM/DD/YY", "YYYY-MM", "YYYY-YYYY-MM-DD", "DD/MM M/YYYY", ""])
def test_a_style_has_year_month_and_day_once(style: str) -> None:
    with pytest.raises(ValueError, match="each once"):
        date_tokens(style)

"""The exact helpers equal Python's own integers and fractions, compiled and plain."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.fixed_point import arithmetic as k
from shared.fixed_point.text import InexactText, scaled, text_of

BIG = 2**62 - 1
signed = st.integers(-BIG, BIG)
positive = st.integers(1, BIG)


def plain(function: object) -> object:
    return function.py_func  # type: ignore[attr-defined]


@given(signed, signed, positive)
def test_muldiv_equals_python_integers(a: int, b: int, c: int) -> None:
    exact = Fraction(a * b, c)
    if abs(exact) >= BIG:
        return
    floor = exact.__floor__()
    for floor_of, ceil_of, half, zero in (
        (k.muldiv_floor, k.muldiv_ceil, k.muldiv_half_away, k.muldiv_zero),
        (plain(k.muldiv_floor), plain(k.muldiv_ceil), plain(k.muldiv_half_away), plain(k.muldiv_zero)),
    ):
        assert floor_of(a, b, c) == floor  # type: ignore[operator]
        assert ceil_of(a, b, c) == exact.__ceil__()  # type: ignore[operator]
        nearest = (abs(exact) + Fraction(1, 2)).__floor__()
        assert half(a, b, c) == (nearest if exact >= 0 else -nearest)  # type: ignore[operator]
        assert zero(a, b, c) == int(exact)  # type: ignore[operator]


@given(signed, signed, signed, signed)
def test_compare_products_equals_python_integers(a: int, b: int, c: int, d: int) -> None:
    expected = (a * b > c * d) - (a * b < c * d)
    assert k.compare_products(a, b, c, d) == expected
    assert plain(k.compare_products)(a, b, c, d) == expected  # type: ignore[operator]


@pytest.mark.parametrize(
    ("quantity", "price", "cents"),
    [
        ("1", "0.005", 1),  # half a cent goes away from zero
        ("-1", "0.005", -1),
        ("0.333333", "3", 100),  # 0.999999 dollars
        ("1000000000", "0.000001", 100_000),
    ],
)
def test_value_is_rounded_half_away_from_zero_to_cents(quantity: str, price: str, cents: int) -> None:
    assert k.value_cents(scaled(quantity, 6), scaled(price, 6)) == cents


@given(st.integers(-(10**20), 10**20), st.integers(0, 9))
def test_text_and_back_is_exact(value: int, decimals: int) -> None:
    text = text_of(value, decimals)
    assert Decimal(text) == Decimal(value).scaleb(-decimals)
    if abs(value) < 10**18:
        assert scaled(text, decimals) == value


@pytest.mark.parametrize("bad", ["", "1e3", "NaN", "1,000", "0x1", "1.0000001", "--1", "1."])
def test_what_is_not_a_plain_decimal_is_refused(bad: str) -> None:
    with pytest.raises(InexactText):
        scaled(bad, 6)

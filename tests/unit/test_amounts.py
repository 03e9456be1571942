"""Amounts finer than a cent equal Python's fractions, whatever the limits allow."""

from fractions import Fraction as F

from hypothesis import given
from hypothesis import strategies as st

from shared.fixed_point import amounts
from shared.fixed_point.limits import EDGE, MAX_PRICE_MICRO, MAX_QUANTITY_MICRO, MAX_VALUE_CENTS, PPB

cents = st.one_of(st.integers(0, MAX_VALUE_CENTS), st.sampled_from([0, 1, MAX_VALUE_CENTS]))
fine = st.one_of(st.integers(0, EDGE - 1), st.sampled_from([0, 1, EDGE - 1]))
amount = st.tuples(cents, fine)
signed = st.tuples(st.integers(-MAX_VALUE_CENTS, MAX_VALUE_CENTS), fine)
Amount = tuple[int, int]


def exact(found: Amount) -> F:
    """Return an amount in cents."""
    assert 0 <= found[1] < EDGE
    return found[0] + F(found[1], EDGE)


@given(st.one_of(st.integers(0, EDGE), st.integers(0, PPB).map(lambda ppb: ppb * PPB)), cents)
def test_a_weight_of_the_value_is_exact(weight: int, value: int) -> None:
    assert exact(amounts.weight_of_value(weight, value)) == F(weight * value, EDGE)


@given(st.integers(0, 4 * PPB), amount)
def test_a_share_of_an_amount_is_rounded_down_to_its_parts(relative: int, given_amount: Amount) -> None:
    share = exact(given_amount) * relative / PPB
    assert exact(amounts.share_of_amount(relative, *given_amount)) == F(int(share * EDGE), EDGE)


@given(st.integers(0, MAX_QUANTITY_MICRO), st.integers(0, MAX_PRICE_MICRO))
def test_units_are_worth_their_price(units: int, price: int) -> None:
    if units * price <= MAX_VALUE_CENTS * 10**10:  # as every position of an account is
        assert exact(amounts.amount_of_units(units, price)) == F(units * price, 10**10)


@given(signed, signed)
def test_sums_differences_and_comparisons_are_those_of_fractions(first: Amount, other: Amount) -> None:
    assert exact(amounts.add_amounts(*first, *other)) == exact(first) + exact(other)
    assert exact(amounts.subtract_amounts(*first, *other)) == exact(first) - exact(other)
    assert amounts.is_more(*first, *other) == (exact(first) > exact(other))


@given(amount, amount, amount, amount, st.booleans())
def test_products_of_amounts_are_compared_exactly(a: Amount, b: Amount, c: Amount, d: Amount, same: bool) -> None:
    """Also where they are equal, or differ in a last part alone."""
    if same:
        c, d = b, a
        assert not amounts.is_product_more(*a, *b, *c, *d)
        d = amounts.subtract_amounts(*d, 0, 1) if exact(d) else d
    assert amounts.is_product_more(*a, *b, *c, *d) == (exact(a) * exact(b) > exact(c) * exact(d))

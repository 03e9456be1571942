"""Amounts finer than a cent, exact: a pair (cents, part), part in 1e-18 of a cent, 0 <= part < 1e18.

A weight in 1e-18 of account value V, times V in cents, is whole in such parts; so nothing is rounded where a target
becomes dollars.  Weights are split at nine decimals, which keeps every product below 2**63.
"""

from typing import Final

from shared.fixed_point.arithmetic import divmod_product, mul_limbs
from shared.fixed_point.compiled import inner_kernel, view_kernel
from shared.fixed_point.limits import EDGE, PPB

CENT_UNITS: Final = 10_000_000_000  # micro-units x micro-dollars in a cent
PARTS: Final = EDGE // CENT_UNITS  # parts of a cent in one of them
_LIMB: Final = 62  # bits
_MASK: Final = (1 << _LIMB) - 1


@view_kernel
def weight_of_value(weight: int, value: int) -> tuple[int, int]:
    """Return weight x V, exact.  weight: 0 to 1e18; value: cents, 0 to MAX_VALUE_CENTS."""
    high, low = value // PPB, value % PPB
    upper, lower = weight // PPB, weight % PPB
    rest = lower * low
    billionths = upper * low + lower * high + rest // PPB  # of a cent, below upper x high
    return upper * high + billionths // PPB, billionths % PPB * PPB + rest % PPB


@view_kernel
def share_of_amount(relative: int, cents: int, part: int) -> tuple[int, int]:
    """Return relative x amount, rounded down to 1e-18 of a cent.  relative: ppb, 0 to 4e9; the amount: not negative."""
    billionths = relative * (cents % PPB)
    # the amount's parts in two, as 4e9 x 1e18 would not fit
    fine = billionths % PPB * PPB + relative * (part // PPB) + relative * (part % PPB) // PPB
    return relative * (cents // PPB) + billionths // PPB + fine // EDGE, fine % EDGE


@inner_kernel
def add_amounts(cents: int, part: int, more: int, more_part: int) -> tuple[int, int]:
    """Return the sum of two amounts."""
    total = part + more_part
    if total >= EDGE:
        return cents + more + 1, total - EDGE
    return cents + more, total


@inner_kernel
def subtract_amounts(cents: int, part: int, less: int, less_part: int) -> tuple[int, int]:
    """Return the difference of two amounts; a negative one has negative cents and a part of 0 or more."""
    left = part - less_part
    if left < 0:
        return cents - less - 1, left + EDGE
    return cents - less, left


@inner_kernel
def is_more(cents: int, part: int, other: int, other_part: int) -> bool:
    """Return whether the first amount is larger than the other."""
    return cents > other or (cents == other and part > other_part)


@view_kernel
def amount_of_units(units: int, price: int) -> tuple[int, int]:
    """Return units x price, exact.  units: micro, not negative; price: micro."""
    cents, rest = divmod_product(units, price, CENT_UNITS)
    return cents, rest * PARTS


@view_kernel
def is_product_more(a: int, a_part: int, b: int, b_part: int, c: int, c_part: int, d: int, d_part: int) -> bool:
    """Return whether a x b > c x d, exact; four amounts that are not negative, up to MAX_VALUE_CENTS."""
    a, a_part = _limbs(a, a_part)
    b, b_part = _limbs(b, b_part)
    c, c_part = _limbs(c, c_part)
    d, d_part = _limbs(d, d_part)
    left, right = _product(a, a_part, b, b_part), _product(c, c_part, d, d_part)
    for index in range(4):
        if left[index] != right[index]:
            return left[index] > right[index]
    return False


@inner_kernel
def _limbs(cents: int, part: int) -> tuple[int, int]:
    """Return an amount in parts as two limbs, the higher first."""
    high, low = mul_limbs(cents, EDGE)
    low += part
    return high + (low >> _LIMB), low & _MASK


@inner_kernel
def _product(high1: int, low1: int, high2: int, low2: int) -> tuple[int, int, int, int]:
    """Return the product of two numbers of two limbs as four, the highest first; the higher limbs are below 2**61."""
    fourth_high, fourth = mul_limbs(low1, low2)
    third_high, third = mul_limbs(high1, low2)
    more_high, more = mul_limbs(low1, high2)
    first, second = mul_limbs(high1, high2)
    third += fourth_high
    carry = third >> _LIMB
    third = (third & _MASK) + more
    carry += third >> _LIMB
    second += third_high + more_high + carry
    return first + (second >> _LIMB), second & _MASK, third & _MASK, fourth

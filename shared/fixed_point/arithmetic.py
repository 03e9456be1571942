"""Exact integer arithmetic for kernels: the same text runs compiled by numba and as plain Python.

Products of two 62-bit integers do not fit 64 bits, so they are held as four 31-bit limbs. Only signed 64-bit values
below 2**63 ever appear, so wrap-around never happens and plain Python (whose integers are unbounded) gives the same.
All arguments must satisfy |a|, |b| < 2**62 and 0 < c < 2**62; intake limits (shared.fixed_point.limits) guarantee it.
"""

from shared.fixed_point.compiled import kernel, view_kernel

_BITS = 31
_MASK = (1 << 31) - 1


@view_kernel
def mul_limbs(a: int, b: int) -> tuple[int, int]:
    """Return (high, low) with a * b = high * 2**62 + low, 0 <= low < 2**62, for 0 <= a, b < 2**62."""
    a1 = a >> _BITS
    a0 = a & _MASK
    b1 = b >> _BITS
    b0 = b & _MASK
    low = a0 * b0
    middle1 = a1 * b0 + (low >> _BITS)
    middle0 = a0 * b1 + (middle1 & _MASK)
    high = a1 * b1 + (middle1 >> _BITS) + (middle0 >> _BITS)
    return high, ((middle0 & _MASK) << _BITS) | (low & _MASK)


@view_kernel
def divmod_product(a: int, b: int, c: int) -> tuple[int, int]:
    """Return (quotient, remainder) of a * b / c for 0 <= a, b and 0 < c; the quotient must fit 62 bits."""
    high, low = mul_limbs(a, b)
    if high == 0:
        return low // c, low % c
    remainder = high % c
    quotient = 0
    # high // c must be 0 for a quotient that fits; long division takes the low 62 bits one at a time.
    for bit in range(61, -1, -1):
        remainder = (remainder << 1) | ((low >> bit) & 1)
        quotient <<= 1
        if remainder >= c:
            remainder -= c
            quotient |= 1
    return quotient, remainder


@view_kernel
def muldiv_floor(a: int, b: int, c: int) -> int:
    """Return floor(a * b / c), exact for signed a and b."""
    negative = (a < 0) != (b < 0)
    quotient, remainder = divmod_product(abs(a), abs(b), c)
    if negative:
        return -quotient - (1 if remainder > 0 else 0)
    return quotient


@view_kernel
def muldiv_ceil(a: int, b: int, c: int) -> int:
    """Return ceil(a * b / c), exact for signed a and b."""
    return -muldiv_floor(-a, b, c)


@view_kernel
def muldiv_zero(a: int, b: int, c: int) -> int:
    """Return a * b / c rounded towards zero, exact for signed a and b."""
    quotient, _ = divmod_product(abs(a), abs(b), c)
    return -quotient if (a < 0) != (b < 0) else quotient


@kernel
def muldiv_half_away(a: int, b: int, c: int) -> int:
    """Return a * b / c rounded to the nearest integer, halves away from zero."""
    quotient, remainder = divmod_product(abs(a), abs(b), c)
    if remainder >= c - remainder:
        quotient += 1
    return -quotient if (a < 0) != (b < 0) else quotient


@view_kernel
def compare_products(a: int, b: int, c: int, d: int) -> int:
    """Return the sign (-1, 0, 1) of a * b - c * d, exact."""
    left_sign = 0 if a == 0 or b == 0 else (1 if (a < 0) == (b < 0) else -1)
    right_sign = 0 if c == 0 or d == 0 else (1 if (c < 0) == (d < 0) else -1)
    if left_sign != right_sign:
        return 1 if left_sign > right_sign else -1
    high1, low1 = mul_limbs(abs(a), abs(b))
    high2, low2 = mul_limbs(abs(c), abs(d))
    if high1 == high2 and low1 == low2:
        return 0
    larger = high1 > high2 or (high1 == high2 and low1 > low2)
    return left_sign if larger else -left_sign


@kernel
def value_cents(quantity_micro: int, price_micro: int) -> int:
    """Return quantity x price in cents, rounded half away from zero.

    quantity_micro: millionths of a unit; price_micro: millionths of a dollar.  Source: product 1, "account value".
    """
    return muldiv_half_away(quantity_micro, price_micro, 10_000_000_000)

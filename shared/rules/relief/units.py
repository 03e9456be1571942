"""Taking units from ordered lots, and the cents that go with them.

Every slice is rounded once; the last slice of an order takes what remains of its proceeds, the last units of a lot
what remains of its basis, so that sums agree to the cent at every level.  Source: product 5, product 4 "Cents".
"""

from shared.fixed_point.arithmetic import compare_products, divmod_product, muldiv_half_away, value_cents
from shared.fixed_point.compiled import inner_kernel, kernel
from shared.fixed_point.records import Records
from shared.rules.relief.lots import NO_BASIS, Lots

_CENTS_SCALE = 10_000_000_000


@inner_kernel
def take_picked(units: int, first: int, last: int, lots: Lots, relief: Records) -> int:
    """Take what SPECIFIC picks of the lots relief[first:last].lot, in the given order; return how many are lacking.

    At most `units`, and never more than is available of a lot; adds to `taken`.  All in micro-units.
    """
    for index in range(first, last):
        lot = relief[index].lot
        part = min(units, min(lots.rows[lot].picked, relief[lot].available - relief[lot].taken))
        if part > 0:
            relief[lot].taken += part
            units -= part
    return units


@inner_kernel
def take(units: int, first: int, last: int, relief: Records) -> int:
    """Take `units` from the lots relief[first:last].lot in the given order; return how many units are lacking.

    Never more than is available of a lot; adds to `taken`.  All in micro-units.
    """
    for index in range(first, last):
        if units == 0:
            break
        lot = relief[index].lot
        part = min(units, relief[lot].available - relief[lot].taken)
        if part > 0:
            relief[lot].taken += part
            units -= part
    return units


@kernel
def split_basis(basis_left: int, units_left: int, units: int) -> int:
    """Return the basis in cents of `units` out of units_left; the last units take the rest, unknown stays unknown."""
    if basis_left == NO_BASIS or units == units_left:
        return basis_left
    return muldiv_half_away(basis_left, units, units_left)


@inner_kernel
def slice_proceeds(units: int, price: int, fee: int, order_units: int) -> int:
    """Return units x price less the slice's share of the fee, in cents, rounded once, halves away from zero.

    units and order_units in micro-units, price in micro-dollars, fee in cents for the whole order.
    """
    if fee == 0:
        return value_cents(units, price)
    whole, value_rest = divmod_product(units, price, _CENTS_SCALE)
    fee_whole, fee_rest = divmod_product(fee, units, order_units)
    cents = whole - fee_whole
    # The fraction value_rest / _CENTS_SCALE - fee_rest / order_units lies between -1 and 1; bring it into [0, 1).
    lift = 0
    if compare_products(value_rest, order_units, fee_rest, _CENTS_SCALE) < 0:
        cents -= 1
        lift = 1
    doubled = 2 * value_rest + (2 * lift - 1) * _CENTS_SCALE
    against_half = compare_products(doubled, order_units, 2 * fee_rest, _CENTS_SCALE)
    if against_half > 0 or (against_half == 0 and cents >= 0):
        cents += 1
    return cents

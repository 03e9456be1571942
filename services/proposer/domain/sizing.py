"""Conversion between weights, money and units; each function names its rounding.  Source: product 4."""

from typing import Final

from shared.fixed_point.arithmetic import divmod_product, muldiv_ceil, muldiv_floor, value_cents
from shared.fixed_point.compiled import view_kernel
from shared.fixed_point.limits import EDGE, PPB
from shared.fixed_point.records import Records

CENT_UNITS: Final = 10_000_000_000  # micro-units x micro-dollars in a cent
_DIRECT: Final = 40_000_000_000  # below this price (micro) price x 10^8 fits


@view_kernel
def units_floor(weight: int, value: int, price: int) -> int:
    """Return floor(weight x V / price) in micro-units, exact.  weight up to 2e18, value in cents, price in micro."""
    if weight % PPB == 0:
        return muldiv_floor(weight // PPB, value * 10, price)
    if price < _DIRECT:
        return muldiv_floor(weight, value, price * 100_000_000)
    return muldiv_floor(weight, value, price * 1_000_000) // 100


@view_kernel
def units_ceil(weight: int, value: int, price: int) -> int:
    """Return ceil(weight x V / price) in micro-units, exact."""
    if weight % PPB == 0:
        return muldiv_ceil(weight // PPB, value * 10, price)
    if price < _DIRECT:
        return muldiv_ceil(weight, value, price * 100_000_000)
    return -(-muldiv_ceil(weight, value, price * 1_000_000) // 100)


@view_kernel
def affordable(cents: int, price: int, step: int) -> int:
    """Return the most units, in whole steps, whose exact value is at most `cents`."""
    if cents <= 0:
        return 0
    return muldiv_floor(cents, CENT_UNITS, price) // step * step


@view_kernel
def needed(cents: int, part: int, price: int, step: int) -> int:
    """Return the fewest units, in whole steps, worth at least `cents` less part / CENT_UNITS of a cent, unrounded."""
    if cents <= 0:
        return 0
    micro, rest = divmod_product(cents, CENT_UNITS, price)
    return -(-(micro - (part - rest) // price) // step) * step


@view_kernel
def reaching(cents: int, part: int, before: int, price: int, step: int) -> int:
    """Return the whole steps that move cash by `cents` less `part` when they join an order of `before` units.

    The count is unrounded until cut to the step; where rounding the whole order to cents still leaves cash short, it is
    the fewest units that do reach.  Source: product 4, "Cash is raised or placed only as far as needed".
    """
    units = needed(cents, part, price, step)
    if order_change(before, units, price) >= cents:
        return units
    whole = needed(value_cents(before, price) + cents, CENT_UNITS // 2, price, 1)
    return -(-(whole - before) // step) * step


@view_kernel
def within(cents: int, before: int, price: int, step: int) -> int:
    """Return the most units, in whole steps, that cost at most `cents` when they join an order of `before` units."""
    if cents <= 0:
        return 0
    micro, rest = divmod_product(value_cents(before, price) + cents, CENT_UNITS, price)
    return (micro + (rest + CENT_UNITS // 2 - 1) // price - before) // step * step


@view_kernel
def money_of_weight(account: Records, weight: int) -> int:
    """Return weight x V in money, rounded down (exact for targets in ppb while the grain is 1 to 10)."""
    scale = CENT_UNITS // account.grain
    if weight % PPB == 0 and scale >= PPB:
        return int((weight // PPB) * account.value * (scale // PPB))
    return muldiv_floor(weight, account.value * scale, EDGE)


@view_kernel
def money_of_units(account: Records, units: int, price: int) -> int:
    """Return units x price in money, rounded down (exact while the grain is 1)."""
    if account.grain == 1:
        return units * price
    return muldiv_floor(units, price, account.grain)


@view_kernel
def order_change(before: int, more: int, price: int) -> int:
    """Return by how many cents a market order of `before` units grows when `more` units join it."""
    return value_cents(before + more, price) - value_cents(before, price)


@view_kernel
def to_target(account: Records, security: Records, position: Records) -> int:
    """Return the signed count to target, rounded towards zero in whole steps, so that it never passes the target."""
    lacking = units_floor(position.aim_up, account.value, security.price) - position.quantity
    if lacking >= 0:
        return int(lacking // security.step * security.step)
    excess = position.quantity - units_ceil(position.aim, account.value, security.price)
    return -int(max(0, excess) // security.step * security.step)


@view_kernel
def down_to_edge(account: Records, security: Records, position: Records) -> int:
    """Return the units to sell so that the position lands at or under its upper edge, in whole steps, >= 0.

    Where that crosses the whole band the count that lands nearest to target counts; of two as near, the smaller.
    """
    price, step, value = security.price, security.step, account.value
    excess = position.quantity - units_floor(position.high, value, price)
    count = min(-(-excess // step), position.quantity // step)
    left = position.quantity - count * step
    crosses = left < units_ceil(position.low, value, price)
    if crosses and 2 * left + step <= units_floor(2 * position.aim_up, value, price):
        count -= 1
    return int(max(0, count * step))


@view_kernel
def up_to_edge(account: Records, security: Records, position: Records) -> int:
    """Return the units to buy so that the position lands at or above its lower edge, in whole steps, >= 0.

    Where that crosses the whole band the count that lands nearest to target counts; of two as near, the smaller.
    """
    price, step, value = security.price, security.step, account.value
    lacking = units_ceil(position.low, value, price) - position.quantity
    count = -(-lacking // step)
    reached = position.quantity + count * step
    crosses = reached > units_floor(position.high, value, price)
    if crosses and units_ceil(2 * position.aim, value, price) <= 2 * reached - step:
        count -= 1
    return int(max(0, count * step))

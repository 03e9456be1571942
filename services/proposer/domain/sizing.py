"""Conversion between amounts and units; each function names its rounding.  Source: product 4."""

from shared.fixed_point.amounts import CENT_UNITS, PARTS, add_amounts
from shared.fixed_point.arithmetic import divmod_product, muldiv_floor, value_cents
from shared.fixed_point.compiled import view_kernel
from shared.fixed_point.records import Records


@view_kernel
def units_floor(cents: int, part: int, price: int) -> int:
    """Return floor(amount / price) in micro-units, exact.  The amount is not negative; price in micro."""
    micro, rest = divmod_product(cents, CENT_UNITS, price)
    return micro + (rest + part // PARTS) // price


@view_kernel
def units_ceil(cents: int, part: int, price: int) -> int:
    """Return ceil(amount / price) in micro-units, exact."""
    micro, rest = divmod_product(cents, CENT_UNITS, price)
    return micro - (-(rest + -(-part // PARTS)) // price)


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

    before: below 0 of a sell that is taken back.

    The count is unrounded until cut to the step; where rounding the whole order to cents still leaves cash short, it is
    the fewest units that do reach.  Source: product 4, "Cash is raised or placed only as far as needed".
    """
    units = needed(cents, part, price, step)
    if order_change(before, units, price) >= cents:
        return units
    worth = value_cents(before, price) + cents
    whole = -_most_worth(-worth, price) if worth <= 0 else needed(worth, CENT_UNITS // 2, price, 1)
    return -(-(whole - before) // step) * step


@view_kernel
def within(cents: int, before: int, price: int, step: int) -> int:
    """Return the most units, in whole steps, that cost at most `cents` when they join an order of `before` units."""
    if cents <= 0:
        return 0
    return (_most_worth(value_cents(before, price) + cents, price) - before) // step * step


@view_kernel
def _most_worth(cents: int, price: int) -> int:
    """Return the most micro-units whose value rounds to at most `cents`."""
    micro, rest = divmod_product(cents, CENT_UNITS, price)
    return micro + (rest + CENT_UNITS // 2 - 1) // price


@view_kernel
def order_change(before: int, more: int, price: int) -> int:
    """Return by how many cents a market order of `before` units grows when `more` units join it."""
    return value_cents(before + more, price) - value_cents(before, price)


@view_kernel
def to_target(security: Records, position: Records) -> int:
    """Return the signed count to target, rounded towards zero in whole steps, so that it never passes the target."""
    lacking = units_floor(position.aim, position.aim_part, security.price) - position.quantity
    if lacking >= 0:
        return int(lacking // security.step * security.step)
    excess = position.quantity - units_ceil(position.aim, position.aim_part, security.price)
    return -int(max(0, excess) // security.step * security.step)


@view_kernel
def down_to_edge(security: Records, position: Records) -> int:
    """Return the units to sell so that the position lands at or under its upper edge, in whole steps, >= 0.

    Where that crosses the whole band the count that lands nearest to target counts; of two as near, the smaller.
    """
    price, step = security.price, security.step
    excess = position.quantity - units_floor(position.high, position.high_part, price)
    count = min(-(-excess // step), position.quantity // step)
    left = position.quantity - count * step
    crosses = left < units_ceil(position.low, position.low_part, price)
    twice, part = add_amounts(position.aim, position.aim_part, position.aim, position.aim_part)
    if crosses and 2 * left + step <= units_floor(twice, part, price):
        count -= 1
    return int(max(0, count * step))


@view_kernel
def up_to_edge(security: Records, position: Records) -> int:
    """Return the units to buy so that the position lands at or above its lower edge, in whole steps, >= 0.

    Where that crosses the whole band the count that lands nearest to target counts; of two as near, the smaller.
    """
    price, step = security.price, security.step
    lacking = units_ceil(position.low, position.low_part, price) - position.quantity
    count = -(-lacking // step)
    reached = position.quantity + count * step
    crosses = reached > units_floor(position.high, position.high_part, price)
    twice, part = add_amounts(position.aim, position.aim_part, position.aim, position.aim_part)
    if crosses and units_ceil(twice, part, price) <= 2 * reached - step:
        count -= 1
    return int(max(0, count * step))

"""Conversion between weights, money and units; each function names its rounding.  Source: product 4."""

from services.proposer.domain import layout as at
from services.proposer.domain.layout import Ints
from shared.fixed_point.arithmetic import divmod_product, muldiv_ceil, muldiv_floor, value_cents
from shared.fixed_point.compiled import view_kernel
from shared.fixed_point.limits import EDGE, PPB

CENT_UNITS = 10_000_000_000  # micro-units x micro-dollars in a cent
_DIRECT = 40_000_000_000  # below this price (micro) price x 10^8 fits


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
def money_of_weight(acc: Ints, weight: int) -> int:
    """Return weight x V in money, rounded down (exact for targets in ppb while the grain is 1 to 10)."""
    scale = CENT_UNITS // acc[at.A_GRAIN]
    if weight % PPB == 0 and scale >= PPB:
        return int((weight // PPB) * acc[at.A_VALUE] * (scale // PPB))
    return muldiv_floor(weight, acc[at.A_VALUE] * scale, EDGE)


@view_kernel
def money_of_units(acc: Ints, units: int, price: int) -> int:
    """Return units x price in money, rounded down (exact while the grain is 1)."""
    if acc[at.A_GRAIN] == 1:
        return units * price
    return muldiv_floor(units, price, acc[at.A_GRAIN])


@view_kernel
def order_change(before: int, more: int, price: int) -> int:
    """Return by how many cents a market order of `before` units grows when `more` units join it."""
    return value_cents(before + more, price) - value_cents(before, price)


@view_kernel
def to_target(acc: Ints, sec: Ints, pos: Ints, position: int) -> int:
    """Return the signed count to target, rounded towards zero in whole steps, so that it never passes the target."""
    price, step = sec[pos[position, at.P_SECURITY], at.S_PRICE], sec[pos[position, at.P_SECURITY], at.S_STEP]
    held = pos[position, at.P_QUANTITY]
    short = units_floor(pos[position, at.P_AIM_UP], acc[at.A_VALUE], price) - held
    if short >= 0:
        return int(short // step * step)
    return -int(max(0, held - units_ceil(pos[position, at.P_AIM], acc[at.A_VALUE], price)) // step * step)


@view_kernel
def down_to_edge(acc: Ints, sec: Ints, pos: Ints, position: int) -> int:
    """Return the units to sell so that the position lands at or under its upper edge, in whole steps, >= 0.

    Where that crosses the whole band the count that lands nearest to target counts; of two as near, the smaller.
    """
    price, step = sec[pos[position, at.P_SECURITY], at.S_PRICE], sec[pos[position, at.P_SECURITY], at.S_STEP]
    held, value = pos[position, at.P_QUANTITY], acc[at.A_VALUE]
    excess = held - units_floor(pos[position, at.P_HIGH], value, price)
    count = min(-(-excess // step), held // step)
    left = held - count * step
    crosses = left < units_ceil(pos[position, at.P_LOW], value, price)
    if crosses and 2 * left + step <= units_floor(2 * pos[position, at.P_AIM_UP], value, price):
        count -= 1
    return int(max(0, count * step))


@view_kernel
def up_to_edge(acc: Ints, sec: Ints, pos: Ints, position: int) -> int:
    """Return the units to buy so that the position lands at or above its lower edge, in whole steps, >= 0.

    Where that crosses the whole band the count that lands nearest to target counts; of two as near, the smaller.
    """
    price, step = sec[pos[position, at.P_SECURITY], at.S_PRICE], sec[pos[position, at.P_SECURITY], at.S_STEP]
    held, value = pos[position, at.P_QUANTITY], acc[at.A_VALUE]
    lack = units_ceil(pos[position, at.P_LOW], value, price) - held
    count = -(-lack // step)
    reached = held + count * step
    crosses = reached > units_floor(pos[position, at.P_HIGH], value, price)
    if crosses and units_ceil(2 * pos[position, at.P_AIM], value, price) <= 2 * reached - step:
        count -= 1
    return int(max(0, count * step))


@view_kernel
def apportion(pos: Ints, first: int, end: int, source: int, sign: int, total: int, step: int, out: int) -> None:
    """Cut the units of column `source` that have `sign` to `total`, pro rata, into column `out` (same sign).

    Whole steps go by largest remainder, ties by sleeve id; what is less than a step goes to the next in that order;
    no sleeve gets more than it had.  Source: product 4, "Netting".
    """
    whole = 0
    for position in range(first, end):
        if pos[position, source] * sign > 0:
            whole += abs(pos[position, source])
    left = total
    for position in range(first, end):
        if pos[position, source] * sign <= 0:
            continue
        if total == whole:
            pos[position, out] = pos[position, source]
            continue
        share, part = divmod_product(total, abs(pos[position, source]), whole)
        cut = share // step * step
        pos[position, at.P_WHOLE] = share - cut
        pos[position, at.P_PART] = part
        pos[position, at.P_KEY] = abs(pos[position, source]) - cut
        pos[position, out] = cut * sign
        left -= cut
    if total != whole:
        _hand_out(pos, first, end, source, sign, left, step, out)


@view_kernel
def _hand_out(pos: Ints, first: int, end: int, source: int, sign: int, left: int, step: int, out: int) -> None:
    while left > 0:
        best = -1
        for position in range(first, end):
            if pos[position, source] * sign <= 0 or pos[position, at.P_KEY] <= 0:
                continue
            if best < 0 or _larger(pos, position, best):
                best = position
        more = min(left, step, pos[best, at.P_KEY])
        pos[best, out] += more * sign
        pos[best, at.P_KEY] -= more
        pos[best, at.P_WHOLE] = -1 - abs(pos[best, at.P_WHOLE])
        left -= more


@view_kernel
def _larger(pos: Ints, position: int, best: int) -> bool:
    if pos[position, at.P_WHOLE] != pos[best, at.P_WHOLE]:
        return bool(pos[position, at.P_WHOLE] > pos[best, at.P_WHOLE])
    return bool(pos[position, at.P_PART] > pos[best, at.P_PART])

"""Sharing cash among buys in proportion to the dollar shortfall, and what is left in single units.

Source: product 4 (Best Fit 2 to 4, Min Transaction 2, minimum trade size) and its fine points.
"""

from services.proposer.domain import codes
from services.proposer.domain import layout as at
from services.proposer.domain.layout import Ints
from services.proposer.domain.sizing import CENT_UNITS, affordable, money_of_units, order_change, reaching
from shared.fixed_point.arithmetic import muldiv_floor, value_cents
from shared.fixed_point.compiled import view_kernel

_PATIENCE = 1000  # single units bought one by one before a jump is looked for


@view_kernel
def full_cost(sec: Ints) -> int:
    """Return the cents that all full buys of the present sharing cost."""
    cost = 0
    for security in range(len(sec)):
        if sec[security, at.S_FULL] > 0 and not sec[security, at.S_DROPPED]:
            cost += order_change(sec[security, at.S_BASE], sec[security, at.S_FULL], sec[security, at.S_PRICE])
    return cost


@view_kernel
def share(acc: Ints, sec: Ints, budget: int, part: int) -> int:
    """Set S_GOT of every buy that is not dropped, at most `budget` cents in all; return the cents spent.

    part: what is shared is by so much of a cent more, in 1 / CENT_UNITS, because the limit was rounded up to cents.
    Enough for all: each its full count.  Else each floor(budget x shortfall / sum of shortfalls / price) in steps.
    """
    cost = full_cost(sec)
    short = cost > budget
    total = 0
    for security in range(len(sec)):
        sec[security, at.S_GOT] = 0
        if sec[security, at.S_FULL] > 0 and not sec[security, at.S_DROPPED]:
            total += sec[security, at.S_SHORT]
    if short and (budget < 0 or (budget == 0 and part == 0)):
        if cost > 0:  # cash below what is kept is no hindrance where nothing is to be bought
            acc[at.A_BLOCKED] |= codes.B_CASH
        return 0
    spent = 0
    money = max(0, budget) * (CENT_UNITS // acc[at.A_GRAIN]) + part // acc[at.A_GRAIN]
    for security in range(len(sec)):
        if sec[security, at.S_FULL] == 0 or sec[security, at.S_DROPPED]:
            continue
        price, step, units = sec[security, at.S_PRICE], sec[security, at.S_STEP], sec[security, at.S_FULL]
        if short:
            due = muldiv_floor(money, sec[security, at.S_SHORT], total) if total > 0 else 0
            units = min(units, muldiv_floor(due, acc[at.A_GRAIN], price) // step * step)
            # Orders are rounded to cents one by one; the last of them gives way by a cent where that would overspend.
            if spent + order_change(sec[security, at.S_BASE], units, price) > budget:
                units = min(units, affordable(budget - spent, price, step))
            if units == 0:
                acc[at.A_BLOCKED] |= codes.B_CASH
        sec[security, at.S_GOT] = units
        spent += order_change(sec[security, at.S_BASE], units, price)
    return spent


@view_kernel
def book_shares(sec: Ints) -> None:
    """Let the market buys be what stood before the sharing and what it gave."""
    for security in range(len(sec)):
        sec[security, at.S_BUY] = sec[security, at.S_BASE] + sec[security, at.S_GOT]


@view_kernel
def drop_undersized(acc: Ints, sec: Ints) -> bool:
    """Drop all undersized orders of this round together; return whether there were any.

    A market sell with a full exit in it is exempt; a zero share is not undersized.
    """
    dropped = False
    for security in range(len(sec)):
        price = sec[security, at.S_PRICE]
        sell = sec[security, at.S_SELL]
        if sec[security, at.S_PLAN] > 0 and not sec[security, at.S_EXIT] and value_cents(sell, price) < acc[at.A_MIN]:
            sec[security, at.S_PLAN] = 0
            dropped = True
        buy = sec[security, at.S_BASE] + sec[security, at.S_GOT]
        if sec[security, at.S_GOT] > 0 and value_cents(buy, price) < acc[at.A_MIN]:
            sec[security, at.S_DROPPED] = 1
            sec[security, at.S_GOT] = 0
            dropped = True
    if dropped:
        acc[at.A_BLOCKED] |= codes.B_MINIMUM
    return dropped


@view_kernel
def single_units(acc: Ints, sec: Ints, floor: int, stop: int, as_needed: bool) -> None:
    """Spend cash above `floor` on single steps, largest remaining shortfall first, while cash is above `stop` (cents).

    The price must fit the remaining shortfall; a fractional security takes at once all that shortfall and cash allow,
    or, as needed, what brings cash to `stop`: the upper edge of its band, which a few cents may hold whole.
    What was dropped as undersized does not come back here, though what is left might bring it to the minimum size.
    Adds to S_GOT and lowers A_NOW.  After many steps it jumps: see _jump.
    """
    patience = _PATIENCE
    while acc[at.A_NOW] > stop and acc[at.A_NOW] > floor:
        best, most = -1, 0
        for security in range(len(sec)):
            if sec[security, at.S_FULL] > sec[security, at.S_GOT]:
                remaining = _fitting(acc, sec, security, floor)
                if remaining > most:
                    best, most = security, remaining
        if best < 0:
            return
        units = sec[best, at.S_STEP]
        price, order = sec[best, at.S_PRICE], sec[best, at.S_BASE] + sec[best, at.S_GOT]
        if units == 1:
            units = _fraction(acc, sec, best, floor)
            if as_needed:
                units = min(units, reaching(acc[at.A_NOW] - stop, acc[at.A_HIGH_PART], order, price, 1))
        acc[at.A_NOW] -= order_change(order, units, price)
        sec[best, at.S_GOT] += units
        patience -= 1
        if patience == 0:
            _jump(acc, sec, max(floor, stop))
            patience = _PATIENCE


@view_kernel
def _fitting(acc: Ints, sec: Ints, security: int, floor: int) -> int:
    """Return the remaining shortfall of the security in money, 0 when no single step of it can be bought."""
    if sec[security, at.S_DROPPED]:
        return 0
    price, step = sec[security, at.S_PRICE], sec[security, at.S_STEP]
    order = sec[security, at.S_BASE] + sec[security, at.S_GOT]
    remaining = sec[security, at.S_SHORT] - money_of_units(acc, sec[security, at.S_GOT], price)
    if step == 1:
        units = _fraction(acc, sec, security, floor)
        return max(0, remaining) if units > 0 and value_cents(order + units, price) >= acc[at.A_MIN] else 0
    if sec[security, at.S_FULL] - sec[security, at.S_GOT] < step or money_of_units(acc, step, price) > remaining:
        return 0
    if value_cents(order + step, price) < acc[at.A_MIN]:
        return 0
    return remaining if order_change(order, step, price) <= acc[at.A_NOW] - floor else 0


@view_kernel
def _fraction(acc: Ints, sec: Ints, security: int, floor: int) -> int:
    lacking = sec[security, at.S_FULL] - sec[security, at.S_GOT]
    return int(min(lacking, affordable(acc[at.A_NOW] - floor, sec[security, at.S_PRICE], 1)))


@view_kernel
def _jump(acc: Ints, sec: Ints, floor: int) -> None:
    """Buy at once what unit by unit would be bought until no shortfall is above a level: the lowest level that fits.

    While the largest shortfall is above a level every unit goes to a security above it, so the order does not matter as
    long as all of it can be paid; what is bought is the same as one by one.  No level is below what a fractional
    security lacks: once none lacks more it takes all of that at once.
    """
    low, high = -1, 0
    for security in range(len(sec)):
        if sec[security, at.S_FULL] > sec[security, at.S_GOT]:
            remaining = _fitting(acc, sec, security, floor)
            if sec[security, at.S_STEP] > 1:
                high = max(high, remaining)
            else:
                low = max(low, remaining - 1)
    while high - low > 1:
        level = (low + high) // 2
        if _to_level(acc, sec, level, floor, False) <= acc[at.A_NOW] - floor:
            high = level
        else:
            low = level
    acc[at.A_NOW] -= _to_level(acc, sec, high, floor, True)


@view_kernel
def _level_of(acc: Ints, sec: Ints, security: int, floor: int) -> int:
    return _fitting(acc, sec, security, floor) if sec[security, at.S_STEP] > 1 else 0


@view_kernel
def _to_level(acc: Ints, sec: Ints, level: int, floor: int, buy: bool) -> int:
    """Return what it costs to bring all shortfalls to `level`, and buy it if asked."""
    cost = 0
    for security in range(len(sec)):
        remaining = 0
        if sec[security, at.S_FULL] > sec[security, at.S_GOT]:
            remaining = _level_of(acc, sec, security, floor)
        if remaining <= level:
            continue
        price, step = sec[security, at.S_PRICE], sec[security, at.S_STEP]
        each = max(1, money_of_units(acc, step, price))
        count = min(-(-(remaining - level) // each), remaining // each)
        units = min(count * step, (sec[security, at.S_FULL] - sec[security, at.S_GOT]) // step * step)
        cost += order_change(sec[security, at.S_BASE] + sec[security, at.S_GOT], units, price)
        if buy:
            sec[security, at.S_GOT] += units
    return cost

"""Sharing cash among buys in proportion to the dollar shortfall, and what is left in single units.

Source: product 4 (Best Fit 2 to 4, Min Transaction 2, minimum trade size) and its fine points.
"""

from typing import Final

from services.proposer.domain import codes
from services.proposer.domain.exact_share import exact_share
from services.proposer.domain.sizing import affordable, order_change, reaching, units_ceil, units_floor
from shared.fixed_point.amounts import add_amounts, amount_of_units, is_more, subtract_amounts
from shared.fixed_point.arithmetic import value_cents
from shared.fixed_point.compiled import view_kernel
from shared.fixed_point.limits import EDGE
from shared.fixed_point.records import Records

_PATIENCE: Final = 1000  # single units bought one by one before a jump is looked for


@view_kernel
def full_cost(securities: Records) -> int:
    """Return the cents that all full buys of the present sharing cost."""
    cost = 0
    for security in securities:
        if security.full_buy > 0 and not security.is_dropped:
            cost += order_change(security.buy_before, security.full_buy, security.price)
    return cost


@view_kernel
def give_up(account: Records, securities: Records, cash: int) -> bool:
    """Give up the buys that cannot be made: below the minimum size, or without cash for one step; return if for cash.

    cash: cents above what is kept, before sells; what a security `brings` is set.  A security that is to be bought is
    not sold, so first those go that all others could not pay, and then those that the others left could not.  What is
    given up takes no part in the sharing, nothing is sold for it, and it bars no sale.
    """
    most, lacks_cash = cash, False
    for security in securities:
        most += security.brings
    for security in securities:
        if security.full_buy == 0:
            continue
        if value_cents(security.full_buy, security.price) < account.minimum:
            _give_up_one(security)
            note_undersized(account)
        elif _step_cost(security) > most - security.brings:
            _give_up_one(security)
            lacks_cash = True
    for security in securities:
        if security.full_buy > 0:
            most -= security.brings
    for security in securities:
        if security.full_buy > 0 and _step_cost(security) > most:
            _give_up_one(security)
            lacks_cash = True
    if lacks_cash:
        account.blocked |= codes.B_CASH
    return lacks_cash


@view_kernel
def _give_up_one(security: Records) -> None:
    security.full_buy = 0
    security.shortfall, security.shortfall_part = 0, 0


@view_kernel
def _step_cost(security: Records) -> int:
    """Return the cents that one step costs; what costs none is no trade."""
    return int(max(1, value_cents(security.step, security.price)))


@view_kernel
def note_undersized(account: Records) -> None:
    """Note that an order is left out because it is too small."""
    account.blocked |= codes.B_CENT if account.minimum == 1 else codes.B_MINIMUM


@view_kernel
def share(account: Records, securities: Records, budget: int, rounding: int) -> int:
    """Set what is shared to every buy that is not dropped, at most `budget` cents in all; return the cents spent.

    rounding: what is shared is by so much of a cent more, in 1e-18, as the limit was rounded up to cents.
    Enough for all: each its full count.  Else each floor(budget x shortfall / sum of shortfalls / price) in steps.
    """
    cost = full_cost(securities)
    lacks_cash = cost > budget
    total, total_part = 0, 0
    for security in securities:
        security.shared = 0
        if security.full_buy > 0 and not security.is_dropped:
            total, total_part = add_amounts(total, total_part, security.shortfall, security.shortfall_part)
    if lacks_cash and (budget < 0 or (budget == 0 and rounding == 0)):
        if cost > 0:  # cash below what is kept is no hindrance where nothing is to be bought
            account.blocked |= codes.B_CASH
        return 0
    spent = 0
    for security in securities:
        if security.full_buy == 0 or security.is_dropped:
            continue
        price, step, units = security.price, security.step, security.full_buy
        if lacks_cash:
            units = exact_share(account, security, max(0, budget), rounding, total, total_part)
            # Orders are rounded to cents one by one; the last of them gives way by a cent where that would overspend.
            if spent + order_change(security.buy_before, units, price) > budget:
                units = min(units, affordable(budget - spent, price, step))
            if units == 0:
                account.blocked |= codes.B_CASH
        security.shared = units
        spent += order_change(security.buy_before, units, price)
    return spent


@view_kernel
def book_shares(securities: Records) -> None:
    """Let the market buys be what stood before the sharing and what it gave."""
    for security in securities:
        security.buy = security.buy_before + security.shared


@view_kernel
def drop_undersized(account: Records, securities: Records) -> bool:
    """Drop all undersized orders of this round together; return whether there were any.

    A market sell with a full exit in it is exempt; a zero share is not undersized.
    """
    has_dropped = False
    for security in securities:
        price = security.price
        if security.planned_sell > 0 and not security.has_exit and value_cents(security.sell, price) < account.minimum:
            security.planned_sell = 0
            has_dropped = True
        if security.shared > 0 and _is_undersized(account, security, security.buy_before + security.shared):
            security.is_dropped = 1
            security.shared = 0
            has_dropped = True
    if has_dropped:
        note_undersized(account)
    return has_dropped


@view_kernel
def _is_undersized(account: Records, security: Records, order: int) -> bool:
    """Return whether a market order of so many units is too small; below 0 it is what is left of a sell."""
    if order == 0 or (order < 0 and security.has_exit):
        return False
    return bool(value_cents(abs(order), security.price) < account.minimum)


@view_kernel
def single_units(account: Records, securities: Records, floor: int, stop: int, as_needed: bool) -> None:
    """Spend cash above `floor` on single steps, largest remaining shortfall first, while cash is above `stop` (cents).

    The price must fit the remaining shortfall; a fractional security takes at once all that shortfall and cash allow,
    or, as needed, what brings cash to `stop`: the upper edge of its band, which a few cents may hold whole.
    What was dropped as undersized does not come back here, though what is left might bring it to the minimum size,
    unless cash is placed: then an order is enlarged to the minimum size where its room allows.
    Adds to what is shared and lowers cash_now.  After many steps it jumps: see _jump.
    """
    patience = _PATIENCE
    while account.cash_now > stop and account.cash_now > floor:
        best, most, most_part, units = -1, 0, 0, 0
        for index in range(len(securities)):
            security = securities[index]
            if security.full_buy > security.shared:
                remaining, part = _remaining(security)
                if is_more(remaining, part, most, most_part):
                    fitting = _next_units(account, security, floor, stop, as_needed)
                    if fitting > 0:
                        best, most, most_part, units = index, remaining, part, fitting
        if best < 0:
            return
        security = securities[best]
        account.cash_now -= order_change(security.buy_before + security.shared, units, security.price)
        security.shared += units
        patience -= 1
        if patience == 0:
            _jump(account, securities, max(floor, stop))
            patience = _PATIENCE


@view_kernel
def _next_units(account: Records, security: Records, floor: int, stop: int, as_needed: bool) -> int:
    """Return the units that the security takes next, 0 if none: a step, or all that a fractional one can have.

    As needed, a fractional one takes what brings cash to `stop`, and an order below the minimum size is enlarged to it
    where shortfall and cash allow, also of what was dropped for its size.
    """
    if security.is_dropped and not as_needed:
        return 0
    price, step = security.price, security.step
    order, lacking = security.buy_before + security.shared, security.full_buy - security.shared
    units = step
    if step == 1:
        units = _fraction(account, security, floor)
        if as_needed:
            units = min(units, reaching(account.cash_now - stop, account.cash_high_rounding, order, price, 1))
        if units <= 0:
            return 0
    is_small = _is_undersized(account, security, order + units)
    if is_small:
        if not as_needed:
            return 0
        least = reaching(account.minimum, account.minimum_rounding, 0, price, step) if order + units > 0 else 0
        units = least - order
    if units > lacking:
        return 0
    remaining, part = _remaining(security)
    cost, cost_part = amount_of_units(units, price)
    if step > 1 and is_more(cost, cost_part, remaining, part):
        return 0
    if (step > 1 or is_small) and order_change(order, units, price) > account.cash_now - floor:
        return 0
    return int(units)


@view_kernel
def _remaining(security: Records) -> tuple[int, int]:
    """Return the shortfall of the security that is left, an amount; negative where more than it is bought."""
    bought, bought_part = amount_of_units(security.shared, security.price)
    return subtract_amounts(security.shortfall, security.shortfall_part, bought, bought_part)


@view_kernel
def _fitting(account: Records, security: Records, floor: int) -> tuple[int, int]:
    """Return the shortfall of the security that is left, 0 when no single step of it can be bought."""
    cents, part = _remaining(security)
    if cents < 0 or _next_units(account, security, floor, 0, False) == 0:
        return 0, 0
    return cents, part


@view_kernel
def _fraction(account: Records, security: Records, floor: int) -> int:
    lacking = security.full_buy - security.shared
    return int(min(lacking, affordable(account.cash_now - floor, security.price, 1)))


@view_kernel
def _jump(account: Records, securities: Records, floor: int) -> None:
    """Buy at once what unit by unit would be bought until no shortfall is above a level: the lowest level that fits.

    While the largest shortfall is above a level every unit goes to a security above it, so the order does not matter as
    long as all of it can be paid; what is bought is the same as one by one.  No level is below what a fractional
    security lacks: once none lacks more it takes all of that at once.
    """
    low, low_part, high, high_part = -1, EDGE - 1, 0, 0
    for security in securities:
        if security.full_buy > security.shared:
            cents, part = _fitting(account, security, floor)
            if security.step > 1:
                if is_more(cents, part, high, high_part):
                    high, high_part = cents, part
            elif is_more(cents, part, low, low_part):
                low, low_part = subtract_amounts(cents, part, 0, 1)
    while True:
        apart, apart_part = subtract_amounts(high, high_part, low, low_part)
        if apart < 0 or (apart == 0 and apart_part <= 1):
            break
        level, part = add_amounts(low, low_part, apart // 2, (apart % 2 * EDGE + apart_part) // 2)
        if _to_level(account, securities, level, part, floor, False) <= account.cash_now - floor:
            high, high_part = level, part
        else:
            low, low_part = level, part
    account.cash_now -= _to_level(account, securities, high, high_part, floor, True)


@view_kernel
def _to_level(account: Records, securities: Records, level: int, level_part: int, floor: int, buy: bool) -> int:
    """Return what it costs to bring all shortfalls of securities in whole steps to a level, and buy it if asked."""
    cost = 0
    for security in securities:
        if security.full_buy == security.shared or security.step == 1:
            continue
        cents, part = _fitting(account, security, floor)
        if not is_more(cents, part, level, level_part):
            continue
        price, step = security.price, security.step
        above, above_part = subtract_amounts(cents, part, level, level_part)
        count = min(-(-units_ceil(above, above_part, price) // step), units_floor(cents, part, price) // step)
        units = min(count * step, (security.full_buy - security.shared) // step * step)
        cost += order_change(security.buy_before + security.shared, units, price)
        if buy:
            security.shared += units
    return cost

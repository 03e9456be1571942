"""Sharing cash among buys in proportion to the dollar shortfall, and what is left in single units.

Source: product 4 (Best Fit 2 to 4, Min Transaction 2, minimum trade size) and its fine points.
"""

from typing import Final

from services.proposer.domain import codes
from services.proposer.domain.sizing import affordable, money_of_units, order_change, reaching
from shared.fixed_point.amounts import CENT_UNITS
from shared.fixed_point.arithmetic import muldiv_floor, value_cents
from shared.fixed_point.compiled import view_kernel
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
    security.shortfall = 0


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

    rounding: what is shared is by so much of a cent more, in 1 / CENT_UNITS, as the limit was rounded up to cents.
    Enough for all: each its full count.  Else each floor(budget x shortfall / sum of shortfalls / price) in steps.
    """
    cost = full_cost(securities)
    lacks_cash = cost > budget
    total = 0
    for security in securities:
        security.shared = 0
        if security.full_buy > 0 and not security.is_dropped:
            total += security.shortfall
    if lacks_cash and (budget < 0 or (budget == 0 and rounding == 0)):
        if cost > 0:  # cash below what is kept is no hindrance where nothing is to be bought
            account.blocked |= codes.B_CASH
        return 0
    spent = 0
    money = max(0, budget) * (CENT_UNITS // account.grain) + rounding // account.grain
    for security in securities:
        if security.full_buy == 0 or security.is_dropped:
            continue
        price, step, units = security.price, security.step, security.full_buy
        if lacks_cash:
            due = muldiv_floor(money, security.shortfall, total) if total > 0 else 0
            units = min(units, muldiv_floor(due, account.grain, price) // step * step)
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
        if security.shared > 0 and value_cents(security.buy_before + security.shared, price) < account.minimum:
            security.is_dropped = 1
            security.shared = 0
            has_dropped = True
    if has_dropped:
        note_undersized(account)
    return has_dropped


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
        best, most, units = -1, 0, 0
        for index in range(len(securities)):
            security = securities[index]
            if security.full_buy > security.shared:
                remaining = security.shortfall - money_of_units(account, security.shared, security.price)
                if remaining > most:
                    fitting = _next_units(account, security, floor, stop, as_needed)
                    if fitting > 0:
                        best, most, units = index, remaining, fitting
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
    is_small = value_cents(order + units, price) < account.minimum
    if is_small:
        if not as_needed:
            return 0
        units = reaching(account.minimum, account.minimum_rounding, 0, price, step) - order
    if units > lacking:
        return 0
    if step > 1 and money_of_units(account, units, price) > security.shortfall - money_of_units(
        account, security.shared, price
    ):
        return 0
    if (step > 1 or is_small) and order_change(order, units, price) > account.cash_now - floor:
        return 0
    return int(units)


@view_kernel
def _fitting(account: Records, security: Records, floor: int) -> int:
    """Return the remaining shortfall of the security in money, 0 when no single step of it can be bought."""
    if _next_units(account, security, floor, 0, False) == 0:
        return 0
    return int(max(0, security.shortfall - money_of_units(account, security.shared, security.price)))


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
    low, high = -1, 0
    for security in securities:
        if security.full_buy > security.shared:
            remaining = _fitting(account, security, floor)
            if security.step > 1:
                high = max(high, remaining)
            else:
                low = max(low, remaining - 1)
    while high - low > 1:
        level = (low + high) // 2
        if _to_level(account, securities, level, floor, False) <= account.cash_now - floor:
            high = level
        else:
            low = level
    account.cash_now -= _to_level(account, securities, high, floor, True)


@view_kernel
def _to_level(account: Records, securities: Records, level: int, floor: int, buy: bool) -> int:
    """Return what it costs to bring all shortfalls of securities in whole steps to `level`, and buy it if asked."""
    cost = 0
    for security in securities:
        remaining = 0
        if security.full_buy > security.shared and security.step > 1:
            remaining = _fitting(account, security, floor)
        if remaining <= level:
            continue
        price, step = security.price, security.step
        each = max(1, money_of_units(account, step, price))
        count = min(-(-(remaining - level) // each), remaining // each)
        units = min(count * step, (security.full_buy - security.shared) // step * step)
        cost += order_change(security.buy_before + security.shared, units, price)
        if buy:
            security.shared += units
    return cost

"""Passes over positions, one after the other, that raise cash by sells or place cash by buys, only as far as needed.

Source: product 4 (Best Fit 4, Min Transaction 2 and 3) and its fine points.
"""

from typing import Final

from services.proposer.domain import codes
from services.proposer.domain.netting import amount_at, shortfall_to
from services.proposer.domain.sharing import note_undersized
from services.proposer.domain.sizing import order_change, reaching, units_ceil, units_floor, within
from shared.fixed_point.amounts import PARTS, is_more, subtract_amounts
from shared.fixed_point.arithmetic import value_cents
from shared.fixed_point.compiled import view_kernel
from shared.fixed_point.records import Records

# Which positions take part in a pass.
ALL: Final = 0
PLANNED: Final = 1  # securities that had a market order in that direction before
NEW: Final = 2  # the others
IN_BAND: Final = 3  # positions inside their band, except replaced ones, and positions that are already sold from


@view_kernel
def raise_cash(
    account: Records, securities: Records, positions: Records, goal: int, rounding: int, edge: int, by: int, who: int
) -> None:
    """Sell positions down to the amount at `edge`, largest excess over the amount at `by` first, to `goal` cents.

    rounding: by how much of a cent, in 1e-18, the goal was rounded up.  who: ALL, PLANNED, NEW or IN_BAND.
    A sell is enlarged to the minimum size where its room allows, else left out.  A security with a market buy, and a
    sleeve that buys, are not sold.  Where cash stays short, restrictions that kept a position from a sale are noted.
    """
    if account.cash_now >= goal:
        return
    is_barred = False
    for position in positions:
        position.room = 0
        security = securities[position.security]
        if not _may_sell(security, position, who):
            continue
        cents, part = amount_at(position, edge)
        room = position.quantity + position.trade - units_ceil(cents, part, security.price)
        if room < security.step:
            continue
        if security.restriction & codes.NO_SELL:
            is_barred = True
            continue
        position.room = room // security.step * security.step
        cents, part = shortfall_to(security, position, by)
        position.priority, position.priority_part = subtract_amounts(0, 0, cents, part)
    while account.cash_now < goal:
        index = _next(positions)
        if index < 0:
            account.blocked |= codes.B_RESTRICTED if is_barred else 0
            return
        _sell(account, securities[positions[index].security], positions[index], goal, rounding)
        positions[index].room = 0


@view_kernel
def place_cash(account: Records, securities: Records, positions: Records, edge: int, who: int) -> None:
    """Buy positions up to the amount at `edge`, largest dollar room to it first, until cash is in range.

    The last buy is rounded up so that cash lands inside its band, unless that would bring it below.  A buy is
    enlarged to the minimum size where its room and the cash above the lower limit allow, else left out.  Where cash
    stays too high, restrictions that kept a position from a buy are noted.
    """
    if account.cash_now <= account.cash_high:
        return
    is_barred = False
    for position in positions:
        position.room = 0
        security = securities[position.security]
        if not _may_buy(security, position, who):
            continue
        held = position.quantity + position.trade
        cents, part = amount_at(position, edge)
        room = units_floor(cents, part, security.price) - held
        if room < security.step:
            continue
        if security.restriction & codes.NO_BUY:
            is_barred = True
            continue
        position.room = room // security.step * security.step
        position.priority, position.priority_part = shortfall_to(security, position, edge)
    while account.cash_now > account.cash_high:
        index = _next(positions)
        if index < 0:
            account.blocked |= codes.B_RESTRICTED if is_barred else 0
            return
        _buy(account, securities[positions[index].security], positions[index])
        positions[index].room = 0


@view_kernel
def set_brings(account: Records, securities: Records, positions: Records) -> bool:
    """Set the most cents that each security `brings` by its planned sell and by what may pay for buys.

    Sleeves must be settled with their planned sells.  Returns whether a restriction bars any of it.
    """
    is_barred = False
    for security in securities:
        units = security.planned_sell
        for position in positions[security.first : security.end]:
            if not _may_sell(security, position, IN_BAND):
                continue
            room = position.quantity + position.trade - units_ceil(position.low, position.low_part, security.price)
            if room < security.step:
                continue
            if security.restriction & codes.NO_SELL:
                is_barred = True
            else:
                units += room // security.step * security.step
        security.brings = _worth_selling(account, security, units)
    return is_barred


@view_kernel
def set_planned_brings(account: Records, securities: Records) -> None:
    """Set the cents that each security `brings` by its planned sell alone."""
    for security in securities:
        security.brings = _worth_selling(account, security, security.planned_sell)


@view_kernel
def _worth_selling(account: Records, security: Records, units: int) -> int:
    """Return the cents of a market sell of so many units, 0 where that is undersized."""
    cents = value_cents(units, security.price)
    return int(cents if security.has_exit or cents >= account.minimum else 0)


@view_kernel
def mark_planned(securities: Records) -> None:
    """Note which securities have a market order now."""
    for security in securities:
        security.was_planned = 1 if security.sell > 0 or security.buy > 0 else 0


@view_kernel
def _next(positions: Records) -> int:
    """Return the position with room whose priority is largest, ties by security id then sleeve id; -1: none is left."""
    best, most, most_part = -1, 0, 0
    for index in range(len(positions)):
        position = positions[index]
        if position.room == 0:
            continue
        if best < 0 or is_more(position.priority, position.priority_part, most, most_part):
            best, most, most_part = index, position.priority, position.priority_part
    return best


@view_kernel
def _may_sell(security: Records, position: Records, who: int) -> bool:
    """Return whether the position takes part in the pass; restrictions are checked by the caller."""
    if position.quantity + position.trade == 0:
        return False
    if security.buy > 0 or position.trade > 0:
        return False
    if who == IN_BAND:
        # A replaced security never funds a buy: nothing is sold only because a substitute exists.
        return bool(security.substitute < 0 and (position.trade < 0 or position.side == 0))
    return _takes_part(security, who)


@view_kernel
def _may_buy(security: Records, position: Records, who: int) -> bool:
    """Return whether the position takes part in the pass; restrictions are checked by the caller."""
    if position.aim == 0 and position.aim_part == 0:
        return False
    if security.sell > 0 or position.trade < 0:
        return False
    return _takes_part(security, who)


@view_kernel
def _takes_part(security: Records, who: int) -> bool:
    return bool(who == ALL or (security.was_planned == 1) == (who == PLANNED))


@view_kernel
def _sell(account: Records, security: Records, position: Records, goal: int, rounding: int) -> None:
    price, step, order = security.price, security.step, security.sell
    room = min(position.room, (security.cap - order) // step * step)
    if room <= 0:
        return
    units = min(room, reaching(goal - account.cash_now, rounding // PARTS, order, price, step))
    if not security.has_exit and value_cents(order + units, price) < account.minimum:
        # `order` stands off the step only with a full exit in it, so whole steps reach the minimum exactly here.
        units = max(units, reaching(account.minimum, account.minimum_rounding, 0, price, step) - order)
        if units > room:
            note_undersized(account)
            return
    account.cash_now += order_change(order, units, price)
    security.sell += units
    position.trade -= units
    if position.reason == 0:
        position.reason = codes.RAISE_CASH
    if security.reason == 0:
        security.reason = codes.RAISE_CASH


@view_kernel
def _buy(account: Records, security: Records, position: Records) -> None:
    price, step, order = security.price, security.step, security.buy
    more = reaching(account.cash_now - account.cash_high, account.cash_high_rounding, order, price, step)
    room = min(position.room, within(account.cash_now - account.cash_low, order, price, step))
    units = min(room, more)
    if units <= 0:
        return
    if value_cents(order + units, price) < account.minimum:
        units = max(units, reaching(account.minimum, account.minimum_rounding, 0, price, step) - order)
        if units > room:
            note_undersized(account)
            return
    account.cash_now -= order_change(order, units, price)
    security.buy += units
    position.trade += units
    if position.reason == 0:
        position.reason = codes.PLACE_CASH
    if security.reason == 0:
        security.reason = codes.PLACE_CASH

"""Passes over positions, one after the other, that raise cash by sells or place cash by buys, only as far as needed.

Source: product 4 (Best Fit 4, Min Transaction 2 and 3) and its fine points.
"""

from services.proposer.domain import codes
from services.proposer.domain import layout as at
from services.proposer.domain.layout import Ints
from services.proposer.domain.netting import shortfall_to
from services.proposer.domain.sizing import order_change, reaching, units_ceil, units_floor, within
from shared.fixed_point.arithmetic import value_cents
from shared.fixed_point.compiled import view_kernel

# Which positions take part in a pass.
ALL = 0
PLANNED = 1  # securities that had a market order in that direction before
NEW = 2  # the others
IN_BAND = 3  # positions inside their band, except replaced ones, and positions that are already sold from


@view_kernel
def raise_cash(acc: Ints, sec: Ints, pos: Ints, goal: int, part: int, limit: int, aimed: int, who: int) -> None:
    """Sell positions down to the weight in column `limit`, largest excess over column `aimed` first, to `goal` cents.

    part: by how much of a cent, in 1 / CENT_UNITS, the goal was rounded up.
    A sell is enlarged to the minimum size where its room allows, else left out.  A security with a market buy, and a
    sleeve that buys, are not sold.  Where cash stays short, restrictions that kept a position from a sale are noted.
    """
    if acc[at.A_NOW] >= goal:
        return
    barred = False
    for position in range(len(pos)):
        pos[position, at.P_ROOM] = 0
        security = pos[position, at.P_SECURITY]
        if not _may_sell(sec, pos, position, who):
            continue
        room = pos[position, at.P_QUANTITY] + pos[position, at.P_TRADE]
        room -= units_ceil(pos[position, limit], acc[at.A_VALUE], sec[security, at.S_PRICE])
        if room < sec[security, at.S_STEP]:
            continue
        if sec[security, at.S_RESTRICTION] & codes.NO_SELL:
            barred = True
            continue
        pos[position, at.P_ROOM] = room // sec[security, at.S_STEP] * sec[security, at.S_STEP]
        pos[position, at.P_KEY] = -shortfall_to(acc, sec, pos, position, aimed)
    while acc[at.A_NOW] < goal:
        position = _next(pos)
        if position < 0:
            acc[at.A_BLOCKED] |= codes.B_RESTRICTED if barred else 0
            return
        _sell(acc, sec, pos, position, goal, part)
        pos[position, at.P_ROOM] = 0


@view_kernel
def place_cash(acc: Ints, sec: Ints, pos: Ints, limit: int, who: int) -> None:
    """Buy positions up to the weight in column `limit`, largest dollar room to it first, until cash is in range.

    The last buy is rounded up so that cash lands inside its band, unless that would bring it below.  Where cash stays
    too high, restrictions that kept a position from a buy are noted.
    """
    if acc[at.A_NOW] <= acc[at.A_HIGH]:
        return
    barred = False
    for position in range(len(pos)):
        pos[position, at.P_ROOM] = 0
        security = pos[position, at.P_SECURITY]
        if not _may_buy(sec, pos, position, who):
            continue
        held = pos[position, at.P_QUANTITY] + pos[position, at.P_TRADE]
        room = units_floor(pos[position, limit], acc[at.A_VALUE], sec[security, at.S_PRICE]) - held
        if room < sec[security, at.S_STEP]:
            continue
        if sec[security, at.S_RESTRICTION] & codes.NO_BUY:
            barred = True
            continue
        pos[position, at.P_ROOM] = room // sec[security, at.S_STEP] * sec[security, at.S_STEP]
        pos[position, at.P_KEY] = shortfall_to(acc, sec, pos, position, limit)
    while acc[at.A_NOW] > acc[at.A_HIGH]:
        position = _next(pos)
        if position < 0:
            acc[at.A_BLOCKED] |= codes.B_RESTRICTED if barred else 0
            return
        _buy(acc, sec, pos, position)
        pos[position, at.P_ROOM] = 0


@view_kernel
def mark_planned(sec: Ints) -> None:
    """Note which securities have a market order now."""
    for security in range(len(sec)):
        sec[security, at.S_PLANNED] = 1 if sec[security, at.S_SELL] > 0 or sec[security, at.S_BUY] > 0 else 0


@view_kernel
def _next(pos: Ints) -> int:
    """Return the position with room whose key is largest, ties by security id then sleeve id; -1 when none is left."""
    best = -1
    for position in range(len(pos)):
        if pos[position, at.P_ROOM] > 0 and (best < 0 or pos[position, at.P_KEY] > pos[best, at.P_KEY]):
            best = position
    return best


@view_kernel
def _may_sell(sec: Ints, pos: Ints, position: int, who: int) -> bool:
    """Return whether the position takes part in the pass; restrictions are checked by the caller."""
    security = pos[position, at.P_SECURITY]
    if pos[position, at.P_QUANTITY] + pos[position, at.P_TRADE] == 0:
        return False
    if sec[security, at.S_BUY] > 0 or pos[position, at.P_TRADE] > 0:
        return False
    if who == IN_BAND:
        # A replaced security never funds a buy: nothing is sold only because a substitute exists.
        is_replaced = pos[position, at.P_REPLACES] < 0
        return bool(pos[position, at.P_TRADE] < 0 or (pos[position, at.P_SIDE] == 0 and not is_replaced))
    return _planned(sec, security, who)


@view_kernel
def _may_buy(sec: Ints, pos: Ints, position: int, who: int) -> bool:
    """Return whether the position takes part in the pass; restrictions are checked by the caller."""
    security = pos[position, at.P_SECURITY]
    if pos[position, at.P_AIM_UP] == 0:
        return False
    if sec[security, at.S_SELL] > 0 or pos[position, at.P_TRADE] < 0:
        return False
    return _planned(sec, security, who)


@view_kernel
def _planned(sec: Ints, security: int, who: int) -> bool:
    return bool(who == ALL or (sec[security, at.S_PLANNED] == 1) == (who == PLANNED))


@view_kernel
def _sell(acc: Ints, sec: Ints, pos: Ints, position: int, goal: int, part: int) -> None:
    security = pos[position, at.P_SECURITY]
    price, step, order = sec[security, at.S_PRICE], sec[security, at.S_STEP], sec[security, at.S_SELL]
    room = min(pos[position, at.P_ROOM], (sec[security, at.S_CAP] - order) // step * step)
    if room <= 0:
        return
    units = min(room, reaching(goal - acc[at.A_NOW], part, order, price, step))
    if not sec[security, at.S_EXIT] and value_cents(order + units, price) < acc[at.A_MIN]:
        # `order` stands off the step only with a full exit in it, so whole steps reach the minimum exactly here.
        units = max(units, reaching(acc[at.A_MIN], acc[at.A_MIN_PART], 0, price, step) - order)
        if units > room:
            acc[at.A_BLOCKED] |= codes.B_MINIMUM
            return
    acc[at.A_NOW] += order_change(order, units, price)
    sec[security, at.S_SELL] += units
    pos[position, at.P_TRADE] -= units
    if pos[position, at.P_REASON] == 0:
        pos[position, at.P_REASON] = codes.RAISE_CASH
    if sec[security, at.S_REASON] == 0:
        sec[security, at.S_REASON] = codes.RAISE_CASH


@view_kernel
def _buy(acc: Ints, sec: Ints, pos: Ints, position: int) -> None:
    security = pos[position, at.P_SECURITY]
    price, step, order = sec[security, at.S_PRICE], sec[security, at.S_STEP], sec[security, at.S_BUY]
    more = reaching(acc[at.A_NOW] - acc[at.A_HIGH], acc[at.A_HIGH_PART], order, price, step)
    units = min(pos[position, at.P_ROOM], more)
    units = min(units, within(acc[at.A_NOW] - acc[at.A_LOW], order, price, step))
    if units <= 0:
        return
    if value_cents(order + units, price) < acc[at.A_MIN]:
        acc[at.A_BLOCKED] |= codes.B_MINIMUM
        return
    acc[at.A_NOW] -= order_change(order, units, price)
    sec[security, at.S_BUY] += units
    pos[position, at.P_TRADE] += units
    if pos[position, at.P_REASON] == 0:
        pos[position, at.P_REASON] = codes.PLACE_CASH
    if sec[security, at.S_REASON] == 0:
        sec[security, at.S_REASON] = codes.PLACE_CASH

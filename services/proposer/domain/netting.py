"""Netting: sleeve trades of one security are crossed inside the account, and only the remainder goes to market.

Source: product 4, "Netting".
"""

from services.proposer.domain import codes
from services.proposer.domain import layout as at
from services.proposer.domain.layout import Ints
from services.proposer.domain.sizing import apportion, money_of_units, money_of_weight
from shared.fixed_point.compiled import view_kernel


@view_kernel
def reset(acc: Ints, sec: Ints, pos: Ints) -> None:
    """Clear the columns of the previous logic; A_NOW starts at the available cash."""
    acc[at.A_NOW] = acc[at.A_CASH]
    acc[at.A_BLOCKED] = 0
    sec[:, at.S_CROSSED :] = 0
    pos[:, at.P_WANT :] = 0


@view_kernel
def net(acc: Ints, sec: Ints, pos: Ints, aimed: int) -> None:
    """Cross the sleeves' wants security by security: S_CROSSED, S_EXIT, S_PLAN, and S_FULL and S_SHORT for the sharing.

    aimed: the position column with the weight that buys aim at.  Restrictions and caps bind the remainder;
    do-not-trade bars crossing too.  A market buy is cut to the step, a market sell can only leave it when a full exit
    is in it.
    """
    for security in range(len(sec)):
        first, end = sec[security, at.S_FIRST], sec[security, at.S_END]
        buys, sells = 0, 0
        for position in range(first, end):
            if pos[position, at.P_WANT] > 0:
                buys += pos[position, at.P_WANT]
            elif pos[position, at.P_WANT] < 0:
                sells -= pos[position, at.P_WANT]
                if pos[position, at.P_EXIT]:
                    sec[security, at.S_EXIT] = 1
        if buys + sells == 0:
            continue
        if sec[security, at.S_RESTRICTION] & codes.NO_TRADE:
            pos[first:end, at.P_WANT] = 0
            acc[at.A_BLOCKED] |= codes.B_RESTRICTED
            continue
        sec[security, at.S_CROSSED] = min(buys, sells)
        _remainder(acc, sec, pos, security, buys, sells, aimed)


@view_kernel
def _remainder(acc: Ints, sec: Ints, pos: Ints, security: int, buys: int, sells: int, aimed: int) -> None:
    restriction, step = sec[security, at.S_RESTRICTION], sec[security, at.S_STEP]
    if sells > buys:
        if restriction & codes.NO_SELL:
            acc[at.A_BLOCKED] |= codes.B_RESTRICTED
        else:
            sec[security, at.S_PLAN] = min(sells - buys, sec[security, at.S_CAP])
    elif buys > sells:
        if restriction & codes.NO_BUY:
            acc[at.A_BLOCKED] |= codes.B_RESTRICTED
            return
        full = (buys - sells) // step * step
        short = -money_of_units(acc, sells, sec[security, at.S_PRICE])
        for position in range(sec[security, at.S_FIRST], sec[security, at.S_END]):
            if pos[position, at.P_WANT] > 0:
                short += shortfall_to(acc, sec, pos, position, aimed)
        if full > 0:
            sec[security, at.S_FULL] = full
            sec[security, at.S_SHORT] = max(0, short)


@view_kernel
def shortfall_to(acc: Ints, sec: Ints, pos: Ints, position: int, aimed: int) -> int:
    """Return weight x V - quantity x price in money, the quantity after the trades so far; negative is an excess.

    aimed: the position column of the weight, from P_AIM to P_HIGH.
    """
    units = pos[position, at.P_QUANTITY] + pos[position, at.P_TRADE]
    exact = aimed in (at.P_AIM, at.P_AIM_UP)
    goal = pos[position, at.P_AIM_MONEY] if exact else money_of_weight(acc, pos[position, aimed])
    return int(goal - money_of_units(acc, units, sec[pos[position, at.P_SECURITY], at.S_PRICE]))


@view_kernel
def settle_sells(sec: Ints, pos: Ints, reason: int) -> None:
    """Write the sleeves' sells of crossed + planned units, cut pro rata where the plan was cut."""
    for security in range(len(sec)):
        settle(sec, pos, security, -1, sec[security, at.S_CROSSED] + sec[security, at.S_PLAN], reason)


@view_kernel
def settle_buys(sec: Ints, pos: Ints, reason: int) -> None:
    """Write the sleeves' buys of crossed + market units, cut pro rata where the market buy was cut."""
    for security in range(len(sec)):
        settle(sec, pos, security, 1, sec[security, at.S_CROSSED] + sec[security, at.S_BUY], reason)


@view_kernel
def settle(sec: Ints, pos: Ints, security: int, sign: int, total: int, reason: int) -> None:
    """Write P_TRADE, P_CROSS and P_REASON of the sleeves that want `sign`: `total` units among them, pro rata.

    Which part of a sleeve's sell is crossed is known once lots are chosen; until then it stands pro rata.
    """
    first, end, step = sec[security, at.S_FIRST], sec[security, at.S_END], sec[security, at.S_STEP]
    if total == 0:
        return
    if end - first == 1:
        # A single sleeve cannot cross and takes all units.
        if pos[first, at.P_WANT] * sign > 0:
            pos[first, at.P_TRADE] = total * sign
    else:
        apportion(pos, first, end, at.P_WANT, sign, total, step, at.P_TRADE)
        if sec[security, at.S_CROSSED] > 0 and sign > 0:
            _cross_in(pos, first, end, sec[security, at.S_CROSSED])
        elif sec[security, at.S_CROSSED] > 0:
            apportion(pos, first, end, at.P_TRADE, sign, sec[security, at.S_CROSSED], step, at.P_CROSS)
    for position in range(first, end):
        if pos[position, at.P_WANT] * sign > 0 and pos[position, at.P_TRADE] != 0:
            pos[position, at.P_REASON] = _reason(pos, position, sign, reason)


@view_kernel
def _cross_in(pos: Ints, first: int, end: int, crossed: int) -> None:
    """Give crossed units to the buying sleeves by sleeve id, each up to its buy; the rest is bought in the market.

    Source: product 4, "Which lots".
    """
    for position in range(first, end):
        if pos[position, at.P_TRADE] > 0:
            pos[position, at.P_CROSS] = min(crossed, pos[position, at.P_TRADE])
            crossed -= pos[position, at.P_CROSS]


@view_kernel
def _reason(pos: Ints, position: int, sign: int, reason: int) -> int:
    if sign < 0:
        return codes.FULL_EXIT if pos[position, at.P_EXIT] else reason
    return codes.SUBSTITUTE if pos[position, at.P_REPLACES] == 1 and reason != codes.PLACE_CASH else reason


@view_kernel
def name_orders(sec: Ints, pos: Ints) -> None:
    """Give each market order that has none its reason: NETTED where units were crossed, else its first sleeve's."""
    for security in range(len(sec)):
        if sec[security, at.S_SELL] == 0 and sec[security, at.S_BUY] == 0:
            sec[security, at.S_REASON] = 0
        elif sec[security, at.S_REASON] == 0 and sec[security, at.S_CROSSED] > 0:
            sec[security, at.S_REASON] = codes.NETTED
        elif sec[security, at.S_REASON] == 0:
            for position in range(sec[security, at.S_FIRST], sec[security, at.S_END]):
                reason = pos[position, at.P_REASON]
                if reason != 0 and (sec[security, at.S_REASON] == 0 or reason < sec[security, at.S_REASON]):
                    sec[security, at.S_REASON] = reason

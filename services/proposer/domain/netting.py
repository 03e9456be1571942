"""Netting: sleeve trades of one security are crossed inside the account, and only the remainder goes to market.

Source: product 4, "Netting".
"""

from typing import Final

from services.proposer.domain import codes
from services.proposer.domain.apportion import apportion
from shared.fixed_point.amounts import add_amounts, amount_of_units, subtract_amounts
from shared.fixed_point.compiled import view_kernel
from shared.fixed_point.records import Records

# Amounts of a position that trades aim at.
AIM: Final = 0
LOW: Final = 1
HIGH: Final = 2

SELLS: Final = -1
BUYS: Final = 1


@view_kernel
def reset(account: Records, securities: Records, positions: Records) -> None:
    """Clear the fields of the previous logic; cash_now starts at the available cash."""
    account.cash_now = account.cash
    account.blocked = 0
    for security in securities:
        security.crossed = 0
        security.has_exit = 0
        security.planned_sell = 0
        security.sell = 0
        security.buy = 0
        security.buy_before = 0
        security.full_buy = 0
        security.shortfall, security.shortfall_part = 0, 0
        security.shared = 0
        security.is_dropped = 0
        security.reason = 0
    for position in positions:
        position.want = 0
        clear_trade(position)


@view_kernel
def clear_trade(position: Records) -> None:
    """Forget what the position trades, not what it wants."""
    position.trade = 0
    position.crossed = 0
    position.reason = 0


@view_kernel
def amount_at(position: Records, edge: int) -> tuple[int, int]:
    """Return the amount AIM, LOW or HIGH of the position."""
    if edge == AIM:
        return position.aim, position.aim_part
    if edge == LOW:
        return position.low, position.low_part
    return position.high, position.high_part


@view_kernel
def shortfall_to(security: Records, position: Records, edge: int) -> tuple[int, int]:
    """Return the amount AIM, LOW or HIGH less quantity x price, the quantity after the trades so far; exact.

    A negative amount is an excess.
    """
    cents, part = amount_at(position, edge)
    held, held_part = amount_of_units(position.quantity + position.trade, security.price)
    return subtract_amounts(cents, part, held, held_part)


@view_kernel
def net(account: Records, securities: Records, positions: Records, edge: int) -> None:
    """Cross the sleeves' wants security by security: crossed, has_exit, planned_sell, and what a sharing goes by.

    edge: the amount that buys aim at.  Restrictions and caps bind the remainder; do-not-trade bars crossing too.  A
    market buy is cut to the step, a market sell can only leave it when a full exit is in it.
    """
    for security in securities:
        buys, sells = 0, 0
        for position in positions[security.first : security.end]:
            if position.want > 0:
                buys += position.want
            elif position.want < 0:
                sells -= position.want
                if position.is_exit:
                    security.has_exit = 1
        if buys + sells == 0:
            continue
        if security.restriction & codes.NO_TRADE:
            for position in positions[security.first : security.end]:
                position.want = 0
            account.blocked |= codes.B_RESTRICTED
            continue
        security.crossed = min(buys, sells)
        if sells > buys:
            _plan_sell(account, security, sells - buys)
        elif buys > sells:
            _plan_buy(account, security, positions, buys, sells, edge)


@view_kernel
def _plan_sell(account: Records, security: Records, units: int) -> None:
    if security.restriction & codes.NO_SELL:
        account.blocked |= codes.B_RESTRICTED
    else:
        security.planned_sell = min(units, security.cap)


@view_kernel
def _plan_buy(account: Records, security: Records, positions: Records, buys: int, sells: int, edge: int) -> None:
    if security.restriction & codes.NO_BUY:
        account.blocked |= codes.B_RESTRICTED
        return
    units = (buys - sells) // security.step * security.step
    if units == 0:
        return
    crossed, crossed_part = amount_of_units(sells, security.price)
    cents, part = subtract_amounts(0, 0, crossed, crossed_part)
    for position in positions[security.first : security.end]:
        if position.want > 0:
            more, more_part = shortfall_to(security, position, edge)
            cents, part = add_amounts(cents, part, more, more_part)
    security.full_buy = units
    if cents >= 0:
        security.shortfall, security.shortfall_part = cents, part


@view_kernel
def settle_sells(securities: Records, positions: Records, reason: int) -> None:
    """Write the sleeves' sells of crossed + planned units, cut pro rata where the plan was cut."""
    for security in securities:
        settle(security, positions, SELLS, security.crossed + security.planned_sell, reason)


@view_kernel
def settle_buys(securities: Records, positions: Records, reason: int) -> None:
    """Write the sleeves' buys of crossed + market units, cut pro rata where the market buy was cut."""
    for security in securities:
        settle(security, positions, BUYS, security.crossed + security.buy, reason)


@view_kernel
def settle(security: Records, positions: Records, side: int, total: int, reason: int) -> None:
    """Write trade, crossed and reason of the sleeves that want SELLS or BUYS: `total` units among them, pro rata."""
    if total == 0:
        return
    sleeves = positions[security.first : security.end]
    share_out(security, sleeves, side, total)
    for sleeve in sleeves:
        if sleeve.want * side > 0 and sleeve.trade != 0:
            sleeve.reason = _reason_of(sleeve, side, reason)


@view_kernel
def share_out(security: Records, sleeves: Records, side: int, total: int) -> None:
    """Write trade and crossed of the sleeves that want SELLS or BUYS: `total` units among them, pro rata.

    Which part of a sleeve's sell is crossed is known once lots are chosen; until then it stands pro rata.
    """
    if len(sleeves) == 1:
        # A single sleeve cannot cross and takes all units.
        if sleeves[0].want * side > 0:
            sleeves[0].trade = total * side
    else:
        divide(sleeves, side, total, security.step)
        for sleeve in sleeves:
            if sleeve.asked > 0:
                sleeve.trade = sleeve.share * side
        if security.crossed > 0 and side == BUYS:
            _cross_buys(sleeves, security.crossed)
        elif security.crossed > 0:
            _cross_sells(sleeves, security.crossed, security.step)


@view_kernel
def divide(sleeves: Records, side: int, total: int, step: int) -> None:
    """Apportion `total` units among the sleeves that want SELLS or BUYS, into their `share`."""
    for sleeve in sleeves:
        sleeve.asked = max(0, sleeve.want * side)
    apportion(sleeves, total, step)


@view_kernel
def cross_more(security: Records, positions: Records, taken_back: int) -> None:
    """Cross units of the market sell that were taken back to the sleeves that want them now, by sleeve id."""
    sleeves = positions[security.first : security.end]
    security.crossed += taken_back
    security.reason = codes.NETTED if security.sell > 0 or security.buy > 0 else 0
    for sleeve in sleeves:
        if sleeve.want > 0:
            sleeve.crossed = min(taken_back, sleeve.trade)
            taken_back -= sleeve.crossed
    _cross_sells(sleeves, security.crossed, security.step)


@view_kernel
def _cross_buys(sleeves: Records, crossed: int) -> None:
    """Give crossed units to the buying sleeves by sleeve id, each up to its buy; the rest is bought in the market.

    Source: product 4, "Which lots".
    """
    for sleeve in sleeves:
        if sleeve.trade > 0:
            sleeve.crossed = min(crossed, sleeve.trade)
            crossed -= sleeve.crossed


@view_kernel
def _cross_sells(sleeves: Records, crossed: int, step: int) -> None:
    for sleeve in sleeves:
        sleeve.asked = max(0, -sleeve.trade)
    apportion(sleeves, crossed, step)
    for sleeve in sleeves:
        if sleeve.asked > 0:
            sleeve.crossed = -sleeve.share


@view_kernel
def _reason_of(sleeve: Records, side: int, reason: int) -> int:
    if side == SELLS:
        return codes.FULL_EXIT if sleeve.is_exit else reason
    return codes.SUBSTITUTE if sleeve.replaces == 1 and reason != codes.PLACE_CASH else reason


@view_kernel
def name_orders(securities: Records, positions: Records) -> None:
    """Give each market order that has none its reason: NETTED where units were crossed, else its first sleeve's."""
    for security in securities:
        if security.sell == 0 and security.buy == 0:
            security.reason = 0
        elif security.reason == 0 and security.crossed > 0:
            security.reason = codes.NETTED
        elif security.reason == 0:
            for sleeve in positions[security.first : security.end]:
                if sleeve.reason != 0 and (security.reason == 0 or sleeve.reason < security.reason):
                    security.reason = sleeve.reason

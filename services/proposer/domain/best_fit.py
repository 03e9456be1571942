"""Best Fit: as close as possible to target.  Source: product 4, "Best Fit", steps 1 to 4, and its fine points."""

from services.proposer.domain import codes
from services.proposer.domain.netting import (
    AIM,
    BUYS,
    LOW,
    cross_more,
    name_orders,
    net,
    reset,
    settle,
    settle_buys,
    settle_sells,
    shortfall_to,
)
from services.proposer.domain.passes import ALL, raise_cash, set_planned_brings
from services.proposer.domain.sharing import book_shares, drop_undersized, give_up, share, single_units
from services.proposer.domain.sizing import to_target
from shared.fixed_point.amounts import add_amounts
from shared.fixed_point.arithmetic import value_cents
from shared.fixed_point.compiled import view_kernel
from shared.fixed_point.records import Records


@view_kernel
def best_fit(account: Records, securities: Records, positions: Records) -> None:
    """Compute the trades of a prepared account: orders by security, trades by position, cash_now."""
    reset(account, securities, positions)
    _set_wants(account, securities, positions)
    net(account, securities, positions, AIM)
    _trade_to_target(account, securities)
    book_shares(securities)
    settle_sells(securities, positions, codes.TO_TARGET)
    settle_buys(securities, positions, codes.TO_TARGET)
    name_orders(securities, positions)
    if account.cash_now > account.cash_high:
        _place_cash(account, securities, positions)
    elif account.cash_now < account.cash_low:
        raise_cash(account, securities, positions, account.cash_aim, account.cash_aim_rounding, AIM, AIM, ALL)
        raise_cash(account, securities, positions, account.reserve, 0, LOW, AIM, ALL)


@view_kernel
def _set_wants(account: Records, securities: Records, positions: Records) -> None:
    """Steps 1 and 2: full exits, and everything outside its precision band, to target."""
    for position in positions:
        if position.is_exit:
            position.want = -position.quantity
        elif position.precise_side != 0:
            position.want = to_target(securities[position.security], position)
            if position.want == 0:
                account.blocked |= codes.B_STEP


@view_kernel
def _trade_to_target(account: Records, securities: Records) -> None:
    """Share the cash among the buys, in rounds without the undersized, then spend the rest on single units (step 3).

    Buys that not even all planned sells can pay a step of are given up before the first round.
    """
    set_planned_brings(account, securities)
    give_up(account, securities, account.cash - account.cash_aim)
    while True:
        account.cash_now = account.cash
        for security in securities:
            security.sell = security.planned_sell
            account.cash_now += value_cents(security.sell, security.price)
        spent = share(account, securities, account.cash_now - account.cash_aim, account.cash_aim_rounding)
        if not drop_undersized(account, securities):
            break
    account.cash_now -= spent
    single_units(account, securities, account.cash_aim, account.cash_aim, False)


@view_kernel
def _place_cash(account: Records, securities: Records, positions: Records) -> None:
    """Step 4, cash above its band: positions inside their precision band but below target, shared, to the cash target.

    Where whole steps leave cash above its band, single steps bring it inside as far as there is room.  What is placed
    in a security with a market sell first takes that back: it moves between sleeves, and only what is more is bought.
    """
    for security in securities:
        security.buy_before = security.buy - security.sell
        security.full_buy = 0
        security.shortfall, security.shortfall_part = 0, 0
        security.is_dropped = 0
    for position in positions:
        security = securities[position.security]
        position.want = min(0, position.want)  # tax_aware.breakpoints needs what sleeves sell
        is_wanted = position.aim > 0 or position.aim_part > 0
        if position.precise_side != 0 or not is_wanted:
            continue  # what is neither wanted nor held may have no price
        want = to_target(security, position)
        if want <= 0:
            continue
        if security.restriction & codes.NO_BUY and security.sell == 0:
            account.blocked |= codes.B_RESTRICTED
            continue
        position.want = want
        security.full_buy += want
        more, more_part = shortfall_to(security, position, AIM)
        security.shortfall, security.shortfall_part = add_amounts(
            security.shortfall, security.shortfall_part, more, more_part
        )
    for security in securities:
        if security.restriction & codes.NO_BUY:
            security.full_buy = min(security.full_buy, security.sell // security.step * security.step)
    while True:
        spent = share(account, securities, account.cash_now - account.cash_aim, account.cash_aim_rounding)
        if not drop_undersized(account, securities):
            break
    account.cash_now -= spent
    single_units(account, securities, account.cash_low, account.cash_high, True)
    _settle_placed(securities, positions)


@view_kernel
def _settle_placed(securities: Records, positions: Records) -> None:
    for security in securities:
        if security.shared == 0:
            continue
        crossed = security.crossed
        security.crossed = 0  # crossing is settled; only what is placed is shared out here
        settle(security, positions, BUYS, security.shared, codes.PLACE_CASH)
        security.crossed = crossed
        order, taken_back = security.buy_before + security.shared, min(security.sell, security.shared)
        security.buy, security.sell = max(0, order), max(0, -order)
        if taken_back > 0:
            cross_more(security, positions, taken_back)
        elif security.reason == 0:
            security.reason = codes.PLACE_CASH

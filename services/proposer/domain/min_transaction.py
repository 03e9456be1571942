"""Min Transaction: only what brings positions and cash back inside their bands, with the fewest trades.

Source: product 4, "Min Transaction", steps 1 to 3, and its fine points.
"""

from services.proposer.domain import codes
from services.proposer.domain.netting import (
    AIM,
    HIGH,
    LOW,
    clear_trade,
    name_orders,
    net,
    reset,
    settle_buys,
    settle_sells,
)
from services.proposer.domain.passes import (
    IN_BAND,
    NEW,
    PLANNED,
    mark_planned,
    place_cash,
    raise_cash,
    set_brings,
    set_planned_brings,
)
from services.proposer.domain.sharing import book_shares, drop_undersized, full_cost, give_up, share
from services.proposer.domain.sizing import down_to_edge, up_to_edge
from shared.fixed_point.amounts import CENT_UNITS
from shared.fixed_point.arithmetic import value_cents
from shared.fixed_point.compiled import view_kernel
from shared.fixed_point.records import Records


@view_kernel
def min_transaction(account: Records, securities: Records, positions: Records) -> None:
    """Compute the trades of a prepared account: orders by security, trades by position, cash_now."""
    reset(account, securities, positions)
    _set_wants(account, securities, positions)
    net(account, securities, positions, LOW)
    _give_up_buys(account, securities, positions)
    while True:
        spent = _trade_to_edges(account, securities, positions)
        if not drop_undersized(account, securities):
            break
    account.cash_now -= spent
    book_shares(securities)
    settle_buys(securities, positions, codes.TO_EDGE)
    name_orders(securities, positions)
    _bring_cash_into_band(account, securities, positions)


@view_kernel
def _set_wants(account: Records, securities: Records, positions: Records) -> None:
    """Full exits, and everything outside its rebalance band to the nearest edge."""
    for position in positions:
        if position.is_exit:
            position.want = -position.quantity
        elif position.side != 0:
            security = securities[position.security]
            if position.side > 0:
                position.want = -down_to_edge(security, position)
            else:
                position.want = up_to_edge(security, position)
            if position.want == 0:
                account.blocked |= codes.B_STEP


@view_kernel
def _give_up_buys(account: Records, securities: Records, positions: Records) -> None:
    """Give up, before the first round, the buys that are too small or that no permitted sells can pay a step of."""
    dearest = 0
    for security in securities:
        if security.full_buy > 0:
            dearest = max(dearest, security.price * security.step // CENT_UNITS + 1)
    if dearest == 0:
        return
    above, is_barred = account.cash - account.cash_low, False
    set_planned_brings(account, securities)
    if above < dearest:
        settle_sells(securities, positions, codes.TO_EDGE)
        is_barred = set_brings(account, securities, positions)
    if give_up(account, securities, above) and is_barred:
        account.blocked |= codes.B_RESTRICTED


@view_kernel
def _trade_to_edges(account: Records, securities: Records, positions: Records) -> int:
    """Do steps 1 and 2 once: sells, sells of in-band positions that fund the buys, shared buys; return cents spent.

    cash_now is left before the buys.  Sells of in-band positions first restore max(reserve, lower edge), then pay.
    """
    for position in positions:
        clear_trade(position)
    account.cash_now = account.cash
    for security in securities:
        security.buy = 0
        security.sell = security.planned_sell
        account.cash_now += value_cents(security.sell, security.price)
    settle_sells(securities, positions, codes.TO_EDGE)
    name_orders(securities, positions)
    cost = full_cost(securities)
    low, rounding = account.cash_low, account.cash_low_rounding
    if cost > 0:
        for security in securities:
            if not security.is_dropped:
                security.buy = security.full_buy  # what is to be bought is not sold
        raise_cash(account, securities, positions, low + cost, rounding, LOW, AIM, IN_BAND)
    return share(account, securities, account.cash_now - low, rounding)


@view_kernel
def _bring_cash_into_band(account: Records, securities: Records, positions: Records) -> None:
    """Step 3: planned trades to target, then to their edge; then new ones in the same way."""
    mark_planned(securities)
    low, rounding = account.cash_low, account.cash_low_rounding
    if account.cash_now > account.cash_high:
        place_cash(account, securities, positions, AIM, PLANNED)
        place_cash(account, securities, positions, HIGH, PLANNED)
        place_cash(account, securities, positions, AIM, NEW)
        place_cash(account, securities, positions, HIGH, NEW)
    elif account.cash_now < low:
        raise_cash(account, securities, positions, low, rounding, AIM, AIM, PLANNED)
        raise_cash(account, securities, positions, low, rounding, LOW, LOW, PLANNED)
        raise_cash(account, securities, positions, low, rounding, AIM, AIM, NEW)
        raise_cash(account, securities, positions, low, rounding, LOW, LOW, NEW)

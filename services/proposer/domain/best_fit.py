"""Best Fit: as close as possible to target.  Source: product 4, "Best Fit", steps 1 to 4, and its fine points."""

from services.proposer.domain import codes, passes
from services.proposer.domain import layout as at
from services.proposer.domain.layout import Ints
from services.proposer.domain.netting import name_orders, net, reset, settle, settle_buys, settle_sells, shortfall_to
from services.proposer.domain.sharing import book_shares, drop_undersized, share, single_units
from services.proposer.domain.sizing import to_target
from shared.fixed_point.arithmetic import value_cents
from shared.fixed_point.compiled import view_kernel


@view_kernel
def best_fit(acc: Ints, sec: Ints, pos: Ints) -> None:
    """Compute the trades of a prepared account into S_SELL, S_BUY, P_TRADE, P_CROSS and A_NOW."""
    reset(acc, sec, pos)
    _want(acc, sec, pos)
    net(acc, sec, pos, at.P_AIM)
    _trade_to_target(acc, sec)
    book_shares(sec)
    settle_sells(sec, pos, codes.TO_TARGET)
    settle_buys(sec, pos, codes.TO_TARGET)
    name_orders(sec, pos)
    if acc[at.A_NOW] > acc[at.A_HIGH]:
        _place_cash(acc, sec, pos)
    elif acc[at.A_NOW] < acc[at.A_LOW]:
        passes.raise_cash(acc, sec, pos, acc[at.A_AIM], acc[at.A_AIM_PART], at.P_AIM, at.P_AIM, passes.ALL)
        passes.raise_cash(acc, sec, pos, acc[at.A_RESERVE], 0, at.P_LOW, at.P_AIM, passes.ALL)


@view_kernel
def _want(acc: Ints, sec: Ints, pos: Ints) -> None:
    """Steps 1 and 2: full exits, and everything outside its precision band, to target."""
    for position in range(len(pos)):
        if pos[position, at.P_EXIT]:
            pos[position, at.P_WANT] = -pos[position, at.P_QUANTITY]
        elif pos[position, at.P_PRECISE] != 0:
            pos[position, at.P_WANT] = to_target(acc, sec, pos, position)
            if pos[position, at.P_WANT] == 0:
                acc[at.A_BLOCKED] |= codes.B_STEP


@view_kernel
def _trade_to_target(acc: Ints, sec: Ints) -> None:
    """Share the cash among the buys, in rounds without the undersized, then spend the rest on single units (step 3)."""
    while True:
        acc[at.A_NOW] = acc[at.A_CASH]
        for security in range(len(sec)):
            sec[security, at.S_SELL] = sec[security, at.S_PLAN]
            acc[at.A_NOW] += value_cents(sec[security, at.S_SELL], sec[security, at.S_PRICE])
        spent = share(acc, sec, acc[at.A_NOW] - acc[at.A_AIM], acc[at.A_AIM_PART])
        if not drop_undersized(acc, sec):
            break
    acc[at.A_NOW] -= spent
    single_units(acc, sec, acc[at.A_AIM], acc[at.A_AIM], False)


@view_kernel
def _place_cash(acc: Ints, sec: Ints, pos: Ints) -> None:
    """Step 4, cash above its band: positions inside their precision band but below target, shared, to the cash target.

    Where whole steps leave cash above its band, single steps bring it inside as far as there is room.
    """
    for security in range(len(sec)):
        sec[security, at.S_BASE] = sec[security, at.S_BUY]
        sec[security, at.S_FULL] = 0
        sec[security, at.S_SHORT] = 0
        sec[security, at.S_DROPPED] = 0
    for position in range(len(pos)):
        security = pos[position, at.P_SECURITY]
        pos[position, at.P_WANT] = min(0, pos[position, at.P_WANT])  # tax_aware.breakpoints needs what sleeves sell
        if pos[position, at.P_PRECISE] != 0 or sec[security, at.S_SELL] > 0:
            continue
        want = to_target(acc, sec, pos, position)
        if want <= 0:
            continue
        if sec[security, at.S_RESTRICTION] & codes.NO_BUY:
            acc[at.A_BLOCKED] |= codes.B_RESTRICTED
            continue
        pos[position, at.P_WANT] = want
        sec[security, at.S_FULL] += want
        sec[security, at.S_SHORT] += shortfall_to(acc, sec, pos, position, at.P_AIM)
    while True:
        spent = share(acc, sec, acc[at.A_NOW] - acc[at.A_AIM], acc[at.A_AIM_PART])
        if not drop_undersized(acc, sec):
            break
    acc[at.A_NOW] -= spent
    single_units(acc, sec, acc[at.A_LOW], acc[at.A_HIGH], True)
    book_shares(sec)
    _settle_placed(sec, pos)


@view_kernel
def _settle_placed(sec: Ints, pos: Ints) -> None:
    for security in range(len(sec)):
        if sec[security, at.S_GOT] == 0:
            continue
        crossed = sec[security, at.S_CROSSED]
        sec[security, at.S_CROSSED] = 0  # crossing is settled; only the market units are shared out here
        settle(sec, pos, security, 1, sec[security, at.S_GOT], codes.PLACE_CASH)
        sec[security, at.S_CROSSED] = crossed
        if sec[security, at.S_REASON] == 0:
            sec[security, at.S_REASON] = codes.PLACE_CASH

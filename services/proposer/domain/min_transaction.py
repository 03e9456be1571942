"""Min Transaction: only what brings positions and cash back inside their bands, with the fewest trades.

Source: product 4, "Min Transaction", steps 1 to 3, and its fine points.
"""

from services.proposer.domain import codes, passes
from services.proposer.domain import layout as at
from services.proposer.domain.layout import Ints
from services.proposer.domain.netting import name_orders, net, reset, settle_buys, settle_sells
from services.proposer.domain.passes import NEW, PLANNED, place_cash, raise_cash
from services.proposer.domain.sharing import book_shares, drop_undersized, full_cost, share
from services.proposer.domain.sizing import down_to_edge, up_to_edge
from shared.fixed_point.arithmetic import value_cents
from shared.fixed_point.compiled import view_kernel


@view_kernel
def min_transaction(acc: Ints, sec: Ints, pos: Ints) -> None:
    """Compute the trades of a prepared account into S_SELL, S_BUY, P_TRADE, P_CROSS and A_NOW."""
    reset(acc, sec, pos)
    _want(acc, sec, pos)
    net(acc, sec, pos, at.P_LOW)
    while True:
        spent = _round(acc, sec, pos)
        if not drop_undersized(acc, sec):
            break
    acc[at.A_NOW] -= spent
    book_shares(sec)
    settle_buys(sec, pos, codes.TO_EDGE)
    name_orders(sec, pos)
    _cash_into_band(acc, sec, pos)


@view_kernel
def _want(acc: Ints, sec: Ints, pos: Ints) -> None:
    """Full exits, and everything outside its rebalance band to the nearest edge."""
    for position in range(len(pos)):
        if pos[position, at.P_EXIT]:
            pos[position, at.P_WANT] = -pos[position, at.P_QUANTITY]
        elif pos[position, at.P_SIDE] != 0:
            if pos[position, at.P_SIDE] > 0:
                pos[position, at.P_WANT] = -down_to_edge(acc, sec, pos, position)
            else:
                pos[position, at.P_WANT] = up_to_edge(acc, sec, pos, position)
            if pos[position, at.P_WANT] == 0:
                acc[at.A_BLOCKED] |= codes.B_STEP


@view_kernel
def _round(acc: Ints, sec: Ints, pos: Ints) -> int:
    """Do steps 1 and 2 once: sells, sells of in-band positions that fund the buys, shared buys; return cents spent.

    A_NOW is left before the buys.  Sells of in-band positions first restore max(reserve, lower edge), then pay.
    """
    pos[:, at.P_TRADE : at.P_KEY] = 0
    sec[:, at.S_BUY] = 0
    acc[at.A_NOW] = acc[at.A_CASH]
    for security in range(len(sec)):
        sec[security, at.S_SELL] = sec[security, at.S_PLAN]
        acc[at.A_NOW] += value_cents(sec[security, at.S_SELL], sec[security, at.S_PRICE])
    settle_sells(sec, pos, codes.TO_EDGE)
    name_orders(sec, pos)
    cost = full_cost(sec)
    if cost > 0:
        for security in range(len(sec)):
            if not sec[security, at.S_DROPPED]:
                sec[security, at.S_BUY] = sec[security, at.S_FULL]  # what is to be bought is not sold
        raise_cash(acc, sec, pos, acc[at.A_LOW] + cost, acc[at.A_LOW_PART], at.P_LOW, at.P_AIM, passes.IN_BAND)
    return share(acc, sec, acc[at.A_NOW] - acc[at.A_LOW], acc[at.A_LOW_PART])


@view_kernel
def _cash_into_band(acc: Ints, sec: Ints, pos: Ints) -> None:
    """Step 3: planned trades to target, then to their edge; then new ones in the same way."""
    passes.mark_planned(sec)
    low, part = acc[at.A_LOW], acc[at.A_LOW_PART]
    if acc[at.A_NOW] > acc[at.A_HIGH]:
        place_cash(acc, sec, pos, at.P_AIM_UP, PLANNED)
        place_cash(acc, sec, pos, at.P_HIGH, PLANNED)
        place_cash(acc, sec, pos, at.P_AIM_UP, NEW)
        place_cash(acc, sec, pos, at.P_HIGH, NEW)
    elif acc[at.A_NOW] < acc[at.A_LOW]:
        raise_cash(acc, sec, pos, low, part, at.P_AIM, at.P_AIM, PLANNED)
        raise_cash(acc, sec, pos, low, part, at.P_LOW, at.P_LOW, PLANNED)
        raise_cash(acc, sec, pos, low, part, at.P_AIM, at.P_AIM, NEW)
        raise_cash(acc, sec, pos, low, part, at.P_LOW, at.P_LOW, NEW)

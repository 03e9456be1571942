"""Output of a logic: check conservation, then write the summary row, the sleeve trades and the market orders."""

from services.proposer.domain import codes
from services.proposer.domain import layout as at
from services.proposer.domain.layout import Ints
from shared.fixed_point.arithmetic import muldiv_half_away, value_cents
from shared.fixed_point.compiled import view_kernel
from shared.fixed_point.limits import PPB


@view_kernel
def outcome(acc: Ints, sec: Ints, pos: Ints) -> int:
    """Return OK, CASH_SHORTFALL or UNBALANCED for the trades in the tables.

    Conservation: per security, units after = units before + market order, and crossed units add up to 0; cash after is
    cash before + sells - buys.  Nothing is held below 0.  Checked from the trades alone.  Source: product 4.
    """
    cash = acc[at.A_CASH]
    acc[at.A_WHERE] = -1
    for security in range(len(sec)):
        units, crossed = 0, 0
        for position in range(sec[security, at.S_FIRST], sec[security, at.S_END]):
            trade, cross = pos[position, at.P_TRADE], pos[position, at.P_CROSS]
            units += trade
            crossed += cross
            if pos[position, at.P_QUANTITY] + trade < 0 or abs(cross) > abs(trade) or _opposed(cross, trade):
                acc[at.A_WHERE] = security
                return codes.UNBALANCED
        market = sec[security, at.S_BUY] - sec[security, at.S_SELL]
        if units != market or crossed != 0 or (sec[security, at.S_BUY] > 0 and sec[security, at.S_SELL] > 0):
            acc[at.A_WHERE] = security
            return codes.UNBALANCED
        cash -= value_cents(market, sec[security, at.S_PRICE])
    if cash != acc[at.A_NOW]:
        return codes.UNBALANCED
    return codes.OK if cash >= acc[at.A_RESERVE] else codes.CASH_SHORTFALL


@view_kernel
def _opposed(cross: int, trade: int) -> bool:
    return (cross > 0 and trade < 0) or (cross < 0 and trade > 0)


@view_kernel
def write_failure(acc: Ints, sec: Ints, logic: int, failure: int, row: Ints) -> None:
    """Write the proposal row of an account that failed: nothing is traded."""
    row[:] = 0
    row[at.O_LOGIC] = logic
    row[at.O_FAILURE] = failure
    row[at.O_WHERE] = acc[at.A_WHERE]
    row[at.O_VALUE] = acc[at.A_VALUE]
    row[at.O_BEGIN] = acc[at.A_CASH]
    row[at.O_END] = acc[at.A_CASH]
    row[at.O_FIGURE] = acc[at.A_VALUE]
    row[at.O_LIMIT] = acc[at.A_LIMIT]
    if failure == codes.CASH_SHORTFALL:
        row[at.O_FIGURE] = acc[at.A_NOW]
        row[at.O_LIMIT] = acc[at.A_RESERVE]
        _write_limits(acc, sec, row)
    elif failure == codes.TARGET_SUM:
        row[at.O_FIGURE] = acc[at.A_TARGETS]


@view_kernel
def write_proposal(
    acc: Ints, sec: Ints, pos: Ints, logic: int, row: Ints, trades: Ints, orders: Ints
) -> tuple[int, int]:
    """Write the summary row, the sleeve trades and the orders (sells before buys); return how many of each."""
    row[:] = 0
    row[at.O_LOGIC] = logic
    row[at.O_WHERE] = -1
    row[at.O_VALUE] = acc[at.A_VALUE]
    row[at.O_BEGIN] = acc[at.A_CASH]
    row[at.O_END] = acc[at.A_NOW]
    traded = _write_trades(acc, sec, pos, logic, trades)
    ordered = _write_orders(sec, logic, row, orders)
    for security in range(len(sec)):
        if sec[security, at.S_CROSSED] > 0:
            row[at.O_FLATS] += 1
            row[at.O_FLATS_CENTS] += value_cents(sec[security, at.S_CROSSED], sec[security, at.S_PRICE])
    row[at.O_TRADES] = traded
    row[at.O_BLOCKED] = acc[at.A_BLOCKED]
    _write_limits(acc, sec, row)
    if acc[at.A_NOW] > acc[at.A_HIGH] or acc[at.A_NOW] < acc[at.A_LOW]:
        row[at.O_BLOCKED] |= codes.B_ROOM
    return traded, ordered


@view_kernel
def _write_limits(acc: Ints, sec: Ints, row: Ints) -> None:
    """Write the effect of gain limits: Best Fit's counted gains without them and the cents of sells held back."""
    if not acc[at.A_LIMITED]:
        return
    row[at.O_LIMITED] = 1
    row[at.O_FREE_SHORT] = acc[at.A_FREE_SHORT]
    row[at.O_FREE_TOTAL] = acc[at.A_FREE_TOTAL]
    for security in range(len(sec)):
        units = max(0, sec[security, at.S_FREE_SELL] - sec[security, at.S_SELL])
        row[at.O_HELD_BACK_CENTS] += value_cents(units, sec[security, at.S_PRICE])


@view_kernel
def _held_back(acc: Ints, sec: Ints, security: int, trade: int) -> int:
    """Return the units by which gain limits keep the market order, in the direction of `trade`, below Best Fit's."""
    if not acc[at.A_LIMITED]:
        return 0
    if trade < 0:
        return int(max(0, sec[security, at.S_FREE_SELL] - sec[security, at.S_SELL]))
    return int(max(0, sec[security, at.S_FREE_BUY] - sec[security, at.S_BUY]))


@view_kernel
def _write_trades(acc: Ints, sec: Ints, pos: Ints, logic: int, trades: Ints) -> int:
    value, filled = acc[at.A_VALUE], 0
    for position in range(len(pos)):
        trade = pos[position, at.P_TRADE]
        if trade == 0:
            continue
        after = value_cents(pos[position, at.P_QUANTITY] + trade, sec[pos[position, at.P_SECURITY], at.S_PRICE])
        trades[filled, 0] = logic
        trades[filled, 1] = position
        trades[filled, 2] = trade
        trades[filled, 3] = pos[position, at.P_CROSS]
        trades[filled, 4] = pos[position, at.P_REASON]
        trades[filled, 5] = _shown_ppb(pos[position, at.P_VALUE], value)
        trades[filled, 6] = _shown_ppb(after, value)
        trades[filled, 7] = _held_back(acc, sec, pos[position, at.P_SECURITY], trade)
        filled += 1
    return filled


@view_kernel
def _write_orders(sec: Ints, logic: int, row: Ints, orders: Ints) -> int:
    filled = 0
    for column, sign, count, cents in (
        (at.S_SELL, -1, at.O_SELLS, at.O_SELLS_CENTS),
        (at.S_BUY, 1, at.O_BUYS, at.O_BUYS_CENTS),
    ):
        for security in range(len(sec)):
            units = sec[security, column]
            if units == 0:
                continue
            orders[filled, 0] = logic
            orders[filled, 1] = security
            orders[filled, 2] = sign * units
            orders[filled, 3] = sec[security, at.S_PRICE]
            orders[filled, 4] = value_cents(units, sec[security, at.S_PRICE])
            orders[filled, 5] = sec[security, at.S_REASON]
            row[count] += 1
            row[cents] += orders[filled, 4]
            filled += 1
    return filled


@view_kernel
def _shown_ppb(cents: int, value: int) -> int:
    """Return cents / V in ppb, halves away from zero; an account in debt may show more than 1, at most 999."""
    return muldiv_half_away(cents, PPB, value) if cents // value < 999 else 999 * PPB

"""Output of a logic: check conservation, then write the summary row, the sleeve trades and the market orders."""

from services.proposer.domain import codes
from services.proposer.domain.records import ALL_OF_IT
from services.proposer.domain.tax_aware.records import Search
from shared.fixed_point.arithmetic import value_cents
from shared.fixed_point.compiled import view_kernel
from shared.fixed_point.records import Records
from shared.rules.bands import shown_weight


@view_kernel
def outcome(account: Records, securities: Records, positions: Records) -> int:
    """Return OK, CASH_SHORTFALL or UNBALANCED for the trades in the tables.

    Conservation: per security, units after = units before + market order, and crossed units add up to 0; cash after is
    cash before + sells - buys.  Nothing is held below 0.  Checked from the trades alone.  Source: product 4.
    """
    cash = account.cash
    account.failed_at = ALL_OF_IT
    for index in range(len(securities)):
        security = securities[index]
        units, crossed = 0, 0
        for position in positions[security.first : security.end]:
            units += position.trade
            crossed += position.crossed
            if position.quantity + position.trade < 0 or not _is_part(position.crossed, position.trade):
                account.failed_at = index
                return codes.UNBALANCED
        market = security.buy - security.sell
        if units != market or crossed != 0 or (security.buy > 0 and security.sell > 0):
            account.failed_at = index
            return codes.UNBALANCED
        cash -= value_cents(market, security.price)
    if cash != account.cash_now:
        return codes.UNBALANCED
    return codes.OK if cash >= account.reserve else codes.CASH_SHORTFALL


@view_kernel
def _is_part(crossed: int, trade: int) -> bool:
    """Return whether the crossed units are a part of the trade: none, or some to all of them in its direction."""
    return 0 <= crossed <= trade or trade <= crossed <= 0


@view_kernel
def write_failure(account: Records, securities: Records, search: Search, row: Records) -> None:
    """Write the rest of the proposal row of an account whose `failure` is in it: nothing is traded."""
    row.failed_at = account.failed_at
    row.value_cents = account.value
    row.begin_cash_cents = account.cash
    row.end_cash_cents = account.cash
    row.figure = account.value
    row.limit = account.passed_limit
    if row.failure == codes.CASH_SHORTFALL:
        row.figure = account.cash_now
        row.limit = account.reserve
        _write_limits(securities, search, row)
    elif row.failure == codes.TARGET_SUM:
        row.figure = account.target_sum
        row.limit = account.target_sum_rest


@view_kernel
def write_proposal(
    account: Records,
    securities: Records,
    positions: Records,
    search: Search,
    row: Records,
    trades: Records,
    orders: Records,
) -> tuple[int, int]:
    """Write the rest of the proposal row, the sleeve trades and the orders (sells before buys); return how many."""
    row.failed_at = ALL_OF_IT
    row.value_cents = account.value
    row.begin_cash_cents = account.cash
    row.end_cash_cents = account.cash_now
    row.trades = _write_trades(account, securities, positions, search, row, trades)
    _write_orders(securities, row, orders)
    for security in securities:
        if security.crossed > 0:
            row.flats += 1
            row.flats_cents += value_cents(security.crossed, security.price)
    row.blocked = account.blocked
    _write_limits(securities, search, row)
    if account.cash_now > account.cash_high or account.cash_now < account.cash_low:
        row.blocked |= codes.B_ROOM
    return int(row.trades), int(row.sells + row.buys)


@view_kernel
def _write_limits(securities: Records, search: Search, row: Records) -> None:
    """Write the effect of gain limits: Best Fit's counted gains without them and the cents of sells held back."""
    progress = search.progress[0]
    if not progress.is_limited:
        return
    row.is_limited = 1
    row.free_short = progress.free_short
    row.free_total = progress.free_total
    for index in range(len(securities)):
        if securities[index].edit_of == row.logic + 1:
            continue
        units = max(0, search.sells[index].free_sell - securities[index].sell)
        row.held_back_cents += value_cents(units, securities[index].price)


@view_kernel
def _held_back(securities: Records, search: Search, index: int, trade: int, logic: int) -> int:
    """Return the units by which gain limits keep the market order, in the direction of `trade`, below Best Fit's.

    None where a person set the order.
    """
    if not search.progress[0].is_limited or securities[index].edit_of == logic + 1:
        return 0
    security, sell = securities[index], search.sells[index]
    return int(max(0, sell.free_sell - security.sell if trade < 0 else sell.free_buy - security.buy))


@view_kernel
def _write_trades(
    account: Records, securities: Records, positions: Records, search: Search, row: Records, trades: Records
) -> int:
    filled = 0
    for index in range(len(positions)):
        position = positions[index]
        if position.trade == 0:
            continue
        after = value_cents(position.quantity + position.trade, securities[position.security].price)
        trade = trades[filled]
        trade.logic = row.logic
        trade.position = index
        trade.quantity_micro = position.trade
        trade.crossed_micro = position.crossed
        trade.reason = position.reason
        trade.before_ppb = shown_weight(position.value, account.value)
        trade.after_ppb = shown_weight(after, account.value)
        trade.held_back_micro = _held_back(securities, search, position.security, position.trade, row.logic)
        filled += 1
    return filled


@view_kernel
def _write_orders(securities: Records, row: Records, orders: Records) -> None:
    """Write the market sells, then the market buys, and add them up in the proposal row."""
    for index in range(len(securities)):
        if securities[index].sell != 0:
            cents = _write_order(securities[index], row.logic, index, -securities[index].sell, orders[row.sells])
            row.sells += 1
            row.sells_cents += cents
    for index in range(len(securities)):
        if securities[index].buy != 0:
            order = orders[row.sells + row.buys]
            cents = _write_order(securities[index], row.logic, index, securities[index].buy, order)
            row.buys += 1
            row.buys_cents += cents


@view_kernel
def _write_order(security: Records, logic: int, index: int, units: int, order: Records) -> int:
    """Write the market order of the security at `index`, signed micro-units; return its value in cents."""
    order.logic = logic
    order.security = index
    order.quantity_micro = units
    order.price_micro = security.price
    order.value_cents = value_cents(abs(units), security.price)
    order.reason = security.reason
    return int(order.value_cents)

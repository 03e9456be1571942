"""The units of one security's share of cash, in proportion to its shortfall and exact.  Source: product 4, Best Fit 2.

Cash and shortfalls are amounts of up to 103 bits; a share is estimated with what of them fits 62, never too high, and
one that another step might join is compared exactly.
"""

from shared.fixed_point.amounts import CENT_UNITS, PARTS, amount_of_units, is_product_more
from shared.fixed_point.arithmetic import muldiv_floor
from shared.fixed_point.compiled import view_kernel
from shared.fixed_point.records import Records


@view_kernel
def exact_share(account: Records, security: Records, cents: int, part: int, total: int, total_part: int) -> int:
    """Return floor(amount x shortfall / total / price) in whole steps, at most the full buy.

    cents, part: the amount that is shared; total, total_part: the sum of all shortfalls.
    """
    if total == 0 and total_part == 0:
        return 0
    price, step, most = security.price, security.step, security.full_buy
    shared, shared_exact = _cut(account, cents, part)
    mine, mine_exact = _cut(account, security.shortfall, security.shortfall_part)
    whole, whole_exact = _cut(account, total, total_part)
    is_exact = shared_exact and mine_exact and whole_exact
    due = muldiv_floor(shared, mine, whole if whole_exact else whole + 1)
    units = min(most, muldiv_floor(due, account.grain, price) // step * step)
    if is_exact:
        return int(units)
    more = step
    while units + more <= most and _is_paid(security, units + more, cents, part, total, total_part):
        units += more
        more *= 2
    while more > step:
        more //= 2
        if units + more <= most and _is_paid(security, units + more, cents, part, total, total_part):
            units += more
    return int(units)


@view_kernel
def _cut(account: Records, cents: int, part: int) -> tuple[int, bool]:
    """Return an amount in grains, rounded down, and whether that is exact."""
    grain = account.grain
    units = part // PARTS
    return cents * (CENT_UNITS // grain) + units // grain, part % PARTS == 0 and units % grain == 0


@view_kernel
def _is_paid(security: Records, units: int, cents: int, part: int, total: int, total_part: int) -> bool:
    """Return whether units x price <= amount x shortfall / total."""
    cost, cost_part = amount_of_units(units, security.price)
    return not is_product_more(
        cost, cost_part, total, total_part, cents, part, security.shortfall, security.shortfall_part
    )

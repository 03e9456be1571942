"""One account made ready for every logic: checked, valued, its targets after substitution, bands, cash limits.

Source: product 1 (account value, thresholds), product 4 (fine points: substitutes, missing price).
"""

from services.proposer.domain import codes
from services.proposer.domain import layout as at
from services.proposer.domain.layout import Ints
from services.proposer.domain.sizing import CENT_UNITS, money_of_weight
from shared.fixed_point.arithmetic import compare_products, divmod_product, muldiv_ceil, muldiv_floor, value_cents
from shared.fixed_point.compiled import view_kernel
from shared.fixed_point.limits import EDGE, MAX_PRICE_MICRO, MAX_QUANTITY_MICRO, MAX_VALUE_CENTS, PPB
from shared.rules.bands import band, precision_band, side

_MAX_RELATIVE = 4 * PPB  # beyond 400 % of target a band does not fit 63 bits
_MAX_STEP = 10**6 * 10**6  # a round lot of a million units
_THIN = 400_000_000  # V / price beyond it: the count of units does not fit 62 bits
_MONEY = 4 * 10**18


@view_kernel
def prepare(acc: Ints, sec: Ints, pos: Ints) -> None:
    """Fill the prepared columns of the account's tables; set A_FAILURE, and A_WHERE to the component that failed.

    Positions must stand in order of security index.  Source: product 4, "An account that cannot be proposed fails".
    """
    acc[at.A_FAILURE] = acc[at.A_GIVEN]
    if acc[at.A_GIVEN] != codes.OK:
        return
    acc[at.A_WHERE] = -1
    acc[at.A_OTHER_DRIFT] = at.OTHER_UNKNOWN
    acc[at.A_FAILURE] = _check_settings(acc)
    if acc[at.A_FAILURE] == codes.OK:
        acc[at.A_FAILURE] = _check_securities(acc, sec)
    if acc[at.A_FAILURE] == codes.OK:
        acc[at.A_FAILURE] = _check_positions(acc, sec, pos)
    if acc[at.A_FAILURE] == codes.OK:
        acc[at.A_FAILURE] = _check_target(acc, pos)
    if acc[at.A_FAILURE] == codes.OK:
        acc[at.A_FAILURE] = _value(acc, sec, pos)
    if acc[at.A_FAILURE] == codes.OK:
        acc[at.A_FAILURE] = _aim(acc, sec, pos)
    if acc[at.A_FAILURE] == codes.OK:
        _bands(acc, pos)
        _cash_limits(acc)


@view_kernel
def _check_settings(acc: Ints) -> int:
    if acc[at.A_DO_NOT_TRADE]:
        return codes.RESTRICTED
    if (
        _outside(acc, acc[at.A_RESERVE], 0, MAX_VALUE_CENTS, codes.L_RESERVE)
        or _outside(acc, acc[at.A_MIN_CENTS], 0, MAX_VALUE_CENTS, codes.L_MINIMUM)
        or _outside(acc, acc[at.A_BUDGET_SHORT], at.NO_LIMIT, MAX_VALUE_CENTS, codes.L_GAIN_BUDGET)
        or _outside(acc, acc[at.A_BUDGET_TOTAL], at.NO_LIMIT, MAX_VALUE_CENTS, codes.L_GAIN_BUDGET)
        or _outside(acc, acc[at.A_MIN_PPB], 0, PPB, codes.L_MINIMUM_WEIGHT)
        or _outside(acc, acc[at.A_CASH_TARGET], 0, PPB, codes.L_CASH_TARGET)
        or _outside(acc, acc[at.A_FLOOR], 0, PPB, codes.L_FLOOR)
        or _outside(acc, acc[at.A_CASH_THRESHOLD], 0, _MAX_RELATIVE, codes.L_CASH_THRESHOLD)
        or _outside(acc, acc[at.A_CASH], -MAX_VALUE_CENTS, MAX_VALUE_CENTS, codes.L_CASH)
    ):
        return codes.OUT_OF_RANGE
    return codes.OK


@view_kernel
def _outside(acc: Ints, value: int, low: int, high: int, limit: int) -> bool:
    """Return whether value is outside low..high, and set A_LIMIT to the limit that was checked."""
    acc[at.A_LIMIT] = limit
    return bool(value < low or value > high)


@view_kernel
def _check_securities(acc: Ints, sec: Ints) -> int:
    for security in range(len(sec)):
        acc[at.A_WHERE] = security
        if _outside(acc, sec[security, at.S_PRICE], 0, MAX_PRICE_MICRO, codes.L_PRICE):
            return codes.OUT_OF_RANGE
        if _outside(acc, sec[security, at.S_STEP], 1, _MAX_STEP, codes.L_STEP):
            return codes.OUT_OF_RANGE
        if sec[security, at.S_SUBSTITUTE] == security:
            return codes.SELF_SUBSTITUTE
        if sec[security, at.S_SUBSTITUTE] >= len(sec):
            return codes.UNKNOWN_SECURITY
        sec[security, at.S_FIRST] = 0
        sec[security, at.S_END] = 0
    acc[at.A_WHERE] = -1
    return codes.OK


@view_kernel
def _check_positions(acc: Ints, sec: Ints, pos: Ints) -> int:
    before = -1
    for position in range(len(pos)):
        security = pos[position, at.P_SECURITY]
        acc[at.A_WHERE] = -2 - position
        if security < 0 or security >= len(sec) or security < before:
            return codes.UNKNOWN_SECURITY
        if pos[position, at.P_QUANTITY] < 0:
            return codes.NEGATIVE_QUANTITY
        if (
            _outside(acc, pos[position, at.P_QUANTITY], 0, MAX_QUANTITY_MICRO, codes.L_QUANTITY)
            or _outside(acc, pos[position, at.P_TARGET], 0, PPB, codes.L_TARGET)
            or _outside(acc, pos[position, at.P_THRESHOLD], 0, _MAX_RELATIVE, codes.L_THRESHOLD)
            or _outside(acc, pos[position, at.P_PRECISION], 0, _MAX_RELATIVE, codes.L_PRECISION)
        ):
            return codes.OUT_OF_RANGE
        if security != before:
            sec[security, at.S_FIRST] = position
        elif pos[position, at.P_SLEEVE] == pos[position - 1, at.P_SLEEVE]:
            return codes.DUPLICATE_POSITION
        sec[security, at.S_END] = position + 1
        before = security
    acc[at.A_WHERE] = -1
    return codes.OK


@view_kernel
def _check_target(acc: Ints, pos: Ints) -> int:
    """All target weights add up to 1; none at all is a liquidation the user confirmed, or fails.  Source: product 3."""
    total = acc[at.A_CASH_TARGET]
    for position in range(len(pos)):
        total += pos[position, at.P_TARGET]
    acc[at.A_TARGETS] = total
    if total == 0:
        if not acc[at.A_LIQUIDATE]:
            return codes.NO_TARGET
        acc[at.A_CASH_TARGET] = PPB
        total = PPB
    return codes.OK if total == PPB else codes.TARGET_SUM


@view_kernel
def _value(acc: Ints, sec: Ints, pos: Ints) -> int:
    """Value positions and account; every security held or targeted needs a price."""
    held = 0
    for position in range(len(pos)):
        price = sec[pos[position, at.P_SECURITY], at.S_PRICE]
        pos[position, at.P_VALUE] = 0
        acc[at.A_WHERE] = pos[position, at.P_SECURITY]
        if price == 0 and (pos[position, at.P_QUANTITY] > 0 or pos[position, at.P_TARGET] > 0):
            return codes.MISSING_PRICE
        if pos[position, at.P_QUANTITY] > 0:
            pos[position, at.P_VALUE] = value_cents(pos[position, at.P_QUANTITY], price)
            held += pos[position, at.P_VALUE]
        if _outside(acc, held, 0, MAX_VALUE_CENTS, codes.L_VALUE):
            return codes.OUT_OF_RANGE
    acc[at.A_WHERE] = -1
    value = held + acc[at.A_CASH]
    acc[at.A_VALUE] = value
    if value <= 0:
        return codes.VALUE_NOT_POSITIVE
    if _outside(acc, value, 0, MAX_VALUE_CENTS, codes.L_VALUE):
        return codes.OUT_OF_RANGE
    for security in range(len(sec)):
        if sec[security, at.S_PRICE] > 0 and -(-value // _THIN) > sec[security, at.S_PRICE]:
            acc[at.A_WHERE] = security
            acc[at.A_LIMIT] = codes.L_UNITS
            return codes.OUT_OF_RANGE
    acc[at.A_GRAIN] = 1
    while (held + abs(acc[at.A_CASH])) > _MONEY // (10_000_000_000 // acc[at.A_GRAIN]):
        acc[at.A_GRAIN] *= 10
    return codes.OK


@view_kernel
def _aim(acc: Ints, sec: Ints, pos: Ints) -> int:
    """Set P_AIM: the replaced security's target becomes min(target, weight), its substitute gets the rest.

    A replaced security is never bought, not even to place cash.
    """
    for position in range(len(pos)):
        pos[position, at.P_AIM] = pos[position, at.P_TARGET] * PPB
        pos[position, at.P_AIM_UP] = pos[position, at.P_AIM]
        pos[position, at.P_AIM_MONEY] = money_of_weight(acc, pos[position, at.P_AIM])
        pos[position, at.P_EXIT] = 1 if pos[position, at.P_TARGET] == 0 and pos[position, at.P_QUANTITY] > 0 else 0
        pos[position, at.P_REPLACES] = 0
    for security in range(len(sec)):
        sec[security, at.S_HANDED] = 0
        if sec[security, at.S_SUBSTITUTE] >= 0:
            sec[security, at.S_RESTRICTION] |= codes.DO_NOT_BUY
    found = True
    while found:
        # A substitute may be replaced itself: it hands over last.  A ring hands over nothing.
        found = False
        for security in range(len(sec)):
            if sec[security, at.S_SUBSTITUTE] < 0 or sec[security, at.S_HANDED] or _awaits(sec, security):
                continue
            failure = _replace(acc, sec, pos, security)
            if failure != codes.OK:
                return failure
            sec[security, at.S_HANDED] = 1
            found = True
    return codes.OK


@view_kernel
def _awaits(sec: Ints, security: int) -> bool:
    """Return whether a security that this one replaces has not handed over yet."""
    waits = False
    for other in range(len(sec)):
        waits |= sec[other, at.S_SUBSTITUTE] == security and not sec[other, at.S_HANDED]
    return bool(waits)


@view_kernel
def _replace(acc: Ints, sec: Ints, pos: Ints, replaced: int) -> int:
    """In each sleeve, add the excess of `replaced`'s target over its weight to the target of its substitute."""
    substitute = sec[replaced, at.S_SUBSTITUTE]
    for position in range(sec[replaced, at.S_FIRST], sec[replaced, at.S_END]):
        if compare_products(pos[position, at.P_AIM], acc[at.A_VALUE], pos[position, at.P_VALUE], EDGE) <= 0:
            continue
        twin = -1
        for other in range(sec[substitute, at.S_FIRST], sec[substitute, at.S_END]):
            if pos[other, at.P_SLEEVE] == pos[position, at.P_SLEEVE]:
                twin = other
        if twin < 0 or sec[substitute, at.S_PRICE] == 0:
            acc[at.A_WHERE] = substitute
            return codes.MISSING_SUBSTITUTE if twin < 0 else codes.MISSING_PRICE
        _hand_over(acc, pos, position, twin)
    return codes.OK


@view_kernel
def _hand_over(acc: Ints, pos: Ints, position: int, twin: int) -> None:
    """Move the excess of `position`'s target over its weight to the target of `twin`."""
    down = muldiv_floor(pos[position, at.P_VALUE], EDGE, acc[at.A_VALUE])
    up = muldiv_ceil(pos[position, at.P_VALUE], EDGE, acc[at.A_VALUE])
    pos[twin, at.P_AIM] += pos[position, at.P_AIM] - up
    pos[twin, at.P_AIM_UP] += pos[position, at.P_AIM_UP] - down
    pos[twin, at.P_REPLACES] = 1
    pos[twin, at.P_EXIT] = 0
    pos[position, at.P_AIM] = down
    pos[position, at.P_AIM_UP] = up
    worth = pos[position, at.P_VALUE] * (CENT_UNITS // acc[at.A_GRAIN])
    pos[twin, at.P_AIM_MONEY] += pos[position, at.P_AIM_MONEY] - worth
    pos[position, at.P_AIM_MONEY] = worth
    pos[position, at.P_REPLACES] = -1


@view_kernel
def _bands(acc: Ints, pos: Ints) -> None:
    """Set the rebalance band of each position and its side of that band and of the precision band."""
    value = acc[at.A_VALUE]
    for position in range(len(pos)):
        aim, up = pos[position, at.P_AIM], pos[position, at.P_AIM_UP]
        pos[position, at.P_LOW] = 0
        pos[position, at.P_HIGH] = 0
        pos[position, at.P_SIDE] = 1 if pos[position, at.P_EXIT] else 0
        pos[position, at.P_PRECISE] = pos[position, at.P_SIDE]
        if up == 0:
            continue
        low, high = band(aim, up, pos[position, at.P_THRESHOLD], acc[at.A_FLOOR])
        pos[position, at.P_LOW] = low
        pos[position, at.P_HIGH] = high
        if pos[position, at.P_REPLACES] < 0:
            continue  # what is replaced stands at its target by definition, whatever its cents round to
        pos[position, at.P_SIDE] = side(pos[position, at.P_VALUE], value, low, high)
        low, high = precision_band(aim, up, pos[position, at.P_PRECISION])
        pos[position, at.P_PRECISE] = side(pos[position, at.P_VALUE], value, low, high)


@view_kernel
def _cash_limits(acc: Ints) -> None:
    """Set the cents between which cash is in range, what it aims at, and the minimum trade size.

    Cash is in whole cents, so a lower limit is rounded up and an upper one down; the part of a cent that this moved is
    kept, because counts of units are unrounded until cut to the step.  Cash keeps the floor at target 0.
    """
    value, reserve = acc[at.A_VALUE], acc[at.A_RESERVE]
    weight = acc[at.A_CASH_TARGET] * PPB
    low, high = band(weight, weight, acc[at.A_CASH_THRESHOLD], acc[at.A_FLOOR])
    acc[at.A_LOW], acc[at.A_LOW_PART] = _up_to_cents(reserve, low, value)
    acc[at.A_AIM], acc[at.A_AIM_PART] = _up_to_cents(reserve, weight, value)
    acc[at.A_MIN], acc[at.A_MIN_PART] = _up_to_cents(acc[at.A_MIN_CENTS], acc[at.A_MIN_PPB] * PPB, value)
    cents, part = divmod_product(high, value, EDGE)
    acc[at.A_HIGH] = max(reserve, cents)
    acc[at.A_HIGH_PART] = part // (EDGE // CENT_UNITS) if cents >= reserve else 0


@view_kernel
def _up_to_cents(least: int, weight: int, value: int) -> tuple[int, int]:
    """Return max(least, weight x V) rounded up to cents, and how much that added in 1 / CENT_UNITS of a cent."""
    cents, part = divmod_product(weight, value, EDGE)
    if cents >= least and part > 0:
        return cents + 1, (EDGE - part) // (EDGE // CENT_UNITS)
    return max(least, cents), 0

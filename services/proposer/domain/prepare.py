"""One account made ready for every logic: checked, valued, its targets after substitution, bands, cash limits.

Source: product 1 (account value, thresholds), product 4 (fine points: missing price).
"""

from typing import Final

from services.proposer.domain import codes
from services.proposer.domain.checks import check, check_target, is_outside
from services.proposer.domain.records import ALL_OF_IT
from services.proposer.domain.substitutes import set_aims
from shared.fixed_point.amounts import (
    CENT_UNITS,
    PARTS,
    add_amounts,
    share_of_amount,
    subtract_amounts,
    weight_of_value,
)
from shared.fixed_point.arithmetic import value_cents
from shared.fixed_point.compiled import view_kernel
from shared.fixed_point.limits import EDGE, MAX_VALUE_CENTS, PPB
from shared.fixed_point.records import Records
from shared.rules.bands import band_amounts, side_of

_THIN: Final = 400_000_000  # V / price beyond it: the count of units does not fit 62 bits
_MONEY: Final = 4 * 10**18


@view_kernel
def prepare(account: Records, securities: Records, positions: Records) -> None:
    """Fill the prepared fields; set `failure`, and `failed_at` to the component that failed.

    Positions must stand in order of security index.  One failure is shown: of a missing price, the value, no target and
    do not trade the first.  Source: product 4, "An account that cannot be proposed fails", and its fine points.
    """
    account.failure = account.given_failure
    if account.given_failure != codes.OK:
        return
    account.failed_at = ALL_OF_IT
    account.failure = check(account, securities, positions)
    if account.failure == codes.OK:
        account.failure = _value(account, securities, positions)
    if account.failure == codes.OK:
        account.failure = check_target(account, positions)
    if account.failure == codes.OK:
        account.failure = set_aims(account, securities, positions)
    if account.failure == codes.OK:
        account.failure = _check_counts(account, securities, positions)
    if account.failure == codes.OK:
        _set_bands(account, positions)
        _set_cash_limits(account)


@view_kernel
def _value(account: Records, securities: Records, positions: Records) -> int:
    """Value positions and account; every security held or targeted needs a price.  What is LOCKED is valued already."""
    held = account.locked
    for position in positions:
        price = securities[position.security].price
        position.value = 0
        account.failed_at = position.security
        if price == 0 and (position.quantity > 0 or position.target > 0):
            return codes.MISSING_PRICE
        if position.quantity > 0:
            position.value = value_cents(position.quantity, price)
            held += position.value
        if is_outside(account, held, 0, MAX_VALUE_CENTS, codes.L_VALUE):
            return codes.OUT_OF_RANGE
    account.failed_at = ALL_OF_IT
    account.value = held + account.cash
    if account.value <= 0:
        return codes.VALUE_NOT_POSITIVE
    if is_outside(account, account.value, 0, MAX_VALUE_CENTS, codes.L_VALUE):
        return codes.OUT_OF_RANGE
    account.grain = 1
    while (held + abs(account.cash)) > _MONEY // (CENT_UNITS // account.grain):
        account.grain *= 10
    return codes.OK


@view_kernel
def _check_counts(account: Records, securities: Records, positions: Records) -> int:
    """The count of units to a target must fit; what is only sold needs none, however little it is worth."""
    for position in positions:
        is_wanted = position.aim > 0 or position.aim_part > 0
        if is_wanted and -(-account.value // _THIN) > securities[position.security].price:
            account.failed_at = position.security
            account.passed_limit = codes.L_UNITS
            return codes.OUT_OF_RANGE
    return codes.OK


@view_kernel
def _set_bands(account: Records, positions: Records) -> None:
    """Set the rebalance band of each position and its side of that band and of the precision band."""
    floor, floor_part = weight_of_value(account.drift_floor * PPB, account.value)
    for position in positions:
        position.low, position.low_part = 0, 0
        position.high, position.high_part = 0, 0
        position.side = 1 if position.is_exit else 0
        position.precise_side = position.side
        aim, part = position.aim, position.aim_part
        if aim == 0 and part == 0:
            continue
        low, low_part, high, high_part = band_amounts(aim, part, position.threshold, floor, floor_part, account.value)
        position.low, position.low_part = low, low_part
        position.high, position.high_part = high, high_part
        if position.replaces < 0:
            continue  # what is replaced stands at its target by definition, whatever its cents round to
        position.side = side_of(position.value, low, low_part, high)
        # No floor, and not clipped: weights above 1, which an overdrawn account has, may be near a target too.
        half, half_part = share_of_amount(position.precision, aim, part)
        low, low_part = subtract_amounts(aim, part, half, half_part)
        high, _ = add_amounts(aim, part, half, half_part)
        position.precise_side = side_of(position.value, low, low_part, high)


@view_kernel
def _set_cash_limits(account: Records) -> None:
    """Set the cents between which cash is in range, what it aims at, and the minimum trade size.

    Cash is in whole cents, so a lower limit is rounded up and an upper one down; the part of a cent that this moved is
    kept, because counts of units are unrounded until cut to the step.  Cash keeps the floor at target 0.
    """
    value, reserve = account.value, account.reserve
    aim, part = weight_of_value(account.cash_target, value)
    floor, floor_part = weight_of_value(account.drift_floor * PPB, value)
    low, low_part, high, high_part = band_amounts(aim, part, account.cash_threshold, floor, floor_part, value)
    account.cash_low, account.cash_low_rounding = _up_to_cents(reserve, low, low_part)
    account.cash_aim, account.cash_aim_rounding = _up_to_cents(reserve, aim, part)
    least, least_part = weight_of_value(account.minimum_weight * PPB, value)
    account.minimum, rounding = _up_to_cents(account.minimum_cents, least, least_part)
    account.minimum_rounding = rounding // PARTS
    if account.minimum == 0:
        # What rounds to $0.00 is no trade: half a cent is the least.
        account.minimum, account.minimum_rounding = 1, CENT_UNITS // 2
    account.cash_high = max(reserve, high)
    account.cash_high_rounding = high_part // PARTS if high >= reserve else 0


@view_kernel
def _up_to_cents(least: int, cents: int, part: int) -> tuple[int, int]:
    """Return max(least, amount) rounded up to cents, and how much that added in 1e-18 of a cent."""
    if cents >= least and part > 0:
        return cents + 1, EDGE - part
    return max(least, cents), 0

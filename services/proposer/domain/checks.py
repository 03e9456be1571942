"""What makes an account impossible to propose: its settings, securities and positions, then its target.

Source: product 4, "An account that cannot be proposed fails"; product 3 (target).
"""

from typing import Final

from services.proposer.domain import codes
from services.proposer.domain.records import ALL_OF_IT, NO_LIMIT
from shared.fixed_point.compiled import view_kernel
from shared.fixed_point.limits import EDGE, MAX_PRICE_MICRO, MAX_QUANTITY_MICRO, MAX_VALUE_CENTS, PPB
from shared.fixed_point.records import Records

_MAX_RELATIVE: Final = 4 * PPB  # beyond 400 % of target a band does not fit 63 bits
_MAX_STEP: Final = 10**6 * 10**6  # a round lot of a million units


@view_kernel
def check(account: Records, securities: Records, positions: Records) -> int:
    """Return codes.OK or the first failure of what an account is made of: what cannot be computed with.

    Sets failed_at and passed_limit of the account, and which positions are of which security.

    Positions must stand in order of security index.
    """
    failure = _check_settings(account)
    if failure == codes.OK:
        failure = _check_securities(account, securities)
    if failure == codes.OK:
        failure = _check_positions(account, securities, positions)
    return failure


@view_kernel
def is_outside(account: Records, value: int, low: int, high: int, limit: int) -> bool:
    """Return whether value is outside low..high, and set passed_limit to the limit that was checked."""
    account.passed_limit = limit
    return bool(value < low or value > high)


@view_kernel
def _check_settings(account: Records) -> int:
    if (
        is_outside(account, account.reserve, 0, MAX_VALUE_CENTS, codes.L_RESERVE)
        or is_outside(account, account.minimum_cents, 0, MAX_VALUE_CENTS, codes.L_MINIMUM)
        or is_outside(account, account.budget_short, NO_LIMIT, MAX_VALUE_CENTS, codes.L_GAIN_BUDGET)
        or is_outside(account, account.budget_total, NO_LIMIT, MAX_VALUE_CENTS, codes.L_GAIN_BUDGET)
        or is_outside(account, account.minimum_weight, 0, PPB, codes.L_MINIMUM_WEIGHT)
        or is_outside(account, account.cash_target, 0, EDGE, codes.L_CASH_TARGET)
        or is_outside(account, account.drift_floor, 0, PPB, codes.L_FLOOR)
        or is_outside(account, account.cash_threshold, 0, _MAX_RELATIVE, codes.L_CASH_THRESHOLD)
        or is_outside(account, account.cash, -MAX_VALUE_CENTS, MAX_VALUE_CENTS, codes.L_CASH)
    ):
        return codes.OUT_OF_RANGE
    return codes.OK


@view_kernel
def _check_securities(account: Records, securities: Records) -> int:
    for index in range(len(securities)):
        security = securities[index]
        account.failed_at = index
        if is_outside(account, security.price, 0, MAX_PRICE_MICRO, codes.L_PRICE):
            return codes.OUT_OF_RANGE
        if is_outside(account, security.step, 1, _MAX_STEP, codes.L_STEP):
            return codes.OUT_OF_RANGE
        if security.substitute == index:
            return codes.SELF_SUBSTITUTE
        if security.substitute >= len(securities):
            return codes.UNKNOWN_SECURITY
        security.first = 0
        security.end = 0
    account.failed_at = ALL_OF_IT
    return codes.OK


@view_kernel
def _check_positions(account: Records, securities: Records, positions: Records) -> int:
    before = -1
    for index in range(len(positions)):
        position = positions[index]
        account.failed_at = -2 - index
        if position.security < 0 or position.security >= len(securities) or position.security < before:
            return codes.UNKNOWN_SECURITY
        if position.quantity < 0:
            return codes.NEGATIVE_QUANTITY
        if (
            is_outside(account, position.quantity, 0, MAX_QUANTITY_MICRO, codes.L_QUANTITY)
            or is_outside(account, position.target, 0, EDGE, codes.L_TARGET)
            or is_outside(account, position.threshold, 0, _MAX_RELATIVE, codes.L_THRESHOLD)
            or is_outside(account, position.precision, 0, _MAX_RELATIVE, codes.L_PRECISION)
        ):
            return codes.OUT_OF_RANGE
        if position.security != before:
            securities[position.security].first = index
        elif position.sleeve == positions[index - 1].sleeve:
            return codes.DUPLICATE_POSITION
        securities[position.security].end = index + 1
        before = position.security
    account.failed_at = ALL_OF_IT
    return codes.OK


@view_kernel
def check_target(account: Records, positions: Records) -> int:
    """Return codes.OK, or the first of: no target, targets that do not add up, do not trade.

    All target weights add up to 1; none at all is a liquidation the user confirmed, or fails.  Source: product 3.
    """
    # In two sums, because thousands of weights that are wrong together would not fit one.
    whole = account.cash_target // PPB + account.untraded_target // PPB
    rest = account.cash_target % PPB + account.untraded_target % PPB
    for position in positions:
        whole += position.target // PPB
        rest += position.target % PPB
    account.target_sum = whole + rest // PPB
    account.target_sum_rest = rest % PPB
    if account.target_sum == 0 and account.target_sum_rest == 0:
        if not account.liquidate:
            return codes.NO_TARGET
        account.cash_target = EDGE
    elif account.target_sum != PPB or account.target_sum_rest != 0:
        return codes.TARGET_SUM
    return codes.RESTRICTED if account.do_not_trade else codes.OK

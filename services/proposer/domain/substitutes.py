"""Targets after substitution.  Source: product 4, fine points: substitutes."""

from services.proposer.domain import codes
from services.proposer.domain.sizing import CENT_UNITS, money_of_weight
from shared.fixed_point.arithmetic import compare_products, muldiv_ceil, muldiv_floor
from shared.fixed_point.compiled import view_kernel
from shared.fixed_point.limits import EDGE, PPB
from shared.fixed_point.records import Records


@view_kernel
def set_aims(account: Records, securities: Records, positions: Records) -> int:
    """Set what each position aims at; return codes.OK or the failure.

    The target of a replaced security becomes min(target, weight), its substitute gets the rest.  A replaced security is
    never bought, not even to place cash.
    """
    for position in positions:
        position.aim = position.target * PPB
        position.aim_up = position.aim
        position.aim_money = money_of_weight(account, position.aim)
        position.is_exit = 1 if position.target == 0 and position.quantity > 0 else 0
        position.replaces = 0
    for security in securities:
        security.has_handed_over = 0
        if security.substitute >= 0:
            security.restriction |= codes.DO_NOT_BUY
    found = True
    while found:
        # A substitute may be replaced itself: it hands over last.  A ring hands over nothing.
        found = False
        for index in range(len(securities)):
            security = securities[index]
            if security.substitute < 0 or security.has_handed_over or _awaits(securities, index):
                continue
            failure = _replace(account, securities, positions, security)
            if failure != codes.OK:
                return failure
            security.has_handed_over = 1
            found = True
    return codes.OK


@view_kernel
def _awaits(securities: Records, index: int) -> bool:
    """Return whether a security that the security at `index` replaces has not handed over yet."""
    waits = False
    for other in securities:
        waits |= other.substitute == index and not other.has_handed_over
    return bool(waits)


@view_kernel
def _replace(account: Records, securities: Records, positions: Records, replaced: Records) -> int:
    """In each sleeve, add the excess of `replaced`'s target over its weight to the target of its substitute.

    A substitute without a price counts as absent: nothing is handed over, and `replaced` is not bought.
    """
    substitute = securities[replaced.substitute]
    if substitute.price == 0:
        return codes.OK
    for index in range(replaced.first, replaced.end):
        position = positions[index]
        if compare_products(position.aim, account.value, position.value, EDGE) <= 0:
            continue
        twin = -1
        for other in range(substitute.first, substitute.end):
            if positions[other].sleeve == position.sleeve:
                twin = other
        if twin < 0:
            account.failed_at = replaced.substitute
            return codes.MISSING_SUBSTITUTE
        _hand_over(account, position, positions[twin])
    return codes.OK


@view_kernel
def _hand_over(account: Records, position: Records, twin: Records) -> None:
    """Move the excess of `position`'s target over its weight to the target of `twin`."""
    down = muldiv_floor(position.value, EDGE, account.value)
    up = muldiv_ceil(position.value, EDGE, account.value)
    twin.aim += position.aim - up
    twin.aim_up += position.aim_up - down
    twin.replaces = 1
    twin.is_exit = 0
    position.aim = down
    position.aim_up = up
    worth = position.value * (CENT_UNITS // account.grain)
    twin.aim_money += position.aim_money - worth
    position.aim_money = worth
    position.replaces = -1

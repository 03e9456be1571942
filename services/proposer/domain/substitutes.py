"""Targets after substitution.  Source: product 4, fine points: substitutes."""

from services.proposer.domain import codes
from shared.fixed_point.amounts import add_amounts, is_more, weight_of_value
from shared.fixed_point.compiled import view_kernel
from shared.fixed_point.records import Records


@view_kernel
def set_aims(account: Records, securities: Records, positions: Records) -> int:
    """Set what each position aims at; return codes.OK or the failure.

    The target of a replaced security becomes min(target, weight), its substitute gets the rest.  A replaced security is
    never bought, not even to place cash.
    """
    for position in positions:
        position.aim, position.aim_part = weight_of_value(position.target, account.value)
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
        if not is_more(position.aim, position.aim_part, position.value, 0):
            continue
        twin = -1
        for other in range(substitute.first, substitute.end):
            if positions[other].sleeve == position.sleeve:
                twin = other
        if twin < 0:
            account.failed_at = replaced.substitute
            return codes.MISSING_SUBSTITUTE
        _hand_over(position, positions[twin])
    return codes.OK


@view_kernel
def _hand_over(position: Records, twin: Records) -> None:
    """Move the excess of `position`'s target over its weight to the target of `twin`."""
    more = position.aim - position.value
    twin.aim, twin.aim_part = add_amounts(twin.aim, twin.aim_part, more, position.aim_part)
    twin.replaces = 1
    twin.is_exit = 0
    position.aim, position.aim_part = position.value, 0
    position.replaces = -1

"""Market orders of a proposal that a person made larger or smaller before approval.

Everything else stays as proposed; gains, lots and drift follow from the trades as they do for a proposal.
Source: product 6, "batch version: raised by ... edit"; docs/decisions/0035-edited-trades.md.
"""

from services.proposer.domain import codes
from services.proposer.domain.apportion import apportion
from services.proposer.domain.netting import BUYS, SELLS, clear_trade, share_out
from services.proposer.domain.summary import outcome
from shared.fixed_point.arithmetic import value_cents
from shared.fixed_point.compiled import view_kernel
from shared.fixed_point.records import Records


@view_kernel
def apply_edits(account: Records, securities: Records, positions: Records, logic: int) -> int:
    """Put the edits of this logic's orders into a computed account; return OK, EDIT_MISFITS or as `outcome`.

    An order keeps its side, and what sleeves cross stays crossed.  A smaller order is cut in its sleeves pro rata.  A
    larger buy grows in proportion to what the sleeves buy, a larger sell in proportion to what they still hold.
    """
    is_edited = False
    for index in range(len(securities)):
        security = securities[index]
        proposed = security.buy - security.sell
        if security.edit_of != logic + 1 or security.edit == proposed:
            continue
        side = BUYS if proposed > 0 else SELLS
        sleeves = positions[security.first : security.end]
        units = security.edit * side
        if proposed == 0 or units < 0 or not _fits(security, sleeves, side, units):
            account.failed_at = index
            return codes.EDIT_MISFITS
        if units > proposed * side:
            _grow(sleeves, side, units - proposed * side, security.step)
        _set(security, sleeves, side, units)
        account.cash_now += value_cents(proposed, security.price) - value_cents(security.edit, security.price)
        account.blocked |= codes.B_EDITED
        is_edited = True
    return outcome(account, securities, positions) if is_edited else codes.OK


@view_kernel
def _fits(security: Records, sleeves: Records, side: int, units: int) -> bool:
    """Return whether the sleeves can trade so many units in the market: in whole steps, or all that they hold."""
    if side == BUYS:
        return bool(units % security.step == 0)
    held = _sellable(sleeves) - security.crossed
    return bool(units <= held and (units % security.step == 0 or units == held))


@view_kernel
def _sellable(sleeves: Records) -> int:
    """Return the units of the sleeves that buy none: no sleeve buys and sells the same security."""
    units = 0
    for sleeve in sleeves:
        if sleeve.trade <= 0:
            units += sleeve.quantity
    return int(units)


@view_kernel
def _grow(sleeves: Records, side: int, more: int, step: int) -> None:
    """Let the sleeves trade so many units more."""
    while more > 0:
        room = 0
        for sleeve in sleeves:
            sleeve.asked = sleeve.quantity + sleeve.trade if side == SELLS and sleeve.trade <= 0 else 0
            if side == BUYS:
                sleeve.asked = max(0, sleeve.trade)
            room += sleeve.asked
        given = min(more, room)
        apportion(sleeves, given, step)
        for sleeve in sleeves:
            if sleeve.asked > 0:
                sleeve.trade += sleeve.share * side
        more -= given


@view_kernel
def _set(security: Records, sleeves: Records, side: int, units: int) -> None:
    """Make the market order one of so many units, and what the sleeves trade on that side what is left of it."""
    kept = security.reason
    security.buy, security.sell = (units, 0) if side == BUYS else (0, units)
    security.reason = kept if units > 0 else 0
    first = 0
    for sleeve in sleeves:
        sleeve.want = sleeve.trade if sleeve.trade * side > 0 else 0
        if sleeve.want != 0 and first == 0:
            first = sleeve.reason
    total = security.crossed + units
    if total > 0:
        share_out(security, sleeves, side, total)
    for sleeve in sleeves:
        if sleeve.want != 0 and (sleeve.trade == 0 or total == 0):
            clear_trade(sleeve)
        elif sleeve.want != 0 and sleeve.reason == 0:
            sleeve.reason = first  # a sleeve that sells only because the order is larger

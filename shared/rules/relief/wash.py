"""Wash sales of a tax household: losses matched share for share with purchases of the same security.

Losses are taken in order of security id, account id, lot id, sleeve id; purchases within 30 days before or after the
trade date earliest first.  Each purchased unit is matched once.  It is a warning and no advice: what counts as a
purchase is what the caller has seen.  Source: product 5 "Wash-sale check", product 4 "Fine points".
"""

from typing import Final, NamedTuple

import numpy as np

from shared.fixed_point.arithmetic import muldiv_half_away
from shared.fixed_point.compiled import entry_kernel, view_kernel
from shared.rules.relief.lots import Ints

WASH_DAYS: Final = 30


class Losses(NamedTuple):
    """Slices sold at a loss, one per index; names are ranks in the order of the ids, units micro-units above zero.

    group: only losses and purchases of one group meet (a household under one logic).  cents: the loss, above zero.  No
    two slices share all names.
    """

    group: Ints
    security: Ints
    account: Ints
    lot: Ints
    sleeve: Ints
    units: Ints
    cents: Ints


class Purchases(NamedTuple):
    """Units bought and not sold again, one per index.  day: days since 1970-01-01.

    kind, account, lot and sleeve only break ties between purchases of one day; no two purchases share all of them.
    """

    group: Ints
    security: Ints
    day: Ints
    kind: Ints
    account: Ints
    lot: Ints
    sleeve: Ints
    units: Ints


class Washes(NamedTuple):
    """Matched parts, in the order of the losses: indices of loss and purchase, micro-units, disallowed cents."""

    loss: Ints
    purchase: Ints
    units: Ints
    cents: Ints


def match(losses: Losses, purchases: Purchases, trade_day: int) -> Washes:
    """Return which purchases disallow which part of which loss; the order of the input changes nothing.

    A part's cents are its loss pro rata in units, of what the parts before it left; the part that completes the slice
    takes the rest, so that a wholly matched loss is disallowed to the cent.
    """
    near = np.flatnonzero((np.abs(purchases.day - trade_day) <= WASH_DAYS) & (purchases.units > 0))
    bought = Purchases._make(column[near] for column in purchases)
    last = np.lexsort(
        (bought.sleeve, bought.lot, bought.account, bought.kind, bought.day, bought.security, bought.group)
    )
    first = np.lexsort((losses.sleeve, losses.lot, losses.account, losses.security, losses.group))
    most = len(first) + len(last)  # every part uses up a loss or a purchase
    found = Washes._make(np.zeros((4, most), np.int64))
    count = _match(first, last, losses, bought, bought.units.copy(), found)
    parts = Washes._make(column[:count] for column in found)
    return parts._replace(purchase=near[parts.purchase])


@entry_kernel
def _match(first: Ints, last: Ints, losses: Losses, bought: Purchases, left: Ints, found: Washes) -> int:
    """Walk losses in order `first` and purchases in order `last` side by side; return how many parts were found."""
    count, place = 0, 0
    for loss in first:
        units, cents = losses.units[loss], losses.cents[loss]
        while place < len(last) and _before(last[place], loss, losses, bought):
            place += 1
        while units > 0 and place < len(last) and _same(last[place], loss, losses, bought):
            one = last[place]
            part = min(units, left[one])
            share = cents if part == units else muldiv_half_away(cents, part, units)
            found.loss[count] = loss
            found.purchase[count] = one
            found.units[count] = part
            found.cents[count] = share
            count += 1
            units -= part
            cents -= share
            left[one] -= part
            if left[one] == 0:
                place += 1
    return count


@view_kernel
def _before(one: int, loss: int, losses: Losses, bought: Purchases) -> bool:
    if bought.group[one] != losses.group[loss]:
        return bool(bought.group[one] < losses.group[loss])
    return bool(bought.security[one] < losses.security[loss])


@view_kernel
def _same(one: int, loss: int, losses: Losses, bought: Purchases) -> bool:
    return bool(bought.group[one] == losses.group[loss] and bought.security[one] == losses.security[loss])

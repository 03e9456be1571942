"""Wash sales of a tax household: losses matched share for share with purchases of the same security.

Losses are taken in order of security id, trade date, approval, account id, lot id, sleeve id; purchases within 30 days
before or after the trade date of the loss earliest first.  Each purchased unit is matched once: with the earlier loss.
It is a warning and no advice: what counts as a purchase is what the caller has seen.
Source: product 5 "Wash-sale check", product 4 "Fine points".
"""

from typing import Final, NamedTuple

import numpy as np

from shared.fixed_point.arithmetic import muldiv_half_away
from shared.fixed_point.compiled import entry_kernel, view_kernel
from shared.fixed_point.records import Records, record, records, records_of
from shared.rules.relief.lots import Ints

WASH_DAYS: Final = 30
LOSS_DAYS: Final = 2 * WASH_DAYS
"""How long before a trade date a loss counts: a purchase that counts then may belong to a loss of 30 days before it."""
LISTED_DAYS: Final = LOSS_DAYS + WASH_DAYS
"""How long before a trade date a purchase counts: such a loss takes its own purchases first."""


class Losses(NamedTuple):
    """Slices sold at a loss, one per index; names are ranks in the order of the ids, units micro-units above zero.

    group: only losses and purchases of one group meet (a household under one logic).  day: the trade date, days since
    1970-01-01; turn: which of one day come first, by approval.  cents: the loss, not below zero.  No two slices share
    all names.
    """

    group: Ints
    security: Ints
    day: Ints
    turn: Ints
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


_PENDING: Final = record("group", "security", "day", "units", "cents")
"""A loss or purchase, and what of it is not matched yet: micro-units, cents (0 of a purchase)."""

_PART: Final = record("loss", "purchase", "units", "cents")
"""A matched part: indices in the orders of losses and purchases, micro-units, disallowed cents."""


def match(losses: Losses, purchases: Purchases) -> Washes:
    """Return which purchases disallow which part of which loss; the order of the input changes nothing.

    A part's cents are its loss pro rata in units, of what the parts before it left; the part that completes the slice
    takes the rest, so that a wholly matched loss is disallowed to the cent.
    """
    some = np.flatnonzero(purchases.units > 0)
    bought = Purchases._make(column[some] for column in purchases)
    bought_order = np.lexsort(
        (bought.sleeve, bought.lot, bought.account, bought.kind, bought.day, bought.security, bought.group)
    )
    lost_order = np.lexsort(
        (losses.sleeve, losses.lot, losses.account, losses.turn, losses.day, losses.security, losses.group)
    )
    lost, left = _pending(losses, lost_order, losses.cents), _pending(bought, bought_order, np.zeros_like(bought.units))
    matches = records(_PART, len(lost) + len(left))  # every match uses up a loss or a purchase
    matches = matches[: _match(lost, left, matches)]
    return Washes(
        lost_order[matches.loss], some[bought_order[matches.purchase]], *(matches[name] for name in ("units", "cents"))
    )


def _pending(units: Losses | Purchases, order: Ints, cents: Ints) -> Records:
    """Return what is to be matched, in this order."""
    columns = {
        "group": units.group, "security": units.security, "day": units.day, "units": units.units, "cents": cents,
    }  # fmt: skip
    return records_of(_PENDING, **{name: column[order] for name, column in columns.items()})


@entry_kernel
def _match(losses: Records, purchases: Records, matches: Records) -> int:
    """Walk losses and purchases, in their orders, side by side; return how many matches were found.

    A purchase that is passed is used up or too early, and so it is for every later loss.
    """
    count, bought = 0, 0
    for lost in range(len(losses)):
        loss = losses[lost]
        while bought < len(purchases) and _before(purchases[bought], loss, -WASH_DAYS):
            bought += 1
        while loss.units > 0 and bought < len(purchases) and not _before(loss, purchases[bought], -WASH_DAYS):
            purchase, part = purchases[bought], matches[count]
            part.loss, part.purchase = lost, bought
            part.units = min(loss.units, purchase.units)
            part.cents = loss.cents
            if part.units < loss.units:
                part.cents = muldiv_half_away(loss.cents, part.units, loss.units)
            loss.units -= part.units
            loss.cents -= part.cents
            purchase.units -= part.units
            count += 1
            if purchase.units == 0:
                bought += 1
    return count


@view_kernel
def _before(record: Records, other: Records, days: int) -> bool:
    """Return whether a record is of a group and security before the other's, or of the same on a day before
    other.day + days.
    """
    if record.group != other.group:
        return bool(record.group < other.group)
    if record.security != other.security:
        return bool(record.security < other.security)
    return bool(record.day < other.day + days)

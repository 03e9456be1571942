"""The rules of lot relief once more, slow and plain: fractions and lists, nothing shared with shared/relief.

One account, one security.  Source: product 4 ("Which lots", "Lots", "Cents"), 5.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from fractions import Fraction as F
from math import floor
from typing import Any

from shared.rules.relief import lots as r
from tests.relief.build import EPOCH, Lot, Move, Sale, Slice

Taken = dict[int, int]  # index of the lot in the list -> micro-units


def relieve(sale: Sale, lots: Sequence[Lot]) -> tuple[list[Slice], list[Move]]:
    """Return the slices of the market sell and the moves between sleeves."""
    pool: Taken = {}
    for sleeve, units in sale.sells.items():
        mine = [index for index, lot in enumerate(lots) if lot.sleeve == sleeve]
        pool |= take(sale, lots, ordered(sale, lots, mine), {index: lots[index].units for index in mine}, units)
    order = ordered(sale, lots, list(pool))
    sold = take(sale, lots, order, pool, sale.market())
    basis = Basis(sale, lots)
    slices: list[Slice] = []
    sold_lots = list(sold)
    value = to_cents(F(sale.market() * sale.price, 10**10)) - sale.fee
    for index in sold_lots:
        units = sold[index]
        cents = to_cents(F(units * sale.price, 10**10) - F(sale.fee * units, sale.market()))
        if index == sold_lots[-1]:
            cents = value - sum(earlier.proceeds for earlier in slices)
        since = term_from(lots[index])
        long_day = r.NO_DATE if since in (None, r.ALWAYS_LONG) else first_long_day(since)
        cost = basis.sold(index, units)
        slices.append(
            Slice(lots[index].lot_id, lots[index].sleeve, units, cents, cost, term(sale, lots[index]), long_day)
        )
    moves: list[Move] = []
    room = sorted(sale.crossed_to.items())
    for index in sorted(pool, key=lambda index: age(lots[index])):
        left = pool[index] - sold.get(index, 0)
        while left:
            to, wanted = room[0]
            units = min(left, wanted)
            moves.append(Move(lots[index].lot_id, lots[index].sleeve, to, units, basis.moved(index, units)))
            left -= units
            room[0] = (to, wanted - units)
            if wanted == units:
                room.pop(0)
    return slices, moves


def ordered(sale: Sale, lots: Sequence[Lot], indexes: list[int]) -> list[int]:
    """Return the lots in leaving order; AVERAGE and what SPECIFIC picks leave go oldest first."""
    return sorted(indexes, key=lambda index: rank(sale, lots[index]))


def rank(sale: Sale, lot: Lot) -> Any:
    if sale.method == r.LIFO:
        return -(lot.acquired if lot.acquired is not None else -(10**9)), lot.lot_id, lot.sleeve
    if sale.method in (r.HIFO, r.LOFO, r.MIN_TAX):
        if lot.basis is None:
            return 6, F(0), *age(lot)
        cost = F(lot.basis, lot.units)
        if sale.method == r.HIFO:
            return 0, -cost, *age(lot)
        if sale.method == r.LOFO:
            return 0, cost, *age(lot)
        gain = F(sale.price, 10**10) - cost
        is_long = term(sale, lot) == r.LONG
        kind = int(is_long) if gain < 0 else 2 + int(is_long) if gain == 0 else 4 + int(not is_long)
        return kind, gain, *age(lot)
    return age(lot)


def age(lot: Lot) -> tuple[int, str, int]:
    return (lot.acquired if lot.acquired is not None else -(10**9)), lot.lot_id, lot.sleeve


def take(sale: Sale, lots: Sequence[Lot], order: list[int], there: Taken, units: int) -> Taken:
    """Take units in order, what SPECIFIC picks first, never more than is there; lots stand as they begin to leave."""
    taken: Taken = {}
    ranks = {lot_id: rank for rank, lot_id in enumerate(sale.picks)}
    picked = sorted((i for i in order if lots[i].lot_id in ranks), key=lambda i: (ranks[lots[i].lot_id], age(lots[i])))
    for indexes, limit in ((picked, {i: min(there[i], sale.picks[lots[i].lot_id]) for i in picked}), (order, there)):
        for index in indexes:
            more = max(0, min(units, limit[index] - taken.get(index, 0)))
            if more:
                taken[index] = taken.get(index, 0) + more
                units -= more
    assert units == 0
    return taken


class Basis:
    """What is left of basis and units by lot and, for the average of a fund, of all lots of known basis together."""

    def __init__(self, sale: Sale, lots: Sequence[Lot]) -> None:
        self.average = sale.method == r.AVERAGE and sale.fund
        self.left = {index: (lot.basis, lot.units) for index, lot in enumerate(lots)}
        known = [(lot.basis, lot.units) for lot in lots if lot.basis is not None]
        self.pool = sum(basis for basis, _ in known), sum(units for _, units in known)

    def sold(self, index: int, units: int) -> int | None:
        """Return remaining basis x units / remaining units of the lot or of the average; None where it is unknown."""
        recorded = self.moved(index, units)
        if recorded is None or not self.average:
            return recorded
        basis, there = self.pool
        cost = to_cents(F(basis * units, there))
        self.pool = basis - cost, there - units
        return cost

    def moved(self, index: int, units: int) -> int | None:
        """Return remaining basis x units / remaining units of the lot itself."""
        basis, there = self.left[index]
        if basis is None:
            return None
        cost = to_cents(F(basis * units, there))
        self.left[index] = basis - cost, there - units
        return cost


def first_long_day(acquired: int) -> int:
    """Return (acquired + 1 day) + 1 year, 29 February becoming 1 March."""
    after = EPOCH + timedelta(acquired + 1)
    leap = (after.month, after.day) == (2, 29)
    return (date(after.year + 1, 3, 1) if leap else after.replace(year=after.year + 1)).toordinal() - EPOCH.toordinal()


def term_from(lot: Lot) -> int | None:
    return lot.acquired if lot.term_from is None else lot.term_from


def term(sale: Sale, lot: Lot) -> int:
    since = term_from(lot)
    if since is None:
        return r.UNKNOWN
    return r.LONG if since == r.ALWAYS_LONG or sale.trade_day >= first_long_day(since) else r.SHORT


def to_cents(value: F) -> int:
    """Round halves away from zero."""
    return floor(value + F(1, 2)) if value >= 0 else -floor(-value + F(1, 2))

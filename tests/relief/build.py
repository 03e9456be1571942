"""Builders: one account, one security, some sleeves; only what matters is named."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np

from shared.rules.relief.book import book
from shared.rules.relief.columns import BOOKED, Book
from shared.rules.relief.lots import FIFO, NO_BASIS, Lots, lots_of

EPOCH = date(1970, 1, 1)


def day(text: str | None) -> int | None:
    """Days since 1970-01-01 of an ISO date."""
    return None if text is None else (date.fromisoformat(text) - EPOCH).days


@dataclass(frozen=True)
class Lot:
    """One lot; acquired and basis may be None (missing, unknown). Units in micro-units, basis in cents."""

    lot_id: str
    acquired: int | None
    units: int
    basis: int | None
    sleeve: int = 0


@dataclass(frozen=True)
class Sale:
    """A sale out of `lots`. sells, crossed_to: units by sleeve; what is not crossed goes to market."""

    lots: Sequence[Lot]
    sells: Mapping[int, int]
    crossed_to: Mapping[int, int] = field(default_factory=dict)
    method: int = FIFO
    price: int = 0
    fee: int = 0
    trade_day: int = 20_000
    fund: bool = False
    picks: Mapping[str, int] = field(default_factory=dict)

    def market(self) -> int:
        return sum(self.sells.values()) - sum(self.crossed_to.values())


@dataclass(frozen=True)
class Slice:
    lot_id: str
    sleeve: int
    units: int
    proceeds: int
    basis: int | None
    term: int
    long_day: int


@dataclass(frozen=True)
class Move:
    lot_id: str
    sleeve: int
    to: int
    units: int
    basis: int | None


@dataclass(frozen=True)
class Outcome:
    code: int
    slices: list[Slice]
    moves: list[Move]

    @property
    def left(self) -> list[tuple[str, int]]:
        return [(one.lot_id, one.units) for one in self.slices]

    def gain(self, term: int | None = None) -> int:
        return sum(
            one.proceeds - one.basis for one in self.slices if one.basis is not None and term in (None, one.term)
        )


def arrays(sale: Sale) -> tuple[Book, Lots, list[Lot], list[int]]:
    """The kernel's arrays of one account with one security, its lots in the order of the contract, its sleeves."""
    lots = sorted(
        sale.lots, key=lambda one: (one.sleeve, one.acquired if one.acquired is not None else -(10**9), one.lot_id)
    )
    sleeves = sorted({one.sleeve for one in lots} | set(sale.sells) | set(sale.crossed_to))
    crossed = dict(sale.crossed_to)
    spare = sum(crossed.values())
    for sleeve, units in sale.sells.items():  # which selling sleeve crosses how much changes nothing: the pool is one
        crossed[sleeve] = crossed.get(sleeve, 0) - min(units, spare)
        spare -= min(units, spare)
    quantity = [sale.crossed_to.get(sleeve, 0) - sale.sells.get(sleeve, 0) for sleeve in sleeves]
    market = sale.market()

    def ints(*values: int) -> np.ndarray:
        return np.array(values, dtype=np.int64)

    orders = [(0, 0, -market, sale.price, sale.fee)] if market else []
    trades = Book(
        sale.trade_day,
        ints(sale.method),
        ints(0, len(lots)),
        ints(0, len(sleeves)),
        ints(0, len(sleeves)),
        ints(0, len(orders)),
        ints(0, 1),
        ints(*[0] * len(lots)),
        ints(*[sale.picks.get(one.lot_id, 0) for one in lots]),
        ints(*[0] * len(sleeves)),
        ints(*sleeves),
        ints(*[0] * len(sleeves)),
        ints(*range(len(sleeves))),
        ints(*quantity),
        ints(*[crossed.get(sleeve, 0) for sleeve in sleeves]),
        ints(*[row[0] for row in orders]),
        ints(*[row[1] for row in orders]),
        ints(*[row[2] for row in orders]),
        ints(*[row[3] for row in orders]),
        ints(*[row[4] for row in orders]),
        ints(sale.price),
        ints(int(sale.fund)),
    )
    rows = [(one.lot_id, one.acquired, one.units, one.basis) for one in lots]
    return trades, lots_of(rows, [one.sleeve for one in lots]), lots, sleeves


def sell(sale: Sale) -> Outcome:
    """Book the sale and name what came out."""
    trades, packed, lots, sleeves = arrays(sale)
    done = book(trades, packed)

    def known(basis: int) -> int | None:
        return None if basis == NO_BASIS else int(basis)

    slices = [
        Slice(
            lots[done.slice_lot[row]].lot_id,
            lots[done.slice_lot[row]].sleeve,
            int(done.slice_units[row]),
            int(done.slice_proceeds[row]),
            known(done.slice_basis[row]),
            int(done.slice_term[row]),
            int(done.slice_long_day[row]),
        )
        for row in range(done.counts[0])
    ]
    moves = [
        Move(
            lots[done.transfer_lot[row]].lot_id,
            lots[done.transfer_lot[row]].sleeve,
            sleeves[done.transfer_position[row]],
            int(done.transfer_units[row]),
            known(done.transfer_basis[row]),
        )
        for row in range(done.counts[1])
    ]
    code = int(done.outcome[0])
    assert code == BOOKED or not (slices or moves)
    return Outcome(code, slices, moves)

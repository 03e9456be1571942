"""Builders: one account, one security, some sleeves; only what matters is named."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from shared.fixed_point.records import records, records_of
from shared.rules.relief.book import Book, book
from shared.rules.relief.lots import FIFO, NO_BASIS, NO_DATE, Lots, lots_of
from shared.rules.relief.records import ACCOUNT, BOOKED, ORDER, POSITION, SECURITY, TRADE

EPOCH = date(1970, 1, 1)


def day(text: str | None) -> int | None:
    """Days since 1970-01-01 of an ISO date."""
    return None if text is None else (date.fromisoformat(text) - EPOCH).days


@dataclass(frozen=True)
class Lot:
    """One lot; acquired and basis may be None (missing, unknown). Units in micro-units, basis in cents.

    term_from: the day from which its term counts, or ALWAYS_LONG; None: acquired.
    """

    lot_id: str
    acquired: int | None
    units: int
    basis: int | None
    sleeve: int = 0
    term_from: int | None = None


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
    picks: Mapping[str, int] = field(default_factory=dict)  # units by lot id, in the order of the picks

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
        return [(relieved.lot_id, relieved.units) for relieved in self.slices]

    def gain(self, term: int | None = None) -> int:
        return sum(
            relieved.proceeds - relieved.basis
            for relieved in self.slices
            if relieved.basis is not None and term in (None, relieved.term)
        )


def arrays(sale: Sale) -> tuple[Book, Lots, list[Lot], list[int]]:
    """The kernel's arrays of one account with one security, its lots in the order of the contract, its sleeves."""
    lots = sorted(
        sale.lots, key=lambda lot: (lot.sleeve, lot.acquired if lot.acquired is not None else -(10**9), lot.lot_id)
    )
    sleeves = sorted({lot.sleeve for lot in lots} | set(sale.sells) | set(sale.crossed_to))
    crossed = dict(sale.crossed_to)
    spare = sum(crossed.values())
    for sleeve, units in sale.sells.items():  # which selling sleeve crosses how much changes nothing: the pool is one
        crossed[sleeve] = crossed.get(sleeve, 0) - min(units, spare)
        spare -= min(units, spare)
    quantity = [sale.crossed_to.get(sleeve, 0) - sale.sells.get(sleeve, 0) for sleeve in sleeves]
    market = sale.market()

    size = len(sleeves)
    trades = Book(
        sale.trade_day,
        records_of(
            ACCOUNT,
            method=[sale.method, 0],
            lot=[0, len(lots)],
            position=[0, size],
            trade=[0, size],
            order=[0, 1 if market else 0],
            security=[0, 1],
        ),
        records_of(POSITION, security=[0] * size, sleeve=sleeves),
        records_of(
            TRADE,
            logic=[0] * size,
            position=range(size),
            quantity=quantity,
            crossed=[crossed.get(sleeve, 0) for sleeve in sleeves],
        ),
        records_of(ORDER, quantity=[-market], price=[sale.price], fee=[sale.fee]) if market else records(ORDER, 0),
        records_of(SECURITY, price=[sale.price], is_fund=[int(sale.fund)]),
    )
    rows = [(lot.lot_id, lot.acquired, lot.units, lot.basis) for lot in lots]
    packed = lots_of(rows, [lot.sleeve for lot in lots])
    from_days = [(lot.acquired, lot.term_from) for lot in lots]
    packed.rows.term_from = [
        own if own is not None else NO_DATE if acquired is None else acquired for acquired, own in from_days
    ]
    ranks = {lot_id: rank for rank, lot_id in enumerate(sale.picks)}
    packed.rows.picked = [sale.picks.get(lot.lot_id, 0) for lot in lots]
    packed.rows.pick = [ranks.get(lot.lot_id, 0) for lot in lots]
    return trades, packed, lots, sleeves


def sell(sale: Sale) -> Outcome:
    """Book the sale and name what came out."""
    trades, packed, lots, sleeves = arrays(sale)
    done = book(trades, packed)

    def known(basis: int) -> int | None:
        return None if basis == NO_BASIS else int(basis)

    slices = [
        Slice(
            lots[done.slices.lot[row]].lot_id,
            lots[done.slices.lot[row]].sleeve,
            int(done.slices.units[row]),
            int(done.slices.proceeds[row]),
            known(done.slices.basis[row]),
            int(done.slices.term[row]),
            int(done.slices.long_day[row]),
        )
        for row in range(len(done.slices.lot))
    ]
    moves = [
        Move(
            lots[done.transfers.lot[row]].lot_id,
            lots[done.transfers.lot[row]].sleeve,
            sleeves[done.transfers.position[row]],
            int(done.transfers.units[row]),
            known(done.transfers.basis[row]),
        )
        for row in range(len(done.transfers.lot))
    ]
    code = int(done.outcome[0])
    assert code == BOOKED or not (slices or moves)
    return Outcome(code, slices, moves)

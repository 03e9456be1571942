"""The pool of one sell, piece by piece: what an earlier sell left behind, sleeves that sell nothing, one unit too few.

Units in millionths, basis in cents.  Source: product 4 ("Which lots"), 5.
"""

import pytest

from shared.fixed_point.records import Records, fields_of, records_of
from shared.rules.relief import lots as r
from shared.rules.relief.records import GIVE, RELIEF, SALE
from shared.rules.relief.relieve import fill_pool, open_average
from tests.relief.build import Lot, Sale, sell

pytestmark = pytest.mark.fast

UNIT = DOLLAR = 1_000_000
TODAY = 20_000
ROWS: list[tuple[str, int | None, int, int | None]] = [
    ("a", 18_000, 4, 400),
    ("b", 18_001, 5, 500),
    ("c", 18_002, 6, 600),
]


def used() -> Records:
    """Return the scratch as another security's sell left it."""
    return records_of(RELIEF, **{name: [7] * 3 for name in fields_of(RELIEF)})


def sale(last: int = 0, averages: bool = False) -> Records:
    """Return a sale of the three lots, out of `last` positions."""
    fields = {"last": last, "lot_end": 3, "method": r.FIFO, "trade_day": TODAY, "price": DOLLAR, "averages": averages}
    fields |= {"average_units": 7, "average_basis": 7}  # what another sale left
    return records_of(SALE, **{name: [int(value)] for name, value in fields.items()})[0]


def pool(sleeves: list[int], selling: dict[int, int], lots_in: list[int], work: Records) -> bool:
    """Fill the pool from lots a, b, c in these sleeves; `selling`: units by sleeve of the positions."""
    gives = records_of(GIVE, sleeve=sleeves, units=[selling.get(sleeve, 0) for sleeve in sleeves])
    return bool(fill_pool(sale(len(sleeves)), gives, r.lots_of(ROWS, lots_in), work))


def test_what_an_earlier_sell_left_in_the_scratch_counts_for_nothing() -> None:
    work = used()
    assert pool([0], {0: 5}, [0, 0, 0], work)
    assert work.available.tolist() == [4, 1, 0]
    assert work.taken.tolist() == [0, 0, 0] and work.basis_gone.tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("sleeves", "selling", "lots_in", "pooled"),
    [
        # lots of sleeves before, between and after those that sell, with a position of their own or without
        ([2], {2: 6}, [0, 1, 2], [0, 0, 6]),
        ([1], {1: 5}, [0, 1, 2], [0, 5, 0]),
        ([0, 2], {0: 4, 2: 1}, [0, 1, 2], [4, 0, 1]),
        ([0, 1, 2], {0: 1, 2: 1}, [0, 1, 2], [1, 0, 1]),
        # positions without lots, which sell nothing
        ([0, 1, 3], {1: 7}, [1, 1, 2], [4, 3, 0]),
    ],
)
def test_each_sleeve_gives_its_own_lots(
    sleeves: list[int], selling: dict[int, int], lots_in: list[int], pooled: list[int]
) -> None:
    work = used()
    assert pool(sleeves, selling, lots_in, work)
    assert work.available.tolist() == pooled


def test_a_millionth_that_no_lot_has_is_lacking() -> None:
    assert pool([0, 1], {0: 9, 1: 6}, [0, 0, 1], used())
    assert not pool([0, 1], {0: 10, 1: 5}, [0, 0, 1], used())
    assert not pool([0, 1, 2], {2: 1}, [0, 0, 1], used())


def test_the_average_of_a_fund_begins_anew() -> None:
    """All three lots: 15 millionths at 1,500 cents; no fund: no average."""
    lots = r.lots_of(ROWS, [0, 1, 2])
    fund, stock = sale(averages=True), sale(averages=False)
    open_average(fund, lots)
    assert (fund.average_units, fund.average_basis) == (15, 1_500)
    open_average(stock, lots)
    assert not stock.averages and (stock.average_units, stock.average_basis) == (0, 0)


def test_the_average_of_a_few_millionths() -> None:
    """3 millionths at 301 cents in all: one costs 100.33, which is 100; two are left at 201, one of them 100.5."""
    lots = [Lot("a", 18_000, 1, 100), Lot("b", 18_001, 2, 201)]
    done = sell(Sale(lots, {0: 1}, method=r.AVERAGE, price=DOLLAR, fund=True))
    assert [(part.lot_id, part.units, part.basis) for part in done.slices] == [("a", 1, 100)]
    two = sell(Sale(lots, {0: 2}, method=r.AVERAGE, price=DOLLAR, fund=True))
    assert [(part.lot_id, part.units, part.basis) for part in two.slices] == [("a", 1, 100), ("b", 1, 101)]


def test_a_pick_behind_a_lot_that_stays() -> None:
    """Lot b alone is picked, though a is older; and of 6 units 5 of b go first, then 1 of a."""
    lots = [Lot("a", 18_000, 4 * UNIT, 400), Lot("b", 18_001, 5 * UNIT, 500)]
    picks = {"b": 5 * UNIT}
    assert sell(Sale(lots, {0: 5 * UNIT}, method=r.SPECIFIC, price=DOLLAR, picks=picks)).left == [("b", 5 * UNIT)]
    assert sell(Sale(lots, {0: 6 * UNIT}, method=r.SPECIFIC, price=DOLLAR, picks=picks)).left == [
        ("b", 5 * UNIT),
        ("a", UNIT),
    ]


def test_a_market_sell_that_skips_what_is_crossed() -> None:
    """9 leave the sleeve: 5 of b, picked, to market, and 4 of a, which is older, to the other sleeve."""
    lots = [Lot("a", 18_000, 4 * UNIT, 400), Lot("b", 18_001, 5 * UNIT, 500)]
    done = sell(Sale(lots, {0: 9 * UNIT}, {1: 4 * UNIT}, r.SPECIFIC, DOLLAR, picks={"b": 5 * UNIT}))
    assert done.left == [("b", 5 * UNIT)]
    assert [(move.lot_id, move.to, move.units, move.basis) for move in done.moves] == [("a", 1, 4 * UNIT, 400)]
